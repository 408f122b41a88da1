package hooks_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/summary"
)

// What is wrong with periods is in periods_test.go, with some of the configs
// beside the tests of their hooks.
func TestAConfigReportsAllItsFaults(t *testing.T) {
	const lost = "neither OutputDir nor SummaryWriter is set, want one: the values would be lost"
	for name, c := range map[string]struct {
		make   func() error
		head   string
		faults []string
	}{
		"EMAHook": {func() error {
			_, err := hooks.NewEMAHook(hooks.EMAHookConfig{Decay: 1, EverySteps: -1})
			return err
		}, "hooks: EMAHookConfig: ", []string{
			"no Fetch is set", "got a Decay of 1, want at least 0 and below 1", "EverySteps is -1, want a positive number of steps", lost,
		}},
		"EMAHook with a decay that is no number": {func() error {
			_, err := hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", Decay: math.NaN()})
			return err
		}, "hooks: EMAHookConfig: ", []string{"got a Decay of NaN, want at least 0 and below 1"}},
		"FuncEvery": {func() error {
			_, err := hooks.FuncEvery(hooks.FuncEveryConfig{})
			return err
		}, "hooks: FuncEveryConfig: ", []string{"neither EverySteps nor EverySecs is set, want exactly one", "no Func is set"}},
		"LearningRateHook": {func() error {
			_, err := hooks.NewLearningRateHook(hooks.LearningRateHookConfig{EverySecs: time.Second})
			return err
		}, "hooks: LearningRateHookConfig: ", []string{"no Placeholder is set", "no Schedule is set", lost}},
		"MemoryHook": {func() error {
			_, err := hooks.NewMemoryHook(hooks.MemoryHookConfig{SummaryWriter: (*summary.FileWriter)(nil)})
			return err
		}, "hooks: MemoryHookConfig: ", []string{"neither EverySteps nor EverySecs is set, want exactly one", lost}},
		"NanTensorHook": {func() error {
			_, err := hooks.NewNanTensorHook(hooks.NanTensorHookConfig{})
			return err
		}, "hooks: NanTensorHookConfig: ", []string{"no LossTensor is set"}},
		"ProfilerHook": {func() error {
			_, err := hooks.NewProfilerHook(hooks.ProfilerHookConfig{ProfileSteps: -1})
			return err
		}, "hooks: ProfilerHookConfig: ", []string{
			"neither SaveSteps nor SaveSecs is set, want exactly one", "no OutputDir is set", "ProfileSteps is -1, want 0 or more",
		}},
		"ProgressHook": {func() error {
			_, err := hooks.NewProgressHook(hooks.ProgressHookConfig{Total: -1, Values: []string{"loss", ""}, EverySteps: -1})
			return err
		}, "hooks: ProgressHookConfig: ", []string{
			"got a Total of -1, want a positive step or 0 (not known)", "element 1 of Values is empty", "EverySteps is -1, want a positive number of steps",
		}},
		"StepCounterHook": {func() error {
			_, err := hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: -5, StepsPerRun: -1})
			return err
		}, "hooks: StepCounterHookConfig: ", []string{
			"EveryNSteps is -5, want a positive number of steps",
			"none of SummaryWriter, OutputDir and Logger is set, want one: the rate would be lost",
			"StepsPerRun is -1, want a positive number of steps or 0 (1)",
		}},
		"StopAfterNEvalsHook": {func() error {
			_, err := hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: -1})
			return err
		}, "hooks: StopAfterNEvalsHookConfig: ", []string{"NumEvals is -1, want a positive number or 0 (no end)"}},
		"StopAfterNEvalsHook that does nothing": {func() error {
			_, err := hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{})
			return err
		}, "hooks: StopAfterNEvalsHookConfig: ", []string{"neither NumEvals nor Logger is set, want one: the hook would do nothing"}},
		"StopAtCheckpointStepHook": {func() error {
			_, err := hooks.NewStopAtCheckpointStepHook(hooks.StopAtCheckpointStepHookConfig{WaitAfterFileCheckSecs: -time.Second})
			return err
		}, "hooks: StopAtCheckpointStepHookConfig: ", []string{
			"no ModelDir is set", "LastStep is 0, want a positive step", "WaitAfterFileCheckSecs is -1s, want a positive duration or 0 (30s)",
		}},
		"StopAtSecsHook": {func() error {
			_, err := hooks.NewStopAtSecsHook(-time.Second)
			return err
		}, "hooks: NewStopAtSecsHook: ", []string{"stopAfterSecs is -1s, want 0 or more"}},
		"TimeoutHook": {func() error {
			_, err := hooks.NewTimeoutHook(hooks.TimeoutHookConfig{})
			return err
		}, "hooks: TimeoutHookConfig: ", []string{"got a Timeout of 0s, want a positive duration"}},
		"FeedFnHook": {func() error {
			_, err := hooks.NewFeedFnHook(nil)
			return err
		}, "hooks: NewFeedFnHook: ", []string{"the function is nil"}},
		"EarlyStoppingHook": {func() error {
			_, err := hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{RunEverySteps: -1})
			return err
		}, "hooks: EarlyStoppingHookConfig: ", []string{"no ShouldStop is set", "RunEverySteps is -1, want a positive number of steps"}},
		"EarlyStoppingHook of a worker": {func() error {
			_, err := hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{IsWorker: true, Flag: (*hooks.LocalStopFlag)(nil)})
			return err
		}, "hooks: EarlyStoppingHookConfig: ", []string{"no Flag is set, which a worker looks at"}},
		"EvaluationListener": {func() error {
			_, err := hooks.NewEvaluationListener(hooks.EvaluationListenerConfig{EvalThrottleSecs: -2})
			return err
		}, "hooks: EvaluationListenerConfig: ", []string{"no Evaluate is set", "EvalThrottleSecs is -2ns, want a positive duration, 0 or Off"}},
		"InMemoryEvaluatorHook": {func() error {
			_, err := hooks.NewInMemoryEvaluatorHook(hooks.InMemoryEvaluatorHookConfig{Steps: -1, EveryNIter: -1})
			return err
		}, "hooks: InMemoryEvaluatorHookConfig: ", []string{
			"no Engine is set", "no Metrics are set", "got -1 Steps, want a positive number or 0 (to the end of the input)",
			"EveryNIter is -1, want a positive number of steps",
			"none of OutputDir, SummaryWriter and OnEvaluated is set, want one: the metrics would be lost",
		}},
		"InMemoryEvaluatorHook with empty names": {func() error {
			_, err := hooks.NewInMemoryEvaluatorHook(hooks.InMemoryEvaluatorHookConfig{
				Engine: newEvaluated(), Metrics: map[string]string{"": "loss", "accuracy": ""}, OutputDir: "x",
			})
			return err
		}, "hooks: InMemoryEvaluatorHookConfig: ", []string{
			`tag "" of Metrics has the name "loss", want neither empty`, `tag "accuracy" of Metrics has the name "", want neither empty`,
		}},
		"HParamsHook": {func() error {
			_, err := hooks.NewHParamsHook(hooks.HParamsHookConfig{Start: summary.HParamsStart{HParams: summary.HParams{"rate": math.NaN()}}})
			return err
		}, "hooks: HParamsHookConfig: ", []string{`summary: hparam "rate": it is NaN, want a finite number`, lost}},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.make()
			require.Error(t, err)
			require.Equal(t, c.faults, faultsOf(t, err, c.head))
		})
	}
}

