package cli

import (
	"fmt"
	"math"
	"slices"

	"github.com/runhook/runhook/summary/eventlog"
)

// Axes are what --x TAG asks for: where the steps of a run are on the axis of that
// scalar, by the name of the run.
type axes struct {
	tag  string
	runs map[string]*eventlog.Axis
}

// filter admits, besides what chosen does, the whole curve that is the axis.
func (x *axes) filter(chosen eventlog.Filter) eventlog.Filter {
	all := eventlog.Filter{Run: chosen.Run}
	if chosen.Tag != nil {
		all.Tag = func(tag string) bool { return tag == x.tag || chosen.Tag(tag) }
	}
	return all
}

// take takes the axes from the curves. It returns the others as far as they are
// chosen, but not those of runs without an axis, which it names. An axis is itself
// among them only where tags are chosen, and it is one of these.
func (x *axes) take(curves []eventlog.Curve, chosen eventlog.Filter) (rest []eventlog.Curve, without []string) {
	x.runs = make(map[string]*eventlog.Axis)
	for i := range curves {
		if curves[i].Tag == x.tag {
			x.runs[curves[i].Run] = eventlog.NewAxis(&curves[i])
		}
	}
	for _, c := range curves {
		switch {
		case c.Tag == x.tag && (chosen.Tag == nil || !chosen.Tag(c.Tag)):
		case x.runs[c.Run] == nil:
			if !slices.Contains(without, c.Run) {
				without = append(without, c.Run)
			}
		default:
			if c = choose(c, chosen); len(c.Steps) > 0 {
				rest = append(rest, c)
			}
		}
	}
	return rest, without
}

// choose returns the points of a curve whose steps and times are chosen.
func choose(c eventlog.Curve, chosen eventlog.Filter) eventlog.Curve {
	return points(c, func(i int) bool {
		return (chosen.Step == nil || chosen.Step(c.Steps[i])) && (chosen.WallTime == nil || chosen.WallTime(c.WallTimes[i]))
	})
}

// points returns a curve of those points of c that are kept.
func points(c eventlog.Curve, keep func(i int) bool) eventlog.Curve {
	kept := c
	kept.Steps, kept.WallTimes, kept.Values = nil, nil, nil
	for i := range c.Steps {
		if keep(i) {
			kept.Steps = append(kept.Steps, c.Steps[i])
			kept.WallTimes = append(kept.WallTimes, c.WallTimes[i])
			kept.Values = append(kept.Values, c.Values[i])
		}
	}
	return kept
}

// at returns where a step of a run is; NaN if that is not known.
func (x *axes) at(run string, step int64) float64 {
	axis := x.runs[run]
	if axis == nil {
		return math.NaN()
	}
	return axis.At(step)
}

// place returns the points of a curve that have a finite place, and their places.
func (x *axes) place(c eventlog.Curve) (placed eventlog.Curve, places []float64) {
	placed = points(c, func(i int) bool {
		at := x.at(c.Run, c.Steps[i])
		if math.IsNaN(at) || math.IsInf(at, 0) {
			return false
		}
		places = append(places, at)
		return true
	})
	return placed, places
}

// missing is the error of there being no axis at all.
func (x *axes) missing() error {
	if len(x.runs) > 0 {
		return nil
	}
	return fmt.Errorf("--x %q: no run has a scalar of this tag", x.tag)
}
