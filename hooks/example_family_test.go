package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
)

// must is for examples, which have nobody to return an error to.
func must[T any](x T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return x
}

func tempDir() string { return must(os.MkdirTemp("", "job")) }

// descent is an engine: gradient descent on (w-3)², at a rate that may be fed.
func descent() *graph.Graph {
	g := graph.New()
	g.CreateGlobalStep()
	g.Placeholder("rate", session.Float64(0.25))
	g.Variable("w", func() session.Value { return session.Float64(11) })
	g.Node("loss", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		return session.Float64((w - 3) * (w - 3)), nil
	}, "w")
	g.Node("w/next", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		rate, _ := in[1].Float64()
		return session.Float64(w - rate*2*(w-3)), nil
	}, "w", "rate")
	g.Assign("descend", "w", "w/next")
	g.Train(session.TrainOp, "descend")
	return g
}

// run runs an engine for so many steps, or until a hook asks for a stop.
func run(engine session.Engine, steps int64, attached ...session.SessionRunHook) error {
	stop := must(hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: steps}))
	ctx := context.Background()
	config := session.Config{Engine: engine, Hooks: append(attached, stop)}
	return session.With(ctx, config, func(s *session.MonitoredSession) error { return s.RunUntilStop(ctx, session.TrainOp) })
}

// tell prints what hooks have written to a directory: tags, and how often.
func tell(dir string) {
	for _, s := range must(eventlog.Tags(context.Background(), dir, eventlog.Config{})) {
		fmt.Println(s.Tag, s.Count)
	}
}

func ExampleNewStopAtStepHook() {
	stop := must(hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{NumSteps: 3}))
	final := hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{session.GlobalStepName}})
	fmt.Println(run(descent(), 100, stop, final), final.FinalOpsValues().At(0))
	// Output: <nil> 3
}

// What the session comes to, fetched once more when it ends.
func ExampleNewFinalOpsHook() {
	final := hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{"loss", "w"}})
	fmt.Println(run(descent(), 4, final))
	fmt.Println(final.FinalOpsValues().At(0), final.FinalOpsValues().At(1))
	// Output:
	// <nil>
	// 0.25 3.5
}

// The training fails at the first loss that is no number.
func ExampleNewNanTensorHook() {
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		out[0] = session.Float64(math.NaN())
		return nil
	}, "loss")
	nan := must(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss"}))
	fmt.Println(run(engine, 100, nan))
	// Output: session: hook "hooks.NanTensorHook": AfterRun: hooks: loss is NaN: NaN loss during training
}

// Steps a second, for TensorBoard.
func ExampleNewStepCounterHook() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	counter := must(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: 10, OutputDir: dir}))
	fmt.Println(run(descent(), 35, counter))
	tell(dir)
	// Output:
	// <nil>
	// global_step/sec 3
}

// Checkpoints at the start, every tenth step and the end.
func ExampleNewCheckpointSaverHook() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	saver := must(hooks.NewCheckpointSaverHook(hooks.CheckpointSaverHookConfig{
		CheckpointDir: dir, SaveSteps: 10, Saver: must(checkpoint.NewSaver(checkpoint.SaverConfig{})), Listeners: []hooks.CheckpointSaverListener{listener{}},
	}))
	fmt.Println(run(descent(), 25, saver))
	// Output:
	// saved 0
	// saved 10
	// saved 20
	// saved 25
	// <nil>
}

// A listener is told of checkpoints.
type listener struct {
	hooks.BaseCheckpointSaverListener
}

func (listener) AfterSave(_ context.Context, _ session.Session, step int64) (stop bool, err error) {
	fmt.Println("saved", step)
	return false, nil
}

// Checkpoints are evaluated, at most every tenth step, before the training goes on.
func ExampleNewEvaluationListener() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	evaluation := must(hooks.NewEvaluationListener(hooks.EvaluationListenerConfig{
		EvalThrottleSteps: 10,
		Evaluate: func(_ context.Context, step int64) error {
			fmt.Println("evaluated", step)
			return nil
		},
	}))
	saver := must(hooks.NewCheckpointSaverHook(hooks.CheckpointSaverHookConfig{
		CheckpointDir: dir, SaveSteps: 5, Saver: must(checkpoint.NewSaver(checkpoint.SaverConfig{})), Listeners: []hooks.CheckpointSaverListener{evaluation},
	}))
	fmt.Println(run(descent(), 20, saver))
	// Output:
	// evaluated 5
	// evaluated 15
	// evaluated 20
	// <nil>
}

// Another engine evaluates the variables of the one that trains.
func ExampleNewInMemoryEvaluatorHook() {
	evaluator := must(hooks.NewInMemoryEvaluatorHook(hooks.InMemoryEvaluatorHookConfig{
		Engine: descent(), Metrics: map[string]string{"test/loss": "loss"}, Steps: 1, EveryNIter: 2,
		OnEvaluated: func(_ context.Context, step int64, metrics map[string]float64) error {
			fmt.Println(step, metrics)
			return nil
		},
	}))
	fmt.Println(run(descent(), 4, evaluator))
	// Output:
	// 0 map[test/loss:64]
	// 2 map[test/loss:4]
	// 4 map[test/loss:0.25]
	// <nil>
}

