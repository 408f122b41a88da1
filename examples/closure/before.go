package main

// before fits a line to points, as it did before there were hooks.
func before() (w, b float64) {
	xs, ys := points(100)
	for range 200 {
		_, dw, db := gradient(w, b, xs, ys)
		w -= 0.1 * dw
		b -= 0.1 * db
	}
	return w, b
}