func TestStopIfReportsItsFaultsWithThoseOfItsHook(t *testing.T) {
	bad := hooks.StopIfConfig{MaxSteps: -1, RunEverySteps: 1, RunEverySecs: 1}
	condition := []string{
		"hooks: StopIfConfig: no EvalDir is set",
		"hooks: StopIfConfig: no MetricName is set",
		"hooks: StopIfConfig: MaxSteps is -1, want 0 or more",
	}
	hook := append(condition, "hooks: EarlyStoppingHookConfig: both RunEverySteps (1) and RunEverySecs (1ns) are set, want exactly one")
	for _, newHook := range []func(hooks.StopIfConfig) (*hooks.EarlyStoppingHook, error){
		hooks.NewStopIfHigherHook, hooks.NewStopIfLowerHook, hooks.NewStopIfNoIncreaseHook, hooks.NewStopIfNoDecreaseHook,
	} {
		_, err := newHook(bad)
		require.Equal(t, hook, faultsOf(t, err, ""))
	}
	for _, newPredicate := range []func(hooks.StopIfConfig) (func(context.Context) (bool, error), error){
		hooks.StopIfHigher, hooks.StopIfLower, hooks.StopIfNoIncrease, hooks.StopIfNoDecrease,
	} {
		_, err := newPredicate(bad)
		require.Equal(t, condition, faultsOf(t, err, ""))
	}
}
