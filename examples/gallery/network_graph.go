package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// newGraph is the network and its training as a graph.
func newGraph(t *training) *graph.Graph {
	g := graph.New()
	g.CreateGlobalStep()
	g.Placeholder("data/points", session.Any(t.trainSet))
	g.Node("data/coordinates", coordinates, "data/points")

	parameters := []string{"data/points"}
	var updates []string
	first := newNetwork(t.units, rand.New(rand.NewPCG(1, 2)))
	in := "data/coordinates"
	for i, scope := range []string{"model/hidden_1", "model/hidden_2", "model/output"} {
		weights, bias, update := scope+"/weights", scope+"/bias", fmt.Sprintf("optimizer/layer_%d", i+1)
		g.Variable(weights, func() session.Value { return session.Any(first.clone().layers[i].weights) })
		g.Variable(bias, func() session.Value { return session.Any(first.clone().layers[i].bias) })
		g.Node(scope+"/product", product, in, weights)
		g.Node(scope+"/sum", sum, scope+"/product", bias)
		g.Node(scope+"/activation", each(squash[i]), scope+"/sum")
		in = scope + "/activation"
		g.Update(update, descend(i, t.rate), weights, bias, "optimizer/gradient")
		parameters = append(parameters, weights, bias)
		updates = append(updates, update)
	}
	g.Node("loss/cross_entropy", crossEntropy, in, "data/points")
	g.Node("loss/mean", mean, "loss/cross_entropy")
	g.Node("optimizer/gradient", gradient, parameters...)
	g.Train(session.TrainOp, updates...)
	return g
}

// What the nodes compute: matrices have a row for each point.

func coordinates(_ context.Context, in []session.Value) (session.Value, error) {
	var rows [][]float64
	for _, p := range in[0].Any().([]point) {
		rows = append(rows, []float64{p.x, p.y})
	}
	return session.Any(rows), nil
}

func product(_ context.Context, in []session.Value) (session.Value, error) {
	x, weights := in[0].Any().([][]float64), in[1].Any().([][]float64)
	out := matrix(len(x), len(weights))
	for i, row := range x {
		for j, w := range weights {
			for k := range w {
				out[i][j] += row[k] * w[k]
			}
		}
	}
	return session.Any(out), nil
}

func sum(_ context.Context, in []session.Value) (session.Value, error) {
	x, bias := in[0].Any().([][]float64), in[1].Any().([]float64)
	out := matrix(len(x), len(bias))
	for i, row := range x {
		for j, b := range bias {
			out[i][j] = row[j] + b
		}
	}
	return session.Any(out), nil
}

func each(f func(float64) float64) graph.Func {
	return func(_ context.Context, in []session.Value) (session.Value, error) {
		x := in[0].Any().([][]float64)
		out := matrix(len(x), len(x[0]))
		for i, row := range x {
			for j, v := range row {
				out[i][j] = f(v)
			}
		}
		return session.Any(out), nil
	}
}

func crossEntropy(_ context.Context, in []session.Value) (session.Value, error) {
	probabilities, points := in[0].Any().([][]float64), in[1].Any().([]point)
	out := make([]float64, len(points))
	for i, p := range points {
		out[i] = p.loss(probabilities[i][0])
	}
	return session.TensorOf(out), nil
}

func mean(_ context.Context, in []session.Value) (session.Value, error) {
	t, _ := in[0].Tensor()
	losses, total := t.Data.([]float64), 0.0
	for _, x := range losses {
		total += x
	}
	return session.Float64(total / float64(len(losses))), nil
}

func gradient(_ context.Context, in []session.Value) (session.Value, error) {
	var n network
	for i := range n.layers {
		n.layers[i] = layer{in[1+2*i].Any().([][]float64), in[2+2*i].Any().([]float64)}
	}
	return session.Any(n.gradient(in[0].Any().([]point))), nil
}

func descend(i int, rate float64) graph.UpdateFunc {
	return func(_ context.Context, in []session.Value) error {
		l := layer{in[0].Any().([][]float64), in[1].Any().([]float64)}
		l.descend(in[2].Any().(*network).layers[i], rate)
		return nil
	}
}
