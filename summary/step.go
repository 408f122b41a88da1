package summary

import (
	"fmt"
	"math"
)

// FixedStep returns the step that stands for a place between two, such as epoch
// 1.25: of 1000 steps a unit, 1250. TensorBoard's axis has whole numbers only, and
// writes 1.25k there. It is the nearest step.
//
// Where the step has to stay what it is, the place is a curve of its own, as
// w.Scalar("epoch", epoch, step); [eventlog.Axis] maps by it, and so do the commands
// show and export of cmd/runhook, with --x epoch.
func FixedStep(place float64, perUnit int64) (int64, error) {
	if perUnit < 1 {
		return 0, fmt.Errorf("summary: FixedStep: %d steps a unit, want 1 or more", perUnit)
	}
	step := math.Round(place * float64(perUnit))
	if !(math.Abs(step) < 1<<63) {
		return 0, fmt.Errorf("summary: FixedStep: %v of %d steps a unit is no step", place, perUnit)
	}
	return int64(step), nil
}
