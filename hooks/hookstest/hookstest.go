// Package hookstest runs the whole family of hooks on an engine, as training jobs
// do: what sessiontest is for the rules of an engine, this is for what its users
// will attach to it.
package hookstest

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
)

// Options tell what an engine has for the hooks to use.
type Options struct {
	// Loss is the name of a number that a step computes. Required.
	Loss string
	// Tensors are names of weights, gradients and the like, for histograms.
	Tensors []string
	// State are those of Tensors, and numbers, that checkpoints bring back.
	State []string
	// Rate is a number that can be fed, "" if there is none.
	Rate string
	// Feeds are what a FeedFnHook feeds. May be nil.
	Feeds session.Feeds
	// Saver makes what saves checkpoints. nil: as a training job does by default.
	Saver func(t *testing.T) session.Saver
	// Train trains in a session until a hook stops it, or ctx is done, and returns
	// what became of that. nil: a session that runs the training op, as most do.
	Train func(ctx context.Context, config session.Config) error
}

func runTrainingOp(ctx context.Context, config session.Config) error {
	return session.With(ctx, config, func(s *session.MonitoredSession) error { return s.RunUntilStop(ctx, session.TrainOp) })
}

// steps is how many steps a training of these tests makes.
const steps = 24

// TestEngine trains with all hooks, goes on from the last checkpoint, and is
// interrupted. newEngine returns a new engine, whose input lasts 40 steps or
// more.
func TestEngine(t *testing.T, newEngine func(t *testing.T) session.Engine, options Options) {
	if options.Train == nil {
		options.Train = runTrainingOp
	}
	t.Run("all hooks at once", func(t *testing.T) { testFamily(t, newEngine(t), options) })
	t.Run("going on from a checkpoint", func(t *testing.T) { testResume(t, newEngine, options) })
	t.Run("an interruption between two checkpoints", func(t *testing.T) { testInterruption(t, newEngine, options, 13) })
	t.Run("an interruption when a checkpoint is due", func(t *testing.T) { testInterruption(t, newEngine, options, 10) })
	t.Run("an early stop", func(t *testing.T) { testEarlyStop(t, newEngine(t), options) })
}

// train runs a training job until a hook stops it. The job records a summary of
// the loss in every step.
func train(ctx context.Context, t *testing.T, engine session.Engine, o Options, dir string, attached ...session.SessionRunHook) error {
	t.Helper()
	ops := []summary.Op{summary.Scalar("loss", o.Loss)}
	for _, name := range o.Tensors {
		ops = append(ops, summary.Histogram("tensors/"+name, name))
	}
	scaffold := &session.Scaffold{SummaryOp: summary.Merge(ops...)}
	if o.Saver != nil {
		scaffold.Saver = o.Saver(t)
	}
	config, err := hooks.MonitoredTrainingSessionConfig{
		Engine: engine, CheckpointDir: dir, Scaffold: scaffold, Hooks: attached,
		SaveSummariesSteps: 1, SaveCheckpointSteps: 10, LogStepCountSteps: 5,
	}.SessionConfig()
	require.NoError(t, err)
	return o.Train(ctx, config)
}

