package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// A network tells from x and y how likely a point is of the upper moon: two
// hidden layers of tanh, and a sigmoid.
type network struct{ layers [3]layer }

// A layer has a row of weights for each of its units.
type layer struct {
	weights [][]float64
	bias    []float64
}

func newNetwork(units int, rng *rand.Rand) *network {
	n := new(network)
	sizes := [...]int{2, units, units, 1}
	for i := range n.layers {
		n.layers[i] = newLayer(sizes[i], sizes[i+1])
		for _, row := range n.layers[i].weights {
			for j := range row {
				row[j] = rng.NormFloat64() / math.Sqrt(float64(sizes[i]))
			}
		}
	}
	return n
}

func newLayer(in, units int) layer {
	return layer{weights: matrix(units, in), bias: make([]float64, units)}
}

func (n *network) clone() *network {
	c := new(network)
	for i, l := range n.layers {
		c.layers[i].bias = slices.Clone(l.bias)
		for _, row := range l.weights {
			c.layers[i].weights = append(c.layers[i].weights, slices.Clone(row))
		}
	}
	return c
}

// predict returns the probability of the upper moon.
func (n *network) predict(x, y float64) float64 { return n.activations(x, y)[2][0] }

// activations returns what each layer makes of a point.
func (n *network) activations(x, y float64) (out [3][]float64) {
	in := []float64{x, y}
	for i, l := range n.layers {
		out[i] = make([]float64, len(l.bias))
		for unit, row := range l.weights {
			sum := l.bias[unit]
			for j, w := range row {
				sum += w * in[j]
			}
			out[i][unit] = squash[i](sum)
		}
		in = out[i]
	}
	return out
}

// squash is what each layer puts its sums through.
var squash = [3]func(float64) float64{math.Tanh, math.Tanh, sigmoid}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// loss is the cross entropy of a probability of the upper moon.
func (p point) loss(probability float64) float64 {
	if !p.upper {
		probability = 1 - probability
	}
	return -math.Log(max(probability, 1e-12))
}

// losses returns the loss of each point.
func (n *network) losses(points []point) []float64 {
	losses := make([]float64, len(points))
	for i, p := range points {
		losses[i] = p.loss(n.predict(p.x, p.y))
	}
	return losses
}

// score returns the mean loss of points, and the part of them that is told right.
func (n *network) score(points []point) score {
	loss, right := 0.0, 0
	for _, p := range points {
		probability := n.predict(p.x, p.y)
		loss += p.loss(probability) / float64(len(points))
		if (probability >= 0.5) == p.upper {
			right++
		}
	}
	return score{loss, float64(right) / float64(len(points))}
}

// gradient returns the derivatives of the mean loss of a batch.
func (n *network) gradient(batch []point) *network {
	g := new(network)
	for i, l := range n.layers {
		g.layers[i] = newLayer(len(l.weights[0]), len(l.bias))
	}
	for _, p := range batch {
		out := n.activations(p.x, p.y)
		delta := []float64{(out[2][0] - float64(index(p.upper))) / float64(len(batch))}
		for i := len(n.layers) - 1; i >= 0; i-- {
			in := []float64{p.x, p.y}
			if i > 0 {
				in = out[i-1]
			}
			below := make([]float64, len(in))
			for unit, d := range delta {
				g.layers[i].bias[unit] += d
				for j, x := range in {
					g.layers[i].weights[unit][j] += d * x
					below[j] += d * n.layers[i].weights[unit][j] * (1 - x*x)
				}
			}
			delta = below
		}
	}
	return g
}

// norm is the length of a gradient.
func (n *network) norm() float64 {
	var squares float64
	for _, l := range n.layers {
		for _, row := range slices.Concat(l.weights, [][]float64{l.bias}) {
			for _, x := range row {
				squares += x * x
			}
		}
	}
	return math.Sqrt(squares)
}

// descend moves the layers against a gradient.
func (n *network) descend(g *network, rate float64) {
	for i := range n.layers {
		n.layers[i].descend(g.layers[i], rate)
	}
}

func (l *layer) descend(g layer, rate float64) {
	for unit, row := range l.weights {
		for j := range row {
			row[j] -= rate * g.weights[unit][j]
		}
		l.bias[unit] -= rate * g.bias[unit]
	}
}

func matrix(rows, columns int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, columns)
	}
	return m
}

// index is 1 for the upper moon.
func index(upper bool) int {
	if upper {
		return 1
	}
	return 0
}
