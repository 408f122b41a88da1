package hooks_test

import (
	"io"
	"math"
	"testing"
	"time"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestAStopAtStepHookIsAHook(t *testing.T) {
	for name, config := range map[string]hooks.StopAtStepHookConfig{
		"never":                    {LastStep: math.MaxInt64},
		"after three steps":        {NumSteps: 3},
		"in the middle of it":      {LastStep: 103},
		"before the first session": {LastStep: 50},
	} {
		t.Run(name, func(t *testing.T) {
			sessiontest.TestHook(t, func(t *testing.T) session.SessionRunHook { return newStop(t, config) }, sessiontest.HookOptions{})
		})
	}
}

func TestALoggingTensorHookIsAHook(t *testing.T) {
	for name, c := range map[string]struct {
		config  hooks.LoggingTensorHookConfig
		options sessiontest.HookOptions
	}{
		"rarely":          {hooks.LoggingTensorHookConfig{EveryNIter: math.MaxInt64}, sessiontest.HookOptions{}},
		"at the end":      {hooks.LoggingTensorHookConfig{AtEnd: true}, sessiontest.HookOptions{}},
		"hourly":          {hooks.LoggingTensorHookConfig{EveryNSecs: time.Hour, AtEnd: true}, sessiontest.HookOptions{}},
		"every other run": {hooks.LoggingTensorHookConfig{EveryNIter: 2, AtEnd: true}, sessiontest.HookOptions{Allocates: true}},
		"a tensor": {hooks.LoggingTensorHookConfig{EveryNIter: 1}, sessiontest.HookOptions{
			Outputs: map[string]sessiontest.Output{
				"loss": sessiontest.Floats(4, 2, 1),
				"w":    sessiontest.Always(session.TensorOf([]float32{1, 2, 3, 4, 5, 6}, 2, 3)),
			},
			Allocates: true,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			sessiontest.TestHook(t, func(t *testing.T) session.SessionRunHook {
				c.config.Tensors, c.config.Output = []string{"loss", "w", session.GlobalStepName}, io.Discard
				return newLogging(t, c.config)
			}, c.options)
		})
	}
}