func testFamily(t *testing.T, engine session.Engine, o Options) {
	dir := t.TempDir()
	f := newFamily(t, o, dir)
	require.NoError(t, train(t.Context(), t, engine, o, dir, f.hooks...))

	curves := make(map[string]eventlog.Curve)
	read, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	for _, c := range read {
		curves[filepath.Join(c.Run, c.Tag)] = c
	}
	loss := curves["loss"]
	require.Equal(t, numbersTo(steps), loss.Steps)
	require.Len(t, curves["global_step/sec"].Values, (steps-1)/5, "steps per second")
	require.Len(t, curves["ema"].Values, steps/2)
	require.Equal(t, []int64{6, 12, 18, 24}, curves["eval/evaluations"].Steps[1:])
	require.Len(t, curves["memory/heap_bytes"].Values, steps/6)
	if o.Rate != "" {
		require.Equal(t, f.rates(curves["rate"].Steps), curves["rate"].Values)
	}
	for _, name := range o.Tensors {
		require.Equal(t, steps, countHistograms(t, dir, summary.CleanName("tensors/"+name)), name)
	}
	require.Equal(t, steps/3, f.everyThird, "FuncEveryHook")
	require.Equal(t, steps, f.fed, "FeedFnHook")
	require.Equal(t, steps, f.seen, "HookFuncs")
	require.Equal(t, 1, f.final.FinalOpsValues().Len())
	require.Greater(t, f.ema.Value(), 0.0)
	require.Contains(t, f.logged.String(), "global_step = ")
	require.Contains(t, f.progress.String(), "24")
	timelines, err := filepath.Glob(filepath.Join(dir, "timeline-*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, timelines)
}

// A family is every hook there is, and what became of them.
type family struct {
	hooks            []session.SessionRunHook
	logged, progress strings.Builder
	ema              *hooks.EMAHook
	final            *hooks.FinalOpsHook
	everyThird       int // runs
	fed, seen        int
	schedule         hooks.Schedule
}

// newFamily makes the hooks that a training job does not have by itself.
func newFamily(t *testing.T, o Options, dir string) *family {
	t.Helper()
	f := &family{schedule: hooks.CosineDecay(0.01, steps, 0)}
	f.final = hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{session.GlobalStepName}})
	f.ema = made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: o.Loss, EverySteps: 2, Tag: "ema", OutputDir: dir}))(t)
	f.hooks = []session.SessionRunHook{
		made(hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: steps}))(t),
		made(hooks.NewStopAtSecsHook(time.Hour))(t),
		made(hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: 10 * steps}))(t),
		made(hooks.NewStopAtCheckpointStepHook(hooks.StopAtCheckpointStepHookConfig{ModelDir: dir, LastStep: 10 * steps}))(t),
		made(hooks.NewLoggingTensorHook(hooks.LoggingTensorHookConfig{
			Tensors: []string{session.GlobalStepName, o.Loss}, EveryNIter: 6, AtEnd: true, Output: &f.logged,
		}))(t),
		made(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: o.Loss, AlsoInf: true}))(t),
		f.final,
		hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{}),
		made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 8, OutputDir: dir}))(t),
		made(hooks.NewMemoryHook(hooks.MemoryHookConfig{EverySteps: 6, OutputDir: dir}))(t),
		f.ema,
		made(hooks.NewProgressHook(hooks.ProgressHookConfig{Total: steps, Values: []string{o.Loss}, EverySteps: 6, Output: &f.progress}))(t),
		hooks.NewSignalHook(hooks.SignalHookConfig{}),
		made(hooks.NewHParamsHook(hooks.HParamsHookConfig{Start: summary.HParamsStart{HParams: summary.HParams{"steps": steps}}, OutputDir: dir}))(t),
		made(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{
			ShouldStop: func(context.Context) (bool, error) { return false, nil }, RunEverySteps: 4,
		}))(t),
		made(hooks.NewTimeoutHook(hooks.TimeoutHookConfig{Timeout: time.Hour}))(t),
		made(hooks.FuncEvery(hooks.FuncEveryConfig{
			EverySteps: 3, Fetches: []string{o.Loss},
			Func: func(_ context.Context, _ session.Session, _ int64, values session.Values) error {
				f.everyThird++
				_, ok := values.At(0).Number()
				require.True(t, ok)
				return nil
			},
		}))(t),
		made(hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) {
			f.fed++
			return o.Feeds, nil
		}))(t),
		made(hooks.NewInMemoryEvaluatorHook(evaluation(dir)))(t),
		made(hooks.NewStopIfHigherHook(hooks.StopIfConfig{
			EvalDir: filepath.Join(dir, "eval"), MetricName: "evaluations", Threshold: 1000, RunEverySteps: 6,
		}))(t),
		&session.HookFuncs{HookName: "a probe", OnAfterRun: func(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
			f.seen++
			return nil
		}},
	}
	if o.Rate != "" {
		f.hooks = append(f.hooks, made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{
			Placeholder: o.Rate, Schedule: f.schedule, EverySteps: 1, Tag: "rate", OutputDir: dir,
		}))(t))
	}
	return f
}

// rates are what the schedule gives for the runs that come to these steps.
func (f *family) rates(steps []int64) []float64 {
	rates := make([]float64, len(steps))
	for i, step := range steps {
		rates[i] = float64(float32(f.schedule(step - 1))) // as events hold it
	}
	return rates
}

// evaluation counts evaluations.
func evaluation(dir string) hooks.InMemoryEvaluatorHookConfig {
	n := 0.0
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		n++
		out[0] = session.Float64(n)
		return nil
	}, "n")
	return hooks.InMemoryEvaluatorHookConfig{
		Engine: engine, Update: []string{session.TrainOp}, Steps: 1, Metrics: map[string]string{"evaluations": "n"}, EveryNIter: 6, OutputDir: dir,
	}
}

