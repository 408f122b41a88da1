package chart

import "math"

// Smooth returns ys smoothed as TensorBoard does it, by classicSmoothing of
// webapp/widgets/line_chart_v2/data_transformer.ts: an exponential moving average
// of the given weight, from 0 to 1, without the bias that its start at 0 would
// give. A constant curve, and what is not finite, stays.
func Smooth(ys []float64, weight float64) []float64 {
	out := make([]float64, len(ys))
	constant := true
	for _, y := range ys {
		constant = constant && y == ys[0]
	}
	last, biased := 0.0, 1.0
	for i, y := range ys {
		if constant || math.IsNaN(y) || math.IsInf(y, 0) {
			out[i] = y
			continue
		}
		last = last*weight + (1-weight)*y
		biased *= weight
		out[i] = last
		if weight != 1 {
			out[i] /= 1 - biased
		}
	}
	return out
}
