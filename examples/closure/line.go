package main

import "math/rand/v2"

// steps is how often the line is moved.
const steps = 200

// A line is y = wx + b.
type line struct {
	w, b float64
	loss float64 // mean squared error before it was last moved
}

// gradient returns the mean squared error of the line and its derivatives.
func (l *line) gradient(xs, ys []float64) (loss, dw, db float64) {
	n := float64(len(xs))
	for i, x := range xs {
		e := l.w*x + l.b - ys[i]
		loss += e * e / n
		dw += 2 * e * x / n
		db += 2 * e / n
	}
	return loss, dw, db
}

// points returns n points near the line y = 2x + 1.
func points(n int) (xs, ys []float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range n {
		x := rng.Float64()*2 - 1
		xs = append(xs, x)
		ys = append(ys, 2*x+1+0.1*rng.NormFloat64())
	}
	return xs, ys
}