func testResume(t *testing.T, newEngine func(t *testing.T) session.Engine, o Options) {
	dir := t.TempDir()
	var left, found []session.Value
	keep := &session.HookFuncs{OnEnd: func(ctx context.Context, s session.Session) error {
		left = state(ctx, t, s, o)
		return nil
	}}
	require.NoError(t, train(t.Context(), t, newEngine(t), o, dir, stopAt(t, steps), keep))

	compare := &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, s session.Session, _ *session.Coordinator) error {
		found = state(ctx, t, s, o)
		return nil
	}}
	require.NoError(t, train(t.Context(), t, newEngine(t), o, dir, stopAt(t, steps+10), compare))
	require.Equal(t, left, found, "of %q", o.State)
	require.Equal(t, numbersTo(steps+10), lossSteps(t, dir))
}

// state is what checkpoints bring back, and the global step.
func state(ctx context.Context, t *testing.T, s session.Session, o Options) []session.Value {
	t.Helper()
	values, err := session.Eval(ctx, s, append([]string{session.GlobalStepName}, o.State...)...)
	require.NoError(t, err)
	all := make([]session.Value, values.Len())
	for i := range all {
		all[i] = values.At(i)
	}
	return all
}

func testInterruption(t *testing.T, newEngine func(t *testing.T) session.Engine, o Options, last int64) {
	dir := t.TempDir()
	errPower := errors.New("the power is about to fail")
	ctx, cancel := context.WithCancelCause(t.Context())
	var left []session.Value
	interrupt := &session.HookFuncs{
		OnAfterRun: func(ctx context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
			values, err := session.Eval(ctx, rc.Session(), session.GlobalStepName)
			if step, _ := values.At(0).Int64(); step == last {
				cancel(errPower)
			}
			return err
		},
		OnEnd: func(ctx context.Context, s session.Session) error {
			left = state(ctx, t, s, o)
			return nil
		},
	}
	require.ErrorIs(t, train(ctx, t, newEngine(t), o, dir, interrupt), errPower)
	require.Equal(t, numbersTo(last), lossSteps(t, dir), "the event file is whole")

	var found []session.Value
	stop := &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, s session.Session, coord *session.Coordinator) error {
		found = state(ctx, t, s, o)
		coord.RequestStop(nil)
		return nil
	}}
	require.NoError(t, train(t.Context(), t, newEngine(t), o, dir, stop))
	require.Equal(t, left, found, "the checkpoint is whole")
}

func testEarlyStop(t *testing.T, engine session.Engine, o Options) {
	dir := t.TempDir()
	stop, err := hooks.NewStopIfHigherHook(hooks.StopIfConfig{
		EvalDir: filepath.Join(dir, "eval"), MetricName: "evaluations", Threshold: 2.5, RunEverySteps: 1,
	})
	require.NoError(t, err)
	evaluator, err := hooks.NewInMemoryEvaluatorHook(evaluation(dir))
	require.NoError(t, err)
	require.NoError(t, train(t.Context(), t, engine, o, dir, evaluator, stop))
	last := lossSteps(t, dir)
	require.Contains(t, []int{12, 13}, len(last), "the third evaluation is that of step 12")
}

func stopAt(t *testing.T, step int64) session.SessionRunHook {
	t.Helper()
	return made(hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: step}))(t)
}

// made is what a constructor returns, if it returns no error.
func made[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

// lossSteps are the steps whose loss is in the event files of dir.
func lossSteps(t *testing.T, dir string) []int64 {
	t.Helper()
	config := eventlog.Config{Purge: true}
	config.Run = func(run string) bool { return !strings.Contains(run, "eval") }
	config.Tag = func(tag string) bool { return tag == "loss" }
	curves, err := eventlog.Scalars(t.Context(), dir, config)
	require.NoError(t, err)
	require.Len(t, curves, 1)
	return curves[0].Steps
}

func countHistograms(t *testing.T, dir, tag string) int {
	t.Helper()
	n := 0
	for e, err := range eventlog.Events(t.Context(), dir, eventlog.Config{}) {
		require.NoError(t, err)
		for v, err := range e.Values() {
			require.NoError(t, err)
			if v.Tag == tag && v.Kind == eventlog.KindHistogram {
				n++
			}
		}
	}
	return n
}

func numbersTo(n int64) []int64 {
	numbers := make([]int64, n)
	for i := range numbers {
		numbers[i] = int64(i) + 1
	}
	return numbers
}
