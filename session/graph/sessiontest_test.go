package graph_test

import (
	"context"
	"io"
	"testing"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/session/sessiontest"
)

// A model is a graph with everything that a graph can have.
type model struct {
	*graph.Graph
	ended, blocked bool
	drawn          int64
}

func newModel() *model {
	m := &model{Graph: graph.New()}
	m.CreateGlobalStep()
	m.Variable("w", func() session.Value { return session.TensorOf([]float32{4, -4}) })
	m.Variable("seen", func() session.Value { return session.Int64(0) })
	m.Placeholder("rate", session.Float64(0.5))
	m.Placeholder("mask", session.Value{})
	batch := []float64{0}
	m.Node("batch", func(ctx context.Context, _ []session.Value) (session.Value, error) {
		if m.ended {
			return session.Value{}, io.EOF
		}
		if m.blocked {
			<-ctx.Done()
			return session.Value{}, ctx.Err()
		}
		m.drawn++
		batch[0] = float64(m.drawn)
		return session.TensorOf(batch), nil
	})
	m.Node("norm", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Tensor()
		sum := float32(0)
		for _, x := range w.Data.([]float32) {
			sum += x * x
		}
		return session.Float32(sum), nil
	}, "w")
	m.Node("seen+1", func(_ context.Context, in []session.Value) (session.Value, error) {
		seen, _ := in[0].Int64()
		return session.Int64(seen + 1), nil
	}, "seen")
	m.Update("shrink", func(_ context.Context, in []session.Value) error {
		w, _ := in[0].Tensor()
		rate, _ := in[1].Float64()
		for i := range w.Data.([]float32) {
			w.Data.([]float32)[i] *= float32(rate)
		}
		return nil
	}, "w", "rate", "batch")
	m.Assign("count", "seen", "seen+1")
	m.Train("train", "shrink", "count")
	return m
}

func TestAGraphIsAnEngine(t *testing.T) {
	leaktest.Check(t)
	sessiontest.TestEngine(t, func(*testing.T) session.Engine { return newModel() }, sessiontest.EngineOptions{
		Fetches: map[string]session.Kind{
			"w": session.KindTensor, "seen": session.KindInt64, "rate": session.KindFloat64,
			"batch": session.KindTensor, "norm": session.KindFloat32,
		},
		Volatile: []string{"batch"},
		Feeds: session.Feeds{
			"rate": session.Float64(0.25), "norm": session.Float32(-1), "batch": session.TensorOf([]float64{-1}), "mask": session.Bool(true),
		},
		EndInput: func(e session.Engine) { e.(*model).ended = true },
		Block:    func(e session.Engine) { e.(*model).blocked = true },
	})
}

func TestAGraphWithoutAGlobalStepIsAnEngine(t *testing.T) {
	leaktest.Check(t)
	sessiontest.TestEngine(t, func(*testing.T) session.Engine {
		g := graph.New()
		g.Variable("w", func() session.Value { return session.Float64(1) })
		g.Node("2w", func(_ context.Context, in []session.Value) (session.Value, error) {
			w, _ := in[0].Float64()
			return session.Float64(2 * w), nil
		}, "w")
		g.Assign("grow", "w", "2w")
		g.Train("fit", "grow")
		return g
	}, sessiontest.EngineOptions{
		Train:   "fit",
		Fetches: map[string]session.Kind{"w": session.KindFloat64, "2w": session.KindFloat64},
	})
}

func TestAGraphThatOnlyCountsIsAnEngine(t *testing.T) {
	leaktest.Check(t)
	sessiontest.TestEngine(t, func(*testing.T) session.Engine {
		g := graph.New()
		g.CreateGlobalStep()
		g.Train("train")
		return g
	}, sessiontest.EngineOptions{})
}
