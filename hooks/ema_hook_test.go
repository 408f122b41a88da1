package hooks_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestAnAverageIsCorrectedForItsBeginning(t *testing.T) {
	// With a decay of 0.5 after 4, 2: (0.25·4 + 0.5·2) / (0.25 + 0.5).
	for _, c := range []struct {
		name   string
		losses []float64 // before the first step, and after each
		decay  float64
		want   float64
	}{
		{"one run", []float64{0, 4}, 0.5, 4},
		{"two runs", []float64{0, 4, 2}, 0.5, 2 / 0.75},
		{"three runs", []float64{0, 4, 2, 7}, 0.5, 4.5 / 0.875},
		{"what is not finite is left out", []float64{0, 4, math.NaN(), math.Inf(1), 2, math.Inf(-1)}, 0.5, 2 / 0.75},
		{"the default decay", []float64{0, 1, 2}, 0, (0.99*1 + 2) / 1.99},
		{"never a number", []float64{0, math.NaN()}, 0.5, math.NaN()},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", Decay: c.decay}))(t)
			require.True(t, math.IsNaN(h.Value()))
			train(t, lossOf(c.losses, nil), len(c.losses)-1, "train", h)
			if math.IsNaN(c.want) {
				require.True(t, math.IsNaN(h.Value()))
				return
			}
			require.InEpsilon(t, c.want, h.Value(), 1e-12)
		})
	}
}

func TestAnAverageOutlivesTheLossOfASessionAndNoMore(t *testing.T) {
	h := made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", Decay: 0.5}))(t)
	synctest.Test(t, func(t *testing.T) {
		train(t, lossOf([]float64{0, 4, 2}, []int64{0, 1}, 2), 2, "train", h)
	})
	require.InEpsilon(t, 2/0.75, h.Value(), 1e-12)
	train(t, lossOf([]float64{0, 8}, nil), 1, "train", h)
	require.Equal(t, 8.0, h.Value())
}

func TestTheStepsAtWhichAnAverageIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.EMAHookConfig
		pace   time.Duration
		lostAt []int
		want   []string
	}{
		"every other step": {hooks.EMAHookConfig{EverySteps: 2}, 0, nil, []string{"START@1", "1: loss/ema=4", "3: loss/ema=4", "5: loss/ema=4"}},
		"by time":          {hooks.EMAHookConfig{EverySecs: 3 * time.Second, Tag: "mean"}, time.Second, nil, []string{"START@1", "1: mean=4", "4: mean=4"}},
		"not at all":       {hooks.EMAHookConfig{}, 0, nil, []string{}},
		"after a recovery": {hooks.EMAHookConfig{EverySteps: 2}, 0, []int{3}, []string{"START@1", "1: loss/ema=4", "3: loss/ema=4", "5: loss/ema=4"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.config.Fetch, c.config.OutputDir = "loss", t.TempDir()
				e := lossOf([]float64{4}, []int64{0, 2}, c.lostAt...)
				train(t, e, 5, "train", paced(c.pace), made(hooks.NewEMAHook(c.config))(t))
				require.Equal(t, c.want, eventLines(t, c.config.OutputDir))
			})
		})
	}
}

func TestAnAverageIsOfNumbers(t *testing.T) {
	e := &sessiontest.Engine{Outputs: map[string]sessiontest.Output{"loss": sessiontest.Always(session.String("low"))}}
	h := made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss"}))(t)
	require.ErrorContains(t, failing(t, e, h), `EMAHook: "loss" is low, want a number`)

	h = made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "los"}))(t)
	require.ErrorIs(t, failing(t, e, h), session.ErrUnknownName)

	e = &sessiontest.Engine{NoGlobalStep: true, Outputs: map[string]sessiontest.Output{"loss": sessiontest.Floats(3)}}
	h = made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss"}))(t)
	train(t, e, 1, "train", h)
	require.Equal(t, 3.0, h.Value(), "which needs no global step")
	h = made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", EverySteps: 1, OutputDir: t.TempDir()}))(t)
	require.ErrorIs(t, failing(t, e, h), session.ErrNoGlobalStep, "but for writing")
}
