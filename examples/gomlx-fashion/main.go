// Command gomlx-fashion trains a network of GoMLX to tell clothes apart, on the
// 60,000 pictures of Fashion-MNIST, as a training job: summaries, evaluations on
// the 10,000 test pictures, early stopping, checkpoints. Run again with the same
// -logdir it goes on where it was; Ctrl-C ends it with everything saved.
//
//	apt-get install dataset-fashion-mnist
//	go run . -logdir /tmp/fashion
//	tensorboard --logdir /tmp/fashion
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/runhook/runhook/adapters/gomlx"
	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

type options struct {
	data     string
	logdir   string
	epochs   int
	patience int64
	seed     int64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	o, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		_, err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gomlx-fashion:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("gomlx-fashion", flag.ContinueOnError)
	flags.StringVar(&o.data, "data", "/usr/share/datasets/fashion-mnist", "`directory` of Fashion-MNIST, as Debian's package has it")
	flags.StringVar(&o.logdir, "logdir", "", "`directory` for event files and checkpoints (default: a new one below the temporary directory)")
	flags.IntVar(&o.epochs, "epochs", 1, "how many `epochs` to train at most")
	flags.Int64Var(&o.patience, "patience", 2000, "stop when the test accuracy has not risen for so many `steps`")
	flags.Int64Var(&o.seed, "seed", 1, "`seed` of the weights and the batches")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.epochs < 1:
		return o, fmt.Errorf("-epochs is %d, want 1 or more", o.epochs)
	case o.patience < 1:
		return o, fmt.Errorf("-patience is %d, want 1 or more", o.patience)
	}
	if o.logdir == "" {
		o.logdir = filepath.Join(os.TempDir(), "runhook-gomlx-fashion", time.Now().Format("2006-01-02T15.04.05"))
	}
	return o, nil
}

// run trains, and returns the test accuracy that the training has come to.
func run(ctx context.Context, o options, out io.Writer) (accuracy float64, err error) {
	trainSet, testSet, err := readFashion(o.data)
	if err != nil {
		return 0, err
	}
	m, err := newModel(trainSet, testSet, o.seed)
	if err != nil {
		return 0, err
	}
	defer m.backend.Finalize()
	engine, err := gomlx.New(gomlx.Config{Trainer: m.trainer, Dataset: m.training})
	if err != nil {
		return 0, err
	}
	steps := int64(o.epochs * trainSet.len() / batchSize)
	attached, err := makeHooks(o, m, steps, &accuracy, out)
	if err != nil {
		return 0, err
	}
	err = hooks.WithMonitoredTrainingSession(ctx, hooks.MonitoredTrainingSessionConfig{
		Engine:              engine,
		CheckpointDir:       o.logdir,
		Scaffold:            &session.Scaffold{SummaryOp: summaries()},
		Hooks:               attached,
		SaveSummariesSteps:  20,
		SaveCheckpointSteps: 300,
	}, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(ctx, session.TrainOp)
	})
	switch {
	case err != nil && err == context.Cause(ctx): // and nothing failed besides
		fmt.Fprintf(out, "interrupted (%v): run again with -logdir %s to go on\n", err, o.logdir)
	case err != nil:
		return 0, err
	}
	fmt.Fprintf(out, "look at it with\n    tensorboard --logdir %s\n", o.logdir)
	return accuracy, nil
}

// summaries are what is recorded of the training: loss and accuracy over the last
// hundred steps or so, which share their charts with those of the evaluations.
func summaries() summary.Op {
	return summary.Merge(
		summary.Scalar("loss", "~loss"),
		summary.Scalar("accuracy", "~acc"),
		summary.Scalar("batch/loss", "loss"),
	)
}

// makeHooks returns the hooks that a training job does not have by itself.
// accuracy is where the latest evaluation stores it.
func makeHooks(o options, m *model, steps int64, accuracy *float64, out io.Writer) ([]session.SessionRunHook, error) {
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: steps})
	if err != nil {
		return nil, err
	}
	large, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 100, OutputDir: o.logdir, SummaryOp: summary.Merge(
			summary.Histogram("hidden/weights", "/hidden/dense/weights"),
			summary.Histogram("hidden/gradients", "grad:/hidden/dense/weights"),
			summary.Image("batch/pictures", "inputs/0", 3),
		),
	})
	if err != nil {
		return nil, err
	}
	evaluator, err := hooks.NewInMemoryEvaluatorHook(hooks.InMemoryEvaluatorHookConfig{
		Engine:     gomlx.Evaluation(m.trainer, m.testing),
		Update:     []string{session.TrainOp},
		Steps:      1,
		Metrics:    map[string]string{"accuracy": "#acc", "loss": "#loss"},
		EveryNIter: 300,
		OutputDir:  o.logdir,
		OnEvaluated: func(_ context.Context, step int64, metrics map[string]float64) error {
			*accuracy = metrics["accuracy"]
			_, err := fmt.Fprintf(out, "step %5d of %d   test accuracy %.3f   test loss %.3f\n", step, steps, metrics["accuracy"], metrics["loss"])
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	early, err := hooks.NewStopIfNoIncreaseHook(hooks.StopIfConfig{
		EvalDir: evaluator.EvalDir(), MetricName: "accuracy", MaxSteps: o.patience, RunEverySteps: 300,
	})
	if err != nil {
		return nil, err
	}
	nan, err := hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss"})
	if err != nil {
		return nil, err
	}
	return []session.SessionRunHook{stop, nan, large, evaluator, early}, nil
}
