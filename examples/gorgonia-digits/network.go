package main

import (
	"context"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/runhook/runhook/adapters/gorgonia"
	"github.com/runhook/runhook/session"
)

const (
	batchSize = 60
	hidden    = 32
	peakRate  = 0.5
)

// A network is a graph with a hidden layer, and the batches that it learns from.
type network struct {
	graph      *G.ExprGraph
	x, y       *G.Node
	learnables G.Nodes
	data       digits
	random     *rand.Rand
	order      []int // of what is left of the epoch
}

func newNetwork(data digits, seed uint64) (*network, error) {
	n := &network{graph: G.NewGraph(), data: data, random: rand.New(rand.NewPCG(seed, 2))}
	n.x = G.NewMatrix(n.graph, tensor.Float32, G.WithShape(batchSize, pixels), G.WithName("x"))
	n.y = G.NewMatrix(n.graph, tensor.Float32, G.WithShape(batchSize, classes), G.WithName("y"))
	inner, err := n.layer("hidden", n.x, pixels, hidden)
	if err != nil {
		return nil, err
	}
	if inner, err = G.Rectify(inner); err != nil {
		return nil, err
	}
	G.WithName("hidden/activations")(inner)
	logits, err := n.layer("out", inner, hidden, classes)
	if err != nil {
		return nil, err
	}
	probabilities, err := G.SoftMax(logits)
	if err != nil {
		return nil, err
	}
	G.WithName("probabilities")(probabilities)
	loss, err := crossEntropy(probabilities, n.y)
	if err != nil {
		return nil, err
	}
	G.WithName("loss")(loss)
	_, err = G.Grad(loss, n.learnables...)
	return n, err
}

// layer returns in · w + b.
func (n *network) layer(name string, in *G.Node, from, to int) (*G.Node, error) {
	weights := make([]float32, from*to)
	for i := range weights {
		weights[i] = float32(n.random.NormFloat64() * math.Sqrt(2/float64(from)))
	}
	w := G.NewMatrix(n.graph, tensor.Float32, G.WithName(name+"/w"),
		G.WithValue(tensor.New(tensor.WithShape(from, to), tensor.WithBacking(weights))))
	b := G.NewMatrix(n.graph, tensor.Float32, G.WithName(name+"/b"), G.WithShape(1, to), G.WithInit(G.Zeroes()))
	n.learnables = append(n.learnables, w, b)
	product, err := G.Mul(in, w)
	if err != nil {
		return nil, err
	}
	return G.BroadcastAdd(product, b, nil, []byte{0})
}

// crossEntropy is the mean, over a batch, of -log(p) of the right class.
func crossEntropy(probabilities, y *G.Node) (*G.Node, error) {
	logs, err := G.Log(probabilities)
	if err != nil {
		return nil, err
	}
	right, err := G.HadamardProd(logs, y)
	if err != nil {
		return nil, err
	}
	sum, err := G.Sum(right)
	if err != nil {
		return nil, err
	}
	return G.Mul(sum, G.NewConstant(float32(-1.0/batchSize)))
}

func (n *network) config() gorgonia.Config {
	return gorgonia.Config{
		Graph:      n.graph,
		Learnables: n.learnables,
		Solver:     G.NewVanillaSolver(G.WithLearnRate(peakRate)),
		LearnRate:  peakRate,
		Next:       n.next,
	}
}

// next puts the next batch into x and y.
func (n *network) next(context.Context) error {
	if len(n.order) < batchSize {
		n.order = n.random.Perm(n.data.len())
	}
	images, labels := n.data.batch(n.order[:batchSize])
	n.order = n.order[batchSize:]
	if err := G.Let(n.x, tensor.New(tensor.WithShape(batchSize, pixels), tensor.WithBacking(images))); err != nil {
		return err
	}
	return G.Let(n.y, tensor.New(tensor.WithShape(batchSize, classes), tensor.WithBacking(labels)))
}

// accuracy is the part of the digits that s reads correctly. Their number is one
// of whole batches.
func (d digits) accuracy(ctx context.Context, s session.Session) (float64, error) {
	right := 0
	for from := 0; from < d.len(); from += batchSize {
		indices := make([]int, batchSize)
		for i := range indices {
			indices[i] = from + i
		}
		images, labels := d.batch(indices)
		values, err := session.EvalFed(ctx, s, session.Feeds{
			"x": session.TensorOf(images, batchSize, pixels), "y": session.TensorOf(labels, batchSize, classes),
		}, "probabilities")
		if err != nil {
			return 0, err
		}
		probabilities, err := session.Fetch[[]float32]("probabilities").Get(values)
		if err != nil {
			return 0, err
		}
		for i, index := range indices {
			if likeliest(probabilities[i*classes:(i+1)*classes]) == int(d.labels[index]) {
				right++
			}
		}
	}
	return float64(right) / float64(d.len()), nil
}

func likeliest(probabilities []float32) int {
	best := 0
	for i, p := range probabilities {
		if p > probabilities[best] {
			best = i
		}
	}
	return best
}
