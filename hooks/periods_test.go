package hooks_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// A period is how a config says how often something is done.
type period struct {
	steps, secs string // the names of the fields
	optional    bool   // neither means a default, or never
	off         bool   // Off is allowed for both
	make        func(steps int64, secs time.Duration) error
}

// periods are all periods in the configs of hooks.
var periods = map[string]period{
	"CheckpointSaverHook": {"SaveSteps", "SaveSecs", false, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewCheckpointSaverHook(hooks.CheckpointSaverHookConfig{CheckpointDir: "x", SaveSteps: steps, SaveSecs: secs})
		return err
	}},
	"EMAHook": {"EverySteps", "EverySecs", true, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", EverySteps: steps, EverySecs: secs, OutputDir: "x"})
		return err
	}},
	"FuncEvery": {"EverySteps", "EverySecs", false, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.FuncEvery(hooks.FuncEveryConfig{Func: doNothing, EverySteps: steps, EverySecs: secs})
		return err
	}},
	"InMemoryEvaluatorHook": {"EveryNIter", "EveryNSecs", true, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewInMemoryEvaluatorHook(hooks.InMemoryEvaluatorHookConfig{
			Engine: newEvaluated(), Metrics: map[string]string{"loss": "loss"}, OutputDir: "x", EveryNIter: steps, EveryNSecs: secs,
		})
		return err
	}},
	"LearningRateHook": {"EverySteps", "EverySecs", true, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewLearningRateHook(hooks.LearningRateHookConfig{
			Placeholder: "rate", Schedule: hooks.ConstantSchedule(1), EverySteps: steps, EverySecs: secs, OutputDir: "x",
		})
		return err
	}},
	"LoggingTensorHook": {"EveryNIter", "EveryNSecs", false, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewLoggingTensorHook(hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, EveryNIter: steps, EveryNSecs: secs})
		return err
	}},
	"MemoryHook": {"EverySteps", "EverySecs", false, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewMemoryHook(hooks.MemoryHookConfig{EverySteps: steps, EverySecs: secs, OutputDir: "x"})
		return err
	}},
	"ProfilerHook": {"SaveSteps", "SaveSecs", false, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: steps, SaveSecs: secs, OutputDir: "x"})
		return err
	}},
	"ProgressHook": {"EverySteps", "EverySecs", true, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewProgressHook(hooks.ProgressHookConfig{EverySteps: steps, EverySecs: secs, Output: io.Discard})
		return err
	}},
	"StepCounterHook": {"EveryNSteps", "EveryNSecs", true, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: steps, EveryNSecs: secs, OutputDir: "x"})
		return err
	}},
	"SummarySaverHook": {"SaveSteps", "SaveSecs", false, false, func(steps int64, secs time.Duration) error {
		_, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
			SaveSteps: steps, SaveSecs: secs, OutputDir: "x", SummaryOp: summary.Scalar("loss", "loss"),
		})
		return err
	}},
	"EvaluationListener": {"EvalThrottleSteps", "EvalThrottleSecs", true, true, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewEvaluationListener(hooks.EvaluationListenerConfig{
			Evaluate: func(context.Context, int64) error { return nil }, EvalThrottleSteps: steps, EvalThrottleSecs: secs,
		})
		return err
	}},
	"EarlyStoppingHook": {"RunEverySteps", "RunEverySecs", true, false, func(steps int64, secs time.Duration) error {
		_, err := hooks.NewStopIfLowerHook(hooks.StopIfConfig{EvalDir: "x", MetricName: "m", RunEverySteps: steps, RunEverySecs: secs})
		return err
	}},
	"checkpoints of a training session": {"SaveCheckpointSteps", "SaveCheckpointSecs", true, true, func(steps int64, secs time.Duration) error {
		_, err := hooks.MonitoredTrainingSessionConfig{Engine: newTrainer(), SaveCheckpointSteps: steps, SaveCheckpointSecs: secs}.SessionConfig()
		return err
	}},
	"summaries of a training session": {"SaveSummariesSteps", "SaveSummariesSecs", true, true, func(steps int64, secs time.Duration) error {
		_, err := hooks.MonitoredTrainingSessionConfig{Engine: newTrainer(), SaveSummariesSteps: steps, SaveSummariesSecs: secs}.SessionConfig()
		return err
	}},
	"step counts of a training session": {"LogStepCountSteps", "LogStepCountSecs", true, true, func(steps int64, secs time.Duration) error {
		_, err := hooks.MonitoredTrainingSessionConfig{Engine: newTrainer(), LogStepCountSteps: steps, LogStepCountSecs: secs}.SessionConfig()
		return err
	}},
	"timer": {"everySteps", "every", false, false, func(steps int64, secs time.Duration) error {
		_, err := session.NewSecondOrStepTimer(secs, steps)
		return err
	}},
}

func TestEveryPeriodIsOfStepsOrOfSecondsAndCheckedInTheSameWords(t *testing.T) {
	for name, p := range periods {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, p.make(3, 0))
			require.NoError(t, p.make(0, 3*time.Second))
			orElse, want := "", "exactly one"
			if p.off {
				orElse, want = ", 0 or Off", "at most one"
				require.NoError(t, p.make(hooks.Off, 0))
				require.NoError(t, p.make(3, hooks.Off))
			}
			require.ErrorContains(t, p.make(3, 3*time.Second), ": both "+p.steps+" (3) and "+p.secs+" (3s) are set, want "+want)
			require.ErrorContains(t, p.make(-2, 0), ": "+p.steps+" is -2, want a positive number of steps"+orElse)
			require.ErrorContains(t, p.make(0, -time.Second), ": "+p.secs+" is -1s, want a positive duration"+orElse)
			if p.optional {
				require.NoError(t, p.make(0, 0))
			} else {
				require.ErrorContains(t, p.make(0, 0), ": neither "+p.steps+" nor "+p.secs+" is set, want exactly one")
			}
		})
	}
}

func TestAnEarlyStoppingHookMayHaveItsDefaultPeriodOff(t *testing.T) {
	config := hooks.StopIfConfig{EvalDir: "x", MetricName: "m", RunEverySecs: hooks.Off}
	_, err := hooks.NewStopIfHigherHook(config)
	require.EqualError(t, err, "hooks: EarlyStoppingHookConfig: neither RunEverySteps nor RunEverySecs is set, want exactly one")
	config.RunEverySteps = 3
	_, err = hooks.NewStopIfHigherHook(config)
	require.NoError(t, err)
}
