package main

import "context"

// Gradient descent moves the line towards the points.
func after(ctx context.Context, logdir string, l *line, xs, ys []float64) error {
	return hooked(ctx, logdir, l, func() {
		loss, dw, db := l.gradient(xs, ys)
		l.loss = loss
		l.w -= 0.1 * dw
		l.b -= 0.1 * db
	})
}
