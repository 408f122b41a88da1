package main

// Gradient descent moves the line towards the points.
func before(l *line, xs, ys []float64) {
	for range steps {
		loss, dw, db := l.gradient(xs, ys)
		l.loss = loss
		l.w -= 0.1 * dw
		l.b -= 0.1 * db
	}
}