// Each run is fed a rate.
func ExampleNewFeedFnHook() {
	rate := 0.5
	feed := must(hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) {
		rate /= 2
		return session.Feeds{"rate": session.Float64(rate)}, nil
	}))
	final := hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{"w"}})
	fmt.Println(run(descent(), 2, feed, final), final.FinalOpsValues().At(0))
	// Output: <nil> 6
}

// The rate is fed, and written for TensorBoard.
func ExampleNewLearningRateHook() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	rate := must(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{
		Placeholder: "rate", Schedule: hooks.Warmup(10, hooks.CosineDecay(0.25, 100, 0)), EverySteps: 10, OutputDir: dir,
	}))
	fmt.Println(run(descent(), 100, rate))
	tell(dir)
	// Output:
	// <nil>
	// rate 10
}

// The average of the loss over about ten runs.
func ExampleNewEMAHook() {
	average := must(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", Decay: 0.9}))
	fmt.Println(run(descent(), 3, average))
	fmt.Printf("%.1f\n", average.Value())
	// Output:
	// <nil>
	// 25.9
}

// A worker begins when the chief has come to a step. Here it has.
func ExampleNewGlobalStepWaiterHook() {
	shared := session.StepFunc(func(context.Context, []session.Value) error { return nil })
	fmt.Println("chief:", run(shared, 100))
	waiter := hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{WaitUntilStep: 100})
	fmt.Println("worker:", run(shared, 200, waiter))
	// Output:
	// chief: <nil>
	// worker: <nil>
}

// Ctrl-C ends the loop after the run in progress, with all that End does.
func ExampleNewSignalHook() {
	self := must(os.FindProcess(os.Getpid()))
	ctrlC := sync.OnceValue(func() error { return self.Signal(os.Interrupt) })
	engine := session.StepFunc(func(context.Context, []session.Value) error { return ctrlC() })
	signals := hooks.NewSignalHook(hooks.SignalHookConfig{})
	fmt.Println(run(engine, math.MaxInt64, signals), signals.Signal())
	// Output: <nil> interrupt
}

// A run that hangs is interrupted.
func ExampleNewTimeoutHook() {
	engine := session.StepFunc(func(ctx context.Context, _ []session.Value) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	ctx, cancel := context.WithCancelCause(context.Background())
	timeout := must(hooks.NewTimeoutHook(hooks.TimeoutHookConfig{Timeout: 10 * time.Millisecond, Cancel: cancel}))
	err := session.With(ctx, session.Config{Engine: engine, Hooks: []session.SessionRunHook{timeout}}, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(ctx, session.TrainOp)
	})
	fmt.Println(errors.Is(err, hooks.ErrTimeout))
	// Output: true
}

// The trial for TensorBoard's table begins with the session and ends with it.
func ExampleNewHParamsHook() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	trial := must(hooks.NewHParamsHook(hooks.HParamsHookConfig{
		Start: summary.HParamsStart{HParams: summary.HParams{"rate": 0.25}}, OutputDir: dir,
	}))
	fmt.Println(run(descent(), 10, trial))
	tell(dir)
	// Output:
	// <nil>
	// _hparams_/session_end_info 1
	// _hparams_/session_start_info 1
}

func ExampleNewMemoryHook() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	memory := must(hooks.NewMemoryHook(hooks.MemoryHookConfig{EverySteps: 10, OutputDir: dir}))
	fmt.Println(run(descent(), 30, memory))
	for _, s := range must(eventlog.Tags(context.Background(), dir, eventlog.Config{})) {
		if s.Tag == "memory/heap_bytes" {
			fmt.Println(s.Tag, s.Count)
		}
	}
	// Output:
	// <nil>
	// memory/heap_bytes 3
}

// A line that is written over on a terminal; a line each time elsewhere.
func ExampleNewProgressHook() {
	var line strings.Builder
	progress := must(hooks.NewProgressHook(hooks.ProgressHookConfig{Total: 4, Values: []string{"loss"}, EverySteps: 2, Output: &line}))
	fmt.Println(run(descent(), 4, progress))
	fmt.Println(strings.Fields(line.String())[:3])
	// Output:
	// <nil>
	// [step 1/4 25%]
}

// Timelines for chrome://tracing, and the same for TensorBoard's graph.
func ExampleNewProfilerHook() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	profiler := must(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 10, OutputDir: dir}))
	fmt.Println(run(descent(), 25, profiler))
	for _, file := range must(filepath.Glob(filepath.Join(dir, "timeline-*"))) {
		fmt.Println(filepath.Base(file))
	}
	// Output:
	// <nil>
	// timeline-10.json
	// timeline-20.json
}

// Every hundredth step and the two after it become a profile for TensorBoard's Profile
// page, the Python package xprof.
func ExampleNewProfilerHook_profileSteps() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	profiler := must(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 100, ProfileSteps: 3, OutputDir: dir}))
	fmt.Println(run(descent(), 250, profiler))
	fmt.Println(len(must(filepath.Glob(filepath.Join(dir, "plugins", "profile", "*", "*.xplane.pb")))))
	// Output:
	// <nil>
	// 2
}
