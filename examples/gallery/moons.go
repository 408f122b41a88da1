package main

import (
	"math"
	"math/rand/v2"
)

// A point is a place and which of two moons it is of.
type point struct {
	x, y  float64
	upper bool
}

// moons returns n points of two moons that lie in each other, half of them of
// each, in random order.
func moons(n int, rng *rand.Rand) []point {
	const noise = 0.22
	points := make([]point, n)
	for i := range points {
		sin, cos := math.Sincos(math.Pi * rng.Float64())
		p := point{x: cos - 0.5, y: sin - 0.25, upper: i%2 == 0}
		if !p.upper {
			p.x, p.y = -p.x, -p.y
		}
		p.x += noise * rng.NormFloat64()
		p.y += noise * rng.NormFloat64()
		points[i] = p
	}
	rng.Shuffle(n, func(i, j int) { points[i], points[j] = points[j], points[i] })
	return points
}
