package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) diffCommand() *cobra.Command {
	var s selection
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two runs, or two log directories run by run",
		Long: `diff compares what A and B hold, two log directories or event files: which tags
only one of them has, and where points differ in their steps or values. Wall
times do not count, nor does the form in which a value is stored, nor into how
many files a run is divided. If each has one run these two are compared,
whatever their names; else runs of the same name.

Scalars differ if |a-b| is above --tolerance plus --relative times the greater of
|a| and |b|; NaN equals NaN. All other values are equal or not.

Exit status: 0 the same, 1 different (or damaged files), 2 not compared.`,
		Example: `  runhook diff runs/seed1 runs/seed2
  runhook diff before after --tag '*loss' --relative 1e-6
  runhook diff runs repaired --purge=false && echo nothing lost`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.diff(cmd.Context(), args[0], args[1], &s, o)
		},
	}
	s.names(a, cmd)
	s.kindsFlag(cmd)
	s.events(cmd)
	s.purgeFlag(cmd, true)
	cmd.Flags().Float64Var(&o.tolerance, "tolerance", 0, "scalars that are so far apart are equal")
	cmd.Flags().Float64Var(&o.relative, "relative", 0, "and so far in parts of the greater one")
	return cmd
}

type diffOptions struct{ tolerance, relative float64 }

// equal compares two scalars.
func (o diffOptions) equal(a, b float64) bool {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return true
	}
	return math.Abs(a-b) <= o.tolerance+o.relative*max(math.Abs(a), math.Abs(b)) && !math.IsInf(a, 0) && !math.IsInf(b, 0)
}

// A series of one side: its points sorted by step, those of one step in the order
// of the file.
type side struct {
	kinds  map[eventlog.Kind]bool
	points []diffPoint
}

type diffPoint struct {
	step  int64
	value float64  // a scalar
	hash  [16]byte // of another value; zero for a scalar
}

type seriesKey struct{ run, tag string }

// A difference is what is not the same in one series.
type difference struct {
	Run       string   `json:"run"`
	Tag       string   `json:"tag"`
	OnlyIn    string   `json:"only_in,omitempty"` // "a" or "b"
	Kinds     []string `json:"kinds,omitempty"`   // of a and b, where they differ
	PointsA   int      `json:"points_a"`
	PointsB   int      `json:"points_b"`
	Missing   int      `json:"only_in_a"` // points
	Added     int      `json:"only_in_b"` // points
	Changed   int      `json:"changed"`   // points at the same step, of another value
	FirstStep *int64   `json:"first_step,omitempty"`
	MaxDiff   *number  `json:"max_difference,omitempty"` // of scalars
	AtStep    *int64   `json:"at_step,omitempty"`        // of MaxDiff
}

func (a *app) diff(ctx context.Context, pathA, pathB string, s *selection, o diffOptions) error {
	if !(o.tolerance >= 0) || !(o.relative >= 0) {
		return fmt.Errorf("--tolerance %v, --relative %v, want 0 or more", o.tolerance, o.relative)
	}
	var sides [2]map[seriesKey]*side
	var logs [2]*log
	status := told(statusDone)
	for i, path := range []string{pathA, pathB} {
		var err error
		if logs[i], err = a.open(path, s); err != nil {
			return err
		}
		var found told
		sides[i], found, err = a.side(ctx, logs[i])
		if err != nil {
			return err
		}
		status = max(status, found)
	}
	if len(logs[0].runs) == 1 && len(logs[1].runs) == 1 {
		sides[1] = renamed(sides[1], logs[0].runs[0].Name)
	}
	differences := compare(sides[0], sides[1], o)
	if len(differences) > 0 {
		status = max(status, statusFound)
	}
	if a.json {
		return cmp.Or(writeJSON(a.Out, differences), status.ended())
	}
	if len(differences) == 0 {
		return status.ended()
	}
	t := newTable("RUN", "TAG", "DIFFERENCE")
	for _, d := range differences {
		t.add(d.Run, d.Tag, d.String())
	}
	return cmp.Or(t.write(a.Out), status.ended())
}

func renamed(series map[seriesKey]*side, run string) map[seriesKey]*side {
	out := make(map[seriesKey]*side, len(series))
	for key, s := range series {
		out[seriesKey{run, key.tag}] = s
	}
	return out
}

// side reads one side.
func (a *app) side(ctx context.Context, l *log) (map[seriesKey]*side, told, error) {
	series := make(map[seriesKey]*side)
	status := told(statusDone)
	err := a.measured(l, "reading", false, func() error {
		for e, err := range eventlog.Events(ctx, l.path, l.config) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				status = max(status, a.tell(err))
				continue
			}
			for v, err := range e.Values() {
				if err == nil && (l.kind == nil || l.kind(v.Kind)) {
					key := seriesKey{e.Run, v.Tag}
					if series[key] == nil {
						series[key] = &side{kinds: make(map[eventlog.Kind]bool)}
					}
					err = series[key].add(e, &v)
				}
				status = max(status, a.tell(err))
			}
		}
		return nil
	})
	for _, s := range series {
		slices.SortStableFunc(s.points, func(a, b diffPoint) int { return cmp.Compare(a.step, b.step) })
	}
	return series, status, err
}

