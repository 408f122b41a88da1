package eventlog

import (
	"cmp"
	"math"
	"slices"
)

// An Axis tells where steps are on another axis: the values of a curve, such as the
// epoch, which a training loop writes beside the others of its run.
type Axis struct{ points []point } // of rising steps

// NewAxis returns the axis that the curve of a run is for the others of the run.
// Where it has several points of one step, the last one counts. Nothing of c is
// kept.
func NewAxis(c *Curve) *Axis {
	points := make([]point, len(c.Steps))
	for i, step := range c.Steps {
		points[len(points)-1-i] = point{step: step, value: c.Values[i]}
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.step, b.step) })
	return &Axis{slices.CompactFunc(points, func(a, b point) bool { return a.step == b.step })}
}

// At returns the value of the curve at a step, between two points that of the line
// from one to the other. It is NaN where the curve tells nothing: before its first
// point, behind its last one, and beside one that is not finite.
func (a *Axis) At(step int64) float64 {
	i, found := slices.BinarySearchFunc(a.points, step, func(p point, step int64) int { return cmp.Compare(p.step, step) })
	switch {
	case found:
		return a.points[i].value
	case i == 0 || i == len(a.points):
		return math.NaN()
	}
	from, to := a.points[i-1], a.points[i]
	if from.value-from.value != 0 || to.value-to.value != 0 {
		return math.NaN()
	}
	// Unsigned, since the steps may be farther apart than the greatest int64.
	part := float64(uint64(step)-uint64(from.step)) / float64(uint64(to.step)-uint64(from.step))
	return from.value*(1-part) + to.value*part
}
