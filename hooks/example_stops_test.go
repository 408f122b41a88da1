package hooks_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"time"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/summary"
)

// stoppedAt runs an engine until the hook asks for a stop, and tells the step.
func stoppedAt(hook session.SessionRunHook) (step session.Value, err error) {
	final := hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{session.GlobalStepName}})
	err = run(descent(), math.MaxInt64, hook, final)
	return final.FinalOpsValues().At(0), err
}

// evaluations makes a directory of evaluations at steps 10, 20, 30 …
func evaluations(metric string, values ...float64) (dir string) {
	dir = tempDir()
	w := must(summary.NewFileWriter(dir, summary.FileWriterConfig{}))
	for i, x := range values {
		if err := w.Scalar(metric, x, int64(10*i+10)); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return dir
}

func ExampleReadEvalMetrics() {
	dir := evaluations("loss", 0.5, 0.25)
	defer os.RemoveAll(dir)
	for _, e := range must(hooks.ReadEvalMetrics(dir)) {
		fmt.Println(e.Step, e.Values)
	}
	// Output:
	// 10 map[loss:0.5]
	// 20 map[loss:0.25]
}

// The loss has not fallen for 20 steps: the training ends when that is looked at.
func ExampleNewStopIfNoDecreaseHook() {
	dir := evaluations("loss", 0.5, 0.25, 0.375, 0.5)
	defer os.RemoveAll(dir)
	early := must(hooks.NewStopIfNoDecreaseHook(hooks.StopIfConfig{EvalDir: dir, MetricName: "loss", MaxSteps: 20, RunEverySteps: 1}))
	fmt.Println(stoppedAt(early))
	// Output: 1 <nil>
}

func ExampleNewStopIfNoIncreaseHook() {
	dir := evaluations("accuracy", 0.5, 0.75, 0.75, 0.625)
	defer os.RemoveAll(dir)
	early := must(hooks.NewStopIfNoIncreaseHook(hooks.StopIfConfig{EvalDir: dir, MetricName: "accuracy", MaxSteps: 20, RunEverySteps: 1}))
	fmt.Println(stoppedAt(early))
	// Output: 1 <nil>
}

func ExampleNewStopIfHigherHook() {
	dir := evaluations("accuracy", 0.5, 0.96875)
	defer os.RemoveAll(dir)
	early := must(hooks.NewStopIfHigherHook(hooks.StopIfConfig{EvalDir: dir, MetricName: "accuracy", Threshold: 0.95, RunEverySteps: 1}))
	fmt.Println(stoppedAt(early))
	// Output: 1 <nil>
}

func ExampleNewStopIfLowerHook() {
	dir := evaluations("loss", 0.5, 0.03125)
	defer os.RemoveAll(dir)
	early := must(hooks.NewStopIfLowerHook(hooks.StopIfConfig{EvalDir: dir, MetricName: "loss", Threshold: 0.05, RunEverySteps: 1}))
	fmt.Println(stoppedAt(early))
	// Output: 1 <nil>
}

// A condition of one's own.
func ExampleNewEarlyStoppingHook() {
	asked := 0
	early := must(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{
		RunEverySteps: 10,
		ShouldStop: func(context.Context) (bool, error) {
			asked++
			return asked == 3, nil
		},
	}))
	fmt.Println(stoppedAt(early))
	// Output: 21 <nil>
}

func ExampleNewStopAtSecsHook() {
	stop := must(hooks.NewStopAtSecsHook(10 * time.Millisecond))
	start := time.Now()
	fmt.Println(run(descent(), math.MaxInt64, stop), time.Since(start) >= 10*time.Millisecond)
	// Output: <nil> true
}

// A worker stops when the chief's checkpoints have come to a step.
func ExampleNewStopAtCheckpointStepHook() {
	dir := tempDir()
	defer os.RemoveAll(dir)
	chief := must(hooks.NewCheckpointSaverHook(hooks.CheckpointSaverHookConfig{
		CheckpointDir: dir, SaveSteps: 10, Saver: must(checkpoint.NewSaver(checkpoint.SaverConfig{})),
	}))
	fmt.Println(run(descent(), 20, chief))
	worker := must(hooks.NewStopAtCheckpointStepHook(hooks.StopAtCheckpointStepHookConfig{ModelDir: dir, LastStep: 20}))
	fmt.Println(run(descent(), 100, worker))
	// Output:
	// <nil>
	// <nil>
}

// An evaluation takes ten batches.
func ExampleNewStopAfterNEvalsHook() {
	stop := must(hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: 10}))
	fmt.Println(stoppedAt(stop))
	// Output: 10 <nil>
}