func (s *side) add(e *eventlog.Event, v *eventlog.Value) error {
	p := diffPoint{step: e.Step}
	var err error
	if v.Kind == eventlog.KindScalar {
		p.value, err = v.Scalar()
	} else {
		p.hash, err = hash(v)
	}
	if err != nil {
		return &eventlog.RecordError{File: e.File, Offset: e.Offset, Err: err}
	}
	s.kinds[v.Kind] = true
	s.points = append(s.points, p)
	return nil
}

// hash stands for the contents of a value, not for how it is stored.
func hash(v *eventlog.Value) (sum [16]byte, err error) {
	h := sha256.New()
	piece := func(b []byte) {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	piece([]byte(v.Kind.String()))
	switch v.Kind {
	case eventlog.KindHParams:
		piece(v.Metadata.Content)
	case eventlog.KindUnknown:
	case eventlog.KindImage, eventlog.KindAudio, eventlog.KindGraph, eventlog.KindRunMetadata, eventlog.KindBlob:
		files, ferr := filesOf(v)
		err = ferr
		for _, f := range files {
			piece(f.data)
		}
	default:
		t, terr := v.Tensor()
		if err = terr; err != nil {
			break
		}
		fmt.Fprint(h, t.DType, t.Shape)
		if strings, ok := t.Data().([][]byte); ok {
			for _, s := range strings {
				piece(s)
			}
		} else {
			err = binary.Write(h, binary.LittleEndian, t.Data())
		}
	}
	copy(sum[:], h.Sum(nil))
	return sum, err
}

// compare returns the differences, sorted by run and tag.
func compare(a, b map[seriesKey]*side, o diffOptions) []difference {
	keys := make(map[seriesKey]bool, len(a))
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	sorted := slices.SortedFunc(maps.Keys(keys), func(a, b seriesKey) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.tag, b.tag))
	})
	out := []difference{}
	for _, key := range sorted {
		if d := compareSeries(a[key], b[key], o); d != nil {
			d.Run, d.Tag = key.run, key.tag
			out = append(out, *d)
		}
	}
	return out
}

// compareSeries returns nil if there is no difference. One side may be nil.
func compareSeries(a, b *side, o diffOptions) *difference {
	switch {
	case b == nil:
		return &difference{OnlyIn: "a", PointsA: len(a.points), Missing: len(a.points)}
	case a == nil:
		return &difference{OnlyIn: "b", PointsB: len(b.points), Added: len(b.points)}
	}
	d := &difference{PointsA: len(a.points), PointsB: len(b.points)}
	if !maps.Equal(a.kinds, b.kinds) {
		d.Kinds = []string{kindsOf(a), kindsOf(b)}
	}
	as, bs := a.points, b.points
	for len(as) > 0 || len(bs) > 0 {
		switch {
		case len(bs) == 0 || len(as) > 0 && as[0].step < bs[0].step:
			d.first(as[0].step)
			d.Missing++
			as = as[1:]
		case len(as) == 0 || bs[0].step < as[0].step:
			d.first(bs[0].step)
			d.Added++
			bs = bs[1:]
		default:
			d.compare(as[0], bs[0], o)
			as, bs = as[1:], bs[1:]
		}
	}
	if d.FirstStep == nil && d.Kinds == nil {
		return nil
	}
	return d
}

func (d *difference) first(step int64) {
	if d.FirstStep == nil {
		d.FirstStep = &step
	}
}

// compare looks at two points of the same step.
func (d *difference) compare(a, b diffPoint, o diffOptions) {
	if a.hash == b.hash && (a.hash != [16]byte{} || o.equal(a.value, b.value)) {
		return
	}
	d.first(a.step)
	d.Changed++
	if a.hash != [16]byte{} || b.hash != [16]byte{} {
		return
	}
	by := number(math.Abs(a.value - b.value))
	if d.MaxDiff == nil || by > *d.MaxDiff {
		d.MaxDiff, d.AtStep = &by, &a.step
	}
}

func kindsOf(s *side) string {
	text := ""
	for _, k := range slices.Sorted(maps.Keys(s.kinds)) {
		if text != "" {
			text += "+"
		}
		text += k.String()
	}
	return text
}

// String says it for people.
func (d *difference) String() string {
	switch d.OnlyIn {
	case "a":
		return "only in A: " + count(d.PointsA, "point")
	case "b":
		return "only in B: " + count(d.PointsB, "point")
	}
	text := ""
	add := func(format string, args ...any) {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf(format, args...)
	}
	if d.Kinds != nil {
		add("%s in A, %s in B", d.Kinds[0], d.Kinds[1])
	}
	if d.Missing > 0 {
		add("%s only in A", count(d.Missing, "point"))
	}
	if d.Added > 0 {
		add("%s only in B", count(d.Added, "point"))
	}
	if d.Changed > 0 {
		add("%s of %s differ", grouped(int64(d.Changed)), grouped(int64(d.PointsA-d.Missing)))
	}
	if d.MaxDiff != nil {
		add("most by %s at step %d", figure(float64(*d.MaxDiff)), *d.AtStep)
	}
	if d.FirstStep != nil {
		add("first at step %d", *d.FirstStep)
	}
	return text
}
