package eventlog

import (
	"cmp"
	"context"
	"slices"
)

// A Series is all values of one tag in one run that are of one kind. A tag whose
// values are of several kinds, which TensorBoard shows in part, is several. Those
// of KindUnknown, which hold nothing that could be shown, are a series only where
// the tag has no other: a run that was resumed may have some.
type Series struct {
	Run, Tag  string
	Kind      Kind
	Metadata  *Metadata // of the first value
	Count     int
	FirstStep int64   // the lowest, which need not be that of the first value
	LastStep  int64   // the highest
	LastTime  float64 // wall time of the latest value in the order of the files

	assumed bool
}

// Tags lists the series of all runs below path, a log directory or an event
// file, sorted by run, tag and kind. No value is decoded. The error tells of
// damage, what comes with it is right; a torn tail is passed over as by Events.
// If ctx is done there are no series.
func Tags(ctx context.Context, path string, config Config) ([]Series, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	runs, listing := config.runs(path)
	results, err := config.scan(ctx, runs, false, func(e *Event, v Value) error {
		v.tag.count(Series{
			Run: e.Run, Tag: v.Tag, Kind: v.Kind, Metadata: v.Metadata,
			Count: 1, FirstStep: e.Step, LastStep: e.Step, LastTime: e.WallTime, assumed: v.assumed,
		})
		return nil
	})
	if results == nil {
		return nil, cmp.Or(err, listing)
	}
	var all []Series
	for i := range runs {
		tags := make(map[string]*tag)
		for _, r := range results[i] {
			for name, found := range r.decoder.tags {
				t := tags[name]
				if t == nil {
					t = &tag{name: name}
					tags[name] = t
				}
				for _, s := range found.series {
					if s.assumed && t.kind() != 0 {
						s.Kind, s.assumed = t.kind(), false
					}
					t.count(s)
				}
				if t.kind() == 0 {
					t.first = found.first
				}
			}
		}
		for _, t := range tags {
			if len(t.series) > 1 {
				t.series = slices.DeleteFunc(t.series, func(s Series) bool { return s.Kind == KindUnknown })
			}
			all = append(all, t.series...)
		}
	}
	slices.SortFunc(all, func(a, b Series) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Kind, b.Kind))
	})
	return all, join(listing, err)
}

// count adds what came later to the series of its kind.
func (t *tag) count(later Series) {
	for i := range t.series {
		s := &t.series[i]
		if s.Kind == later.Kind {
			s.Count += later.Count
			s.FirstStep, s.LastStep = min(s.FirstStep, later.FirstStep), max(s.LastStep, later.LastStep)
			s.LastTime = later.LastTime
			s.assumed = s.assumed && later.assumed
			return
		}
	}
	t.series = append(t.series, later)
}
