package summary_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
	"github.com/runhook/runhook/summary"
)

func TestASummarySaverHookIsAHook(t *testing.T) {
	op := summary.Merge(summary.Scalar("loss", "loss"), summary.Histogram("w", "w"))
	outputs := map[string]sessiontest.Output{
		"loss": sessiontest.Floats(4, 2, 1),
		"w":    sessiontest.Always(session.TensorOf([]float64{1, 2, 3, 4, 5, 6})),
	}
	for name, c := range map[string]struct {
		config    summary.SummarySaverHookConfig
		passed    bool // the hook gets a writer and no directory
		allocates bool
	}{
		"rarely":                   {config: summary.SummarySaverHookConfig{SaveSteps: math.MaxInt64, SummaryOp: op}},
		"hourly":                   {config: summary.SummarySaverHookConfig{SaveSecs: time.Hour, SummaryOp: op}},
		"every other step":         {config: summary.SummarySaverHookConfig{SaveSteps: 2, SummaryOp: op}, allocates: true},
		"a list":                   {config: summary.SummarySaverHookConfig{SaveSteps: 1, SummaryOp: summary.List{op, op}}, allocates: true},
		"a scaffold":               {config: summary.SummarySaverHookConfig{SaveSteps: 2, Scaffold: &session.Scaffold{SummaryOp: op}}, allocates: true},
		"an empty scaffold":        {config: summary.SummarySaverHookConfig{SaveSteps: 2, Scaffold: new(session.Scaffold)}},
		"a writer that was passed": {config: summary.SummarySaverHookConfig{SaveSteps: 2, SummaryOp: op}, passed: true, allocates: true},
	} {
		t.Run(name, func(t *testing.T) {
			sessiontest.TestHook(t, func(t *testing.T) session.SessionRunHook {
				config := c.config
				if c.passed {
					config.SummaryWriter = openWriter(t, t.TempDir(), summary.FileWriterConfig{})
				} else {
					config.OutputDir = t.TempDir()
				}
				h, err := summary.NewSummarySaverHook(config)
				require.NoError(t, err)
				return h
			}, sessiontest.HookOptions{Outputs: outputs, Allocates: c.allocates})
		})
	}
}
