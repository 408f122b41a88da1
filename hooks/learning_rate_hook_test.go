package hooks_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// The values are those of tf.compat.v1.train.exponential_decay, cosine_decay and
// piecewise_constant.
func TestSchedules(t *testing.T) {
	for name, c := range map[string]struct {
		schedule hooks.Schedule
		want     map[int64]float64
	}{
		"constant":              {hooks.ConstantSchedule(0.3), map[int64]float64{0: 0.3, 1 << 40: 0.3}},
		"exponential":           {hooks.ExponentialDecay(0.1, 100, 0.5, false), map[int64]float64{0: 0.1, 50: 0.070710678, 100: 0.05, 250: 0.017677670}},
		"exponential, in steps": {hooks.ExponentialDecay(0.1, 100, 0.5, true), map[int64]float64{0: 0.1, 99: 0.1, 100: 0.05, 250: 0.025}},
		"cosine":                {hooks.CosineDecay(0.1, 100, 0), map[int64]float64{0: 0.1, 25: 0.085355339, 50: 0.05, 100: 0, 300: 0}},
		"cosine with a rest":    {hooks.CosineDecay(0.1, 100, 0.2), map[int64]float64{0: 0.1, 50: 0.06, 100: 0.02, 300: 0.02}},
		"pieces":                {hooks.PiecewiseConstant([]int64{100, 200}, []float64{1, 0.5, 0.1}), map[int64]float64{0: 1, 100: 1, 101: 0.5, 200: 0.5, 201: 0.1}},
		"one piece":             {hooks.PiecewiseConstant(nil, []float64{2}), map[int64]float64{0: 2, 5: 2}},
		"warm-up":               {hooks.Warmup(10, hooks.ConstantSchedule(0.5)), map[int64]float64{0: 0, 5: 0.25, 9: 0.45, 10: 0.5, 11: 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			for step, want := range c.want {
				require.InDelta(t, want, c.schedule(step), 1e-9, "step %d", step)
			}
		})
	}
}

func TestThePiecesOfAScheduleMayChangeAfterwards(t *testing.T) {
	boundaries, values := []int64{1}, []float64{1, 2}
	s := hooks.PiecewiseConstant(boundaries, values)
	boundaries[0], values[0] = 0, 7
	require.Equal(t, 1.0, s(1))
}

// fedWith returns a graph whose "fed" are all numbers that it was fed with.
func fedWith() (e *trainer, fed *[]string) {
	fed = new([]string)
	e = newTrainer()
	e.Placeholder("rate", session.Value{})
	e.Update("see", func(_ context.Context, in []session.Value) error {
		*fed = append(*fed, fmt.Sprintf("%v %v", in[0].Kind(), in[0]))
		return nil
	}, "rate")
	e.Train("training", "see")
	return e, fed
}

func TestEachRunIsFedTheRateOfTheStepBeforeIt(t *testing.T) {
	rate := hooks.ExponentialDecay(8, 1, 0.5, false)
	h := made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{Placeholder: "rate", Schedule: rate}))(t)
	e, fed := fedWith()
	train(t, e, 3, "training", h)
	require.Equal(t, []string{"float64 8", "float64 4", "float64 2"}, *fed)

	e, fed = fedWith()
	train(t, e, 2, "training", e.restored(2), h)
	require.Equal(t, []string{"float64 2", "float64 1"}, *fed, "a session that begins at step 2")

	h = made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{Placeholder: "rate", Schedule: rate, Float32: true}))(t)
	e, fed = fedWith()
	train(t, e, 1, "training", h)
	require.Equal(t, []string{"float32 8"}, *fed)
}

func TestTheStepsAtWhichARateIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.LearningRateHookConfig
		starts []int64
		lostAt []int
		want   []string
	}{
		"every other step": {hooks.LearningRateHookConfig{EverySteps: 2}, nil, nil, []string{"START@1", "1: rate=0", "3: rate=2", "5: rate=4"}},
		"by time":          {hooks.LearningRateHookConfig{EverySecs: 3 * time.Second, Tag: "lr"}, nil, nil, []string{"START@1", "1: lr=0", "4: lr=3"}},
		"not at all":       {hooks.LearningRateHookConfig{}, nil, nil, []string{}},
		"a session that is created again, at a step before: no step twice": {
			hooks.LearningRateHookConfig{EverySteps: 1}, []int64{10, 11}, []int{3},
			[]string{"START@11", "11: rate=10", "12: rate=11", "13: rate=12", "14: rate=13"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := lossOf(nil, c.starts, c.lostAt...)
				e.Outputs["rate"] = sessiontest.Floats(0)
				c.config.Placeholder, c.config.Schedule, c.config.OutputDir = "rate", func(step int64) float64 { return float64(step) }, t.TempDir()
				train(t, e, 5, "train", paced(time.Second), made(hooks.NewLearningRateHook(c.config))(t))
				require.Equal(t, c.want, eventLines(t, c.config.OutputDir))
			})
		})
	}
}

func TestARateThatIsNoNumberEndsTheTraining(t *testing.T) {
	e := lossOf(nil, nil)
	e.Outputs["rate"] = sessiontest.Floats(0)
	for name, schedule := range map[string]hooks.Schedule{
		"pieces without a value": hooks.PiecewiseConstant([]int64{1}, []float64{1}),
		"warm-up to nothing":     hooks.Warmup(10, nil),
		"a decay over nothing":   hooks.ExponentialDecay(0.1, 0, 0.5, false),
	} {
		h := made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{Placeholder: "rate", Schedule: schedule}))(t)
		require.ErrorContains(t, failing(t, e, h), `the Schedule of "rate" gives NaN for step 0, want a finite number`, name)
	}
	h := made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{Placeholder: "rate", Schedule: hooks.ConstantSchedule(math.Inf(1))}))(t)
	require.ErrorContains(t, failing(t, e, h), "gives +Inf for step 0")
	require.Zero(t, e.Count(sessiontest.OpTrain))

	h = made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{Placeholder: "rat", Schedule: hooks.ConstantSchedule(1)}))(t)
	require.ErrorIs(t, failing(t, e, h), session.ErrUnknownName)
	h = made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{Placeholder: "rate", Schedule: hooks.ConstantSchedule(1)}))(t)
	require.ErrorIs(t, failing(t, &sessiontest.Engine{NoGlobalStep: true}, h), session.ErrNoGlobalStep)
}
