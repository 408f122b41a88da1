package gorgonia_test

import (
	"testing"

	"github.com/runhook/runhook/adapters/gorgonia"
	"github.com/runhook/runhook/hooks/hookstest"
	"github.com/runhook/runhook/session"
)

func TestAllHooksWork(t *testing.T) {
	hookstest.TestEngine(t, func(t *testing.T) session.Engine { return newEngine(t, newLine(t).config()) }, hookstest.Options{
		Loss:    "loss",
		Tensors: []string{"b", "grad:b", "prediction"},
		State:   []string{"line/w", "b"},
		Rate:    gorgonia.LearningRate,
		Feeds:   session.Feeds{"x": session.TensorOf([]float64{1, 2, 3, 4})},
	})
}
