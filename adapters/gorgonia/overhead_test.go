package gorgonia_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/runhook/runhook/adapters/gorgonia"
	"github.com/runhook/runhook/hooks/hookstest"
)

const (
	width = 784
	size  = 64
)

// newWide is a network like that of examples/gomlx-fashion, without biases.
func newWide(b *testing.B) gorgonia.Config {
	b.Helper()
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float32, G.WithShape(size, width), G.WithName("x"), G.WithInit(G.Uniform(0, 1)))
	y := G.NewMatrix(g, tensor.Float32, G.WithShape(size, 10), G.WithName("y"), G.WithInit(G.Uniform(0, 0.1)))
	w0 := G.NewMatrix(g, tensor.Float32, G.WithShape(width, 128), G.WithName("hidden/w"), G.WithInit(G.GlorotN(1)))
	w1 := G.NewMatrix(g, tensor.Float32, G.WithShape(128, 10), G.WithName("out/w"), G.WithInit(G.GlorotN(1)))
	probabilities := G.Must(G.SoftMax(G.Must(G.Mul(G.Must(G.Rectify(G.Must(G.Mul(x, w0)))), w1))))
	loss := G.Must(G.Neg(G.Must(G.Mean(G.Must(G.HadamardProd(G.Must(G.Log(probabilities)), y))))))
	G.WithName("loss")(loss)
	_, err := G.Grad(loss, w0, w1)
	require.NoError(b, err)
	return gorgonia.Config{Graph: g, Learnables: G.Nodes{w0, w1}, Solver: G.NewAdamSolver()}
}

func BenchmarkOverhead(b *testing.B) {
	config := newWide(b)
	vm := G.NewTapeMachine(config.Graph, G.BindDualValues(config.Learnables...))
	defer vm.Close()
	grads := G.NodesToValueGrads(config.Learnables)
	plain := func() error {
		defer vm.Reset()
		if err := vm.RunAll(); err != nil {
			return err
		}
		return config.Solver.Step(grads)
	}
	hookstest.BenchmarkOverhead(b, plain, newEngine(b, newWide(b)), hookstest.Options{Loss: "loss", Tensors: []string{"hidden/w"}})
}
