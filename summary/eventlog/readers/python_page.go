package readers

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/runhook/runhook/summary/eventpb"
)

// pythonPage is what data_provider and the plugins make of the runs.
func pythonPage(shown *Shown, runs []*pythonRun, losses *ledger) {
	page := newPage(losses)
	var bad []badScalar
	for _, r := range runs {
		run := Run{Name: r.name, Start: r.start, Started: r.started}
		if !r.started && r.unreadable != nil {
			page.fail(runList, r.unreadable) // It asks for the first event again.
		}
		tags := slices.Sorted(maps.Keys(r.series))
		for tag := range r.metadata {
			if _, ok := r.series[tag]; !ok {
				tags = append(tags, tag)
			}
		}
		slices.Sort(tags)
		for _, tag := range tags {
			md := r.metadata[tag]
			var ps []stored
			series, there := r.series[tag]
			if there {
				ps = series.points
			}
			page.plugin(md.GetPluginData().GetPluginName())
			s := listing{run: r.name, tag: tag, md: md}
			if why, detail := s.unlisted(); why != 0 {
				losses.points(why, r.name, tag, ps, detail)
				continue
			}
			if !there {
				err := fmt.Errorf("run %q, tag %q: metadata without a tensor (KeyError)", r.name, tag)
				page.fail(s.plugin(), err)
				if s.plugin() == scalars {
					bad = append(bad, badScalar{run: r.name, tag: tag, unlisted: true, err: err})
				}
				continue
			}
			if s.plugin() == scalars && len(ps) > 0 {
				if noItem, err := notNumber(&ps[len(ps)-1]); err != nil {
					err = fmt.Errorf("run %q, tag %q: %w", r.name, tag, err)
					bad = append(bad, badScalar{run: r.name, tag: tag, noItem: noItem, err: err})
				}
			}
			if s.plugin() == images && len(ps) == 0 {
				page.fail(images, fmt.Errorf("run %q, tag %q: all points purged (TypeError)", r.name, tag))
				continue
			}
			run.Tags = append(run.Tags, s.shownByPython(ps, losses))
		}
		shown.Runs = append(shown.Runs, run)
	}
	if h, err := readHParams(shown.Runs); err == nil && page.plugins[hparams] {
		if err := h.failure(shown.Runs, bad); err != nil {
			page.fail(hparams, err)
		}
	}
	page.finish(shown)
	slices.SortStableFunc(shown.Runs, byStart)
}

// shownByPython is the tag as data_provider serves it.
func (s listing) shownByPython(ps []stored, losses *ledger) Tag {
	t := s.shown()
	if t.Class == eventpb.DataClass_BLOB_SEQUENCE {
		s.pythonBlobs(&t, ps, losses)
		return t
	}
	for _, p := range ps {
		a, err := p.value.array()
		var value any = a
		if err == nil && t.Class == eventpb.DataClass_SCALAR {
			value, err = item(a)
		}
		if err != nil {
			t.Err = fmt.Errorf("step %d (%s, offset %d): %w", p.step, p.place.File, p.place.Offset, err)
			t.Points = nil
			return t
		}
		t.Points = append(t.Points, p.shown(value))
	}
	return t
}

// notNumber is why the value of a point cannot be a metric's. noItem tells that it
// is not even one element.
func notNumber(p *stored) (noItem bool, err error) {
	a, err := p.value.array()
	if err != nil {
		return true, err
	}
	value, err := item(a)
	if _, text := value.(string); text {
		return false, errors.New("a text, want a number")
	}
	return a.Len() != 1, err
}

// pythonBlobs serves, of each step, the first value, in the order of the steps.
func (s listing) pythonBlobs(t *Tag, ps []stored, losses *ledger) {
	first := make(map[int64]bool)
	for i := range ps {
		p := &ps[i]
		n := int64(1) // data_provider._tensor_size
		if p.value.kind == tensorDatum {
			for _, d := range p.value.tensor.GetTensorShape().GetDim() {
				n = mulSaturated(n, d.GetSize())
			}
		}
		if i == 0 || clampInt(n) > t.Samples {
			t.Samples = clampInt(n)
		}
		if first[p.step] {
			losses.point(SameStep, s.run, s.tag, p, Place{}, "")
			continue
		}
		first[p.step] = true
		point := p.shown(references(p.value, n))
		point.claimed = max(0, clampInt(n))
		t.Points = append(t.Points, point)
	}
	slices.SortStableFunc(t.Points, func(a, b Point) int { return cmp.Compare(a.Step, b.Step) })
	if len(ps) == 0 && t.Plugin == audio {
		t.Err = errors.New("all points purged: no number of samples")
	}
}

// maxClaimed is how many blobs a point has at most, or as many as the message
// holds strings: a shape can claim any number.
const maxClaimed = 64

// references are the n blobs that the server has for a tensor, with what it
// answers when it is asked for each.
func references(d datum, n int64) []Blob {
	held := int64(max(len(d.tensor.GetStringVal()), maxClaimed))
	blobs := make([]Blob, 0, min(max(n, 0), held))
	a, err := d.array()
	if err == nil && len(a.shape) != 1 {
		err = fmt.Errorf("a tensor of shape %v, want rank 1", a.shape)
	}
	if err == nil && a.DType() != eventpb.DataType_STRING {
		err = fmt.Errorf("a tensor of type %v, want STRING", a.DType())
	}
	if err != nil {
		for range cap(blobs) {
			blobs = append(blobs, Blob{Err: err})
		}
		return blobs
	}
	for b := range a.Strings() {
		if len(blobs) == cap(blobs) {
			break
		}
		blobs = append(blobs, Blob{Data: b})
	}
	return blobs
}
