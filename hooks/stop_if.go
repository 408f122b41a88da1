package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/runhook/runhook/internal/faults"
)

// StopIfConfig describes a condition on a metric of evaluations, for
// [StopIfHigher] and its like and the hooks made of them. Its fields are the
// arguments of tf.estimator.experimental.stop_if_higher_hook and its like.
type StopIfConfig struct {
	// EvalDir is the folder of the event files of the evaluations. Required.
	EvalDir string
	// MetricName is the tag of the metric. Required. An evaluation without it does
	// not count.
	MetricName string
	// Threshold is what the metric is compared with, where it is.
	Threshold float64
	// MaxSteps is how many steps the training may go on without progress, where
	// that is looked at. 0 stops at the first evaluation.
	MaxSteps int64
	// MinSteps is the first step whose evaluation counts.
	MinSteps int64
	// RunEverySecs, RunEverySteps, Flag and IsWorker are for hooks, see
	// [EarlyStoppingHookConfig].
	RunEverySecs  time.Duration
	RunEverySteps int64
	Flag          StopFlag
	IsWorker      bool
	// Logger is told of files that are damaged, and why the training is to stop.
	// nil: nobody is.
	Logger *slog.Logger
}

func (c StopIfConfig) resolve() (StopIfConfig, error) {
	var errs []error
	if c.EvalDir == "" {
		errs = append(errs, errors.New("no EvalDir is set"))
	}
	if c.MetricName == "" {
		errs = append(errs, errors.New("no MetricName is set"))
	}
	if c.MaxSteps < 0 {
		errs = append(errs, fmt.Errorf("MaxSteps is %d, want 0 or more", c.MaxSteps))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, faults.Join("hooks: StopIfConfig", errs...)
}

// A verdict finds, in evaluations in order of their steps, the one because of
// which the training is to stop.
type verdict func(c StopIfConfig, metrics []EvalMetrics) (because *EvalMetrics)

// StopIfHigher returns a function that says to stop when any evaluation has the
// metric above the threshold.
func StopIfHigher(config StopIfConfig) (func(context.Context) (bool, error), error) {
	return predicate(config, higher)
}

// StopIfLower returns a function that says to stop when any evaluation has the
// metric below the threshold.
func StopIfLower(config StopIfConfig) (func(context.Context) (bool, error), error) {
	return predicate(config, lower)
}

// StopIfNoIncrease returns a function that says to stop when an evaluation comes
// MaxSteps or more after the best one before it, and is not above that.
func StopIfNoIncrease(config StopIfConfig) (func(context.Context) (bool, error), error) {
	return predicate(config, noIncrease)
}

// StopIfNoDecrease is [StopIfNoIncrease] for a metric that is to fall.
func StopIfNoDecrease(config StopIfConfig) (func(context.Context) (bool, error), error) {
	return predicate(config, noDecrease)
}

// NewStopIfHigherHook returns a hook that asks [StopIfHigher].
func NewStopIfHigherHook(config StopIfConfig) (*EarlyStoppingHook, error) {
	return hookOf(config, higher)
}

// NewStopIfLowerHook returns a hook that asks [StopIfLower].
func NewStopIfLowerHook(config StopIfConfig) (*EarlyStoppingHook, error) {
	return hookOf(config, lower)
}

// NewStopIfNoIncreaseHook returns a hook that asks [StopIfNoIncrease].
func NewStopIfNoIncreaseHook(config StopIfConfig) (*EarlyStoppingHook, error) {
	return hookOf(config, noIncrease)
}

// NewStopIfNoDecreaseHook returns a hook that asks [StopIfNoDecrease].
func NewStopIfNoDecreaseHook(config StopIfConfig) (*EarlyStoppingHook, error) {
	return hookOf(config, noDecrease)
}

func hookOf(config StopIfConfig, v verdict) (*EarlyStoppingHook, error) {
	shouldStop, configErr := predicate(config, v)
	if configErr != nil {
		shouldStop = func(context.Context) (bool, error) { return false, nil } // for all faults at once
	}
	hook, err := NewEarlyStoppingHook(EarlyStoppingHookConfig{
		ShouldStop: shouldStop, RunEverySecs: config.RunEverySecs, RunEverySteps: config.RunEverySteps, Flag: config.Flag, IsWorker: config.IsWorker,
	})
	if err := errors.Join(configErr, err); err != nil {
		return nil, err
	}
	return hook, nil
}

func predicate(config StopIfConfig, v verdict) (func(context.Context) (bool, error), error) {
	c, err := config.resolve()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (bool, error) {
		metrics, err := ReadEvalMetrics(c.EvalDir)
		var damaged *DamagedEvalError
		if err != nil && !errors.As(err, &damaged) {
			return false, err
		}
		if damaged != nil {
			c.Logger.LogAttrs(ctx, slog.LevelWarn, "evaluations cannot be read", slog.Any("error", err))
		}
		because := v(c, metrics)
		if because == nil {
			return false, nil
		}
		c.Logger.LogAttrs(ctx, slog.LevelInfo, "stop because of an evaluation",
			slog.Int64("step", because.Step), slog.String("metric", c.MetricName), slog.Float64("value", because.Values[c.MetricName]))
		return true, nil
	}, nil
}

func higher(c StopIfConfig, metrics []EvalMetrics) *EvalMetrics {
	return c.first(metrics, func(_ int64, x float64) bool { return x > c.Threshold })
}

func lower(c StopIfConfig, metrics []EvalMetrics) *EvalMetrics {
	return c.first(metrics, func(_ int64, x float64) bool { return x < c.Threshold })
}

func noIncrease(c StopIfConfig, metrics []EvalMetrics) *EvalMetrics {
	return c.firstStalled(metrics, func(x, best float64) bool { return x > best })
}

func noDecrease(c StopIfConfig, metrics []EvalMetrics) *EvalMetrics {
	return c.firstStalled(metrics, func(x, best float64) bool { return x < best })
}

// first returns the first evaluation that counts whose metric is as is wanted.
func (c StopIfConfig) first(metrics []EvalMetrics, wanted func(step int64, x float64) bool) *EvalMetrics {
	for i := range metrics {
		m := &metrics[i]
		if x, ok := m.Values[c.MetricName]; ok && m.Step >= c.MinSteps && wanted(m.Step, x) {
			return m
		}
	}
	return nil
}

// firstStalled returns the first evaluation that comes MaxSteps after the best
// one. A metric that begins with NaN is never beaten, as in TensorFlow.
func (c StopIfConfig) firstStalled(metrics []EvalMetrics, better func(x, best float64) bool) *EvalMetrics {
	var best float64
	var bestStep int64
	found := false
	return c.first(metrics, func(step int64, x float64) bool {
		if !found || better(x, best) {
			best, bestStep, found = x, step, true
		}
		return step-bestStep >= c.MaxSteps
	})
}
