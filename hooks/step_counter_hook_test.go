package hooks_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestTheStepsAtWhichTheRateOfStepsIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.StepCounterHookConfig
		op     string
		pause  time.Duration
		runs   int
		steps  []int64
		rate   float64
	}{
		"every 10 steps":                        {hooks.StepCounterHookConfig{EveryNSteps: 10}, "train", time.Second / 4, 30, []int64{11, 21}, 4},
		"every 0.1 s":                           {hooks.StepCounterHookConfig{EveryNSecs: time.Second / 10}, "train", time.Second / 5, 3, []int64{2, 3}, 5},
		"every 100 steps, which is the default": {hooks.StepCounterHookConfig{}, "train", time.Second, 250, []int64{101, 201}, 1},
		"5 steps a run, every 10":               {hooks.StepCounterHookConfig{EveryNSteps: 10, StepsPerRun: 5}, "five", time.Second, 5, []int64{15, 25}, 5},
		"5 steps a run, every 5":                {hooks.StepCounterHookConfig{EveryNSteps: 5, StepsPerRun: 5}, "five", time.Second, 5, []int64{10, 15, 20, 25}, 5},
		"5 steps a run, every 2":                {hooks.StepCounterHookConfig{EveryNSteps: 2, StepsPerRun: 5}, "five", time.Second, 5, []int64{10, 15, 20, 25}, 5},
		"5 steps a run that are not expected":   {hooks.StepCounterHookConfig{EveryNSteps: 10}, "five", time.Second, 5, []int64{20}, 5},
		"no time that has passed":               {hooks.StepCounterHookConfig{EveryNSteps: 1}, "train", 0, 5, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := new(recorder)
				c.config.OutputDir, c.config.Logger = t.TempDir(), slog.New(r)
				train(t, newTrainer(), c.runs, c.op, paced(c.pause), made(hooks.NewStepCounterHook(c.config))(t))
				steps, rates := scalarsOf(t, c.config.OutputDir, "global_step/sec")
				require.Equal(t, c.steps, steps)
				require.Len(t, r.records, len(steps), "no warning among them")
				for i, rate := range rates {
					require.Equal(t, c.rate, rate)
					require.Equal(t, map[string]any{"value": c.rate, "step": steps[i]}, attrs(r.records[i]))
					require.Equal(t, "global_step/sec", r.records[i].Message)
				}
			})
		})
	}
}

// namedStep is an engine whose global step is called otherwise.
type namedStep struct{ *graph.Graph }

func (namedStep) GlobalStep() string { return "bar/foo" }

func TestTheTagIsThatOfTheGlobalStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := graph.New()
		g.Variable("bar/foo", func() session.Value { return session.Int64(0) })
		g.Node("next", func(_ context.Context, in []session.Value) (session.Value, error) {
			step, _ := in[0].Int64()
			return session.Int64(step + 1), nil
		}, "bar/foo")
		g.Assign("train", "bar/foo", "next")
		dir := t.TempDir()
		h := made(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: 1, OutputDir: dir}))(t)
		train(t, namedStep{g}, 2, "train", paced(time.Second), h)
		steps, _ := scalarsOf(t, dir, "bar/foo/sec")
		require.Equal(t, []int64{2}, steps)
	})
}

func TestAStepThatStandsStillIsWarnedOfFiveTimes(t *testing.T) {
	r := new(recorder)
	h := made(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: 10, Logger: slog.New(r)}))(t)
	train(t, newTrainer(), 3, "loss", h)
	require.Len(t, r.records, 2)
	train(t, newTrainer(), 10, "loss", h)
	require.Len(t, r.records, 5)
	for _, record := range r.records {
		require.Equal(t, slog.LevelWarn, record.Level)
		require.Equal(t, "the global step has not been increased since the run before", record.Message)
		require.Equal(t, map[string]any{"step": int64(0)}, attrs(record))
	}
}

func TestARateIsOfOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		h := made(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: 2, OutputDir: dir}))(t)
		train(t, newTrainer(), 3, "train", paced(time.Second), h)
		time.Sleep(time.Hour)
		train(t, newTrainer(), 3, "train", paced(time.Second), h)
		steps, rates := scalarsOf(t, dir, "global_step/sec")
		require.Equal(t, []int64{3, 3}, steps)
		require.Equal(t, []float64{1, 1}, rates)
	})
}

func TestARateOfASessionThatWentBackIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		h := made(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: 3, OutputDir: dir}))(t)
		train(t, lossOf(nil, []int64{0, 1}, 6), 10, "train", paced(time.Second), h)
		steps, _ := scalarsOf(t, dir, "global_step/sec")
		require.Equal(t, []int64{4, 5}, steps)
	})
}

func TestAStepCounterNeedsAStep(t *testing.T) {
	h := made(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{OutputDir: t.TempDir()}))(t)
	require.ErrorIs(t, failing(t, &sessiontest.Engine{NoGlobalStep: true}, h), session.ErrNoGlobalStep)
}
