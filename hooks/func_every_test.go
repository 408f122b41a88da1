package hooks_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
)

func TestTheStepsAtWhichAFunctionIsCalled(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.FuncEveryConfig
		op     string
		pause  time.Duration
		runs   int
		want   []int64
	}{
		"every third step":                       {hooks.FuncEveryConfig{EverySteps: 3}, "train", 0, 8, []int64{1, 4, 7}},
		"every step":                             {hooks.FuncEveryConfig{EverySteps: 1}, "train", 0, 3, []int64{1, 2, 3}},
		"runs of five steps, noticed a run late": {hooks.FuncEveryConfig{EverySteps: 10}, "five", 0, 6, []int64{5, 25}},
		"by time":                                {hooks.FuncEveryConfig{EverySecs: 1500 * time.Millisecond}, "train", time.Second, 6, []int64{1, 3, 5}},
		"a step that stands still":               {hooks.FuncEveryConfig{EverySteps: 1}, "loss", 0, 3, []int64{0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var steps []int64
				c.config.Func = func(_ context.Context, _ session.Session, step int64, values session.Values) error {
					steps = append(steps, step)
					return nil
				}
				train(t, newTrainer(), c.runs, c.op, paced(c.pause), made(hooks.FuncEvery(c.config))(t))
				require.Equal(t, c.want, steps)
			})
		})
	}
}

func TestAFunctionGetsWhatItFetchesOnItsRunsOnly(t *testing.T) {
	e := newTrainer()
	var losses []float64
	h := made(hooks.FuncEvery(hooks.FuncEveryConfig{EverySteps: 2, Fetches: []string{"loss"}, Func: func(ctx context.Context, s session.Session, step int64, values session.Values) error {
		loss, err := session.Fetch[float64]("loss").Get(values)
		losses = append(losses, loss)
		require.NoError(t, err)
		require.Equal(t, session.Float64(loss), values.At(0), "in the order of Fetches")
		raw, err := session.Eval(ctx, s, session.GlobalStepName)
		require.NoError(t, err)
		require.Equal(t, session.Int64(step), raw.At(0), "it may run the session")
		return nil
	}}))(t)
	train(t, e, 5, "train", h)
	require.Equal(t, []float64{1, 2, 3}, losses)
	require.Equal(t, 3, e.evaluated)
	train(t, newTrainer(), 1, "train", h)
	require.Equal(t, []float64{1, 2, 3, 1}, losses, "a hook that is used again begins anew")
}

func TestAFunctionThatFailsEndsTheTraining(t *testing.T) {
	h := made(hooks.FuncEvery(hooks.FuncEveryConfig{EverySteps: 1, Func: func(context.Context, session.Session, int64, session.Values) error { return errBroken }}))(t)
	require.ErrorIs(t, failing(t, newTrainer(), h), errBroken)
	h = made(hooks.FuncEvery(hooks.FuncEveryConfig{EverySteps: 1, Fetches: []string{"los"}, Func: doNothing}))(t)
	require.ErrorIs(t, failing(t, newTrainer(), h), session.ErrUnknownName)
}
