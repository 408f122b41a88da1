package main

import (
	"io"
	"testing"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestKMeansIsAnEngine(t *testing.T) {
	sessiontest.TestEngine(t, func(*testing.T) session.Engine { return newKMeans(gaussianClouds(50), 5) }, sessiontest.EngineOptions{
		Train: "iterate",
		Fetches: map[string]session.Kind{
			"inertia": session.KindFloat64, "moved": session.KindFloat64, "cluster": session.KindTensor,
		},
	})
}

func TestAConvergedHookIsAHook(t *testing.T) {
	sessiontest.TestHook(t, func(*testing.T) session.SessionRunHook {
		return &convergedHook{fetch: "moved", limit: 1e-3, out: io.Discard}
	}, sessiontest.HookOptions{Outputs: map[string]sessiontest.Output{
		"moved": sessiontest.Floats(1, 0.5, 0.25), "inertia": sessiontest.Floats(3, 2, 1),
	}})
}
