package gomlx_test

import (
	"context"
	"testing"

	"github.com/runhook/runhook/adapters/gomlx"
	"github.com/runhook/runhook/hooks/hookstest"
	"github.com/runhook/runhook/session"
)

func TestAllHooksWork(t *testing.T) {
	options := hookstest.Options{
		Loss:    "loss",
		Tensors: []string{weights, "grad:" + weights, "inputs/0"},
		State:   []string{weights, "/out/dense/biases", "/AdamOptimizer/hidden/dense/weights_1st_moment"},
		Rate:    gomlx.LearningRate,
		Feeds:   session.Feeds{"inputs/0": session.TensorOf(make([]float32, batchSize*pixels), batchSize, pixels)},
	}
	t.Run("with checkpoints of runhook", func(t *testing.T) {
		options := options
		options.State = append(options.State, "/metrics/~loss/mean", "/#rngState")
		hookstest.TestEngine(t, engineOf, options)
	})
	t.Run("with checkpoints of GoMLX", func(t *testing.T) {
		options.Saver = func(t *testing.T) session.Saver { return newSaver(t, 5) }
		hookstest.TestEngine(t, engineOf, options)
	})
}

func TestAllHooksWorkOnALoop(t *testing.T) {
	loops := make(map[session.Engine]func(ctx context.Context, config session.Config) error)
	hookstest.TestEngine(t, func(t *testing.T) session.Engine {
		loop, data, engine := newLoop(t)
		loops[engine] = func(ctx context.Context, config session.Config) error {
			a, err := gomlx.Attach(ctx, loop, config)
			if err != nil {
				return err
			}
			_, err = loop.RunSteps(data, 1000)
			return a.Close(err)
		}
		return engine
	}, hookstest.Options{
		Loss:    "loss",
		Tensors: []string{weights, "grad:" + weights},
		State:   []string{weights, "/out/dense/biases", "/AdamOptimizer/hidden/dense/weights_1st_moment"},
		Rate:    gomlx.LearningRate,
		Train: func(ctx context.Context, config session.Config) error {
			return loops[config.Engine](ctx, config)
		},
	})
}

func engineOf(t *testing.T) session.Engine { return newEngine(t) }
