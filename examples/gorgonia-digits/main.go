// Command gorgonia-digits trains a network of Gorgonia to read handwritten digits,
// as a training job: summaries of nodes, weights and gradients, a learning rate
// that falls, early stopping, checkpoints. Run again with more -steps and the same
// -logdir it goes on where it was.
//
//	go run . -logdir /tmp/digits
//	tensorboard --logdir /tmp/digits
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

	"github.com/runhook/runhook/adapters/gorgonia"
	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// evaluateSteps is how often the test digits are read.
const evaluateSteps = 100

type options struct {
	logdir   string
	steps    int64
	patience int64
	seed     uint64
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
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gorgonia-digits:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("gorgonia-digits", flag.ContinueOnError)
	flags.StringVar(&o.logdir, "logdir", "", "`directory` for event files and checkpoints (default: a new one below the temporary directory)")
	flags.Int64Var(&o.steps, "steps", 500, "how many `steps` to train at most")
	flags.Int64Var(&o.patience, "patience", 300, "stop when the test accuracy has not risen for so many `steps`")
	flags.Uint64Var(&o.seed, "seed", 1, "`seed` of the split, the weights and the batches")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.steps < 1:
		return o, fmt.Errorf("-steps is %d, want 1 or more", o.steps)
	case o.patience < 1:
		return o, fmt.Errorf("-patience is %d, want 1 or more", o.patience)
	}
	if o.logdir == "" {
		o.logdir = filepath.Join(os.TempDir(), "runhook-gorgonia-digits", time.Now().Format("2006-01-02T15.04.05"))
	}
	return o, nil
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	trainSet, testSet, err := loadDigits(o.seed)
	if err != nil {
		return err
	}
	n, err := newNetwork(trainSet, o.seed)
	if err != nil {
		return err
	}
	engine, err := gorgonia.New(n.config())
	if err != nil {
		return err
	}
	if err := engine.Resolve("probabilities"); err != nil { // what evaluations fetch
		return err
	}
	evaluations, err := summary.NewFileWriter(filepath.Join(o.logdir, "eval"), summary.FileWriterConfig{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, evaluations.Close()) }()
	attached, err := makeHooks(o, func(ctx context.Context, s session.Session, step int64, _ session.Values) error {
		accuracy, err := testSet.accuracy(ctx, s)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "step %5d of %d   test accuracy %.3f\n", step, o.steps, accuracy)
		return errors.Join(evaluations.Scalar("accuracy", accuracy, step), evaluations.Flush())
	})
	if err != nil {
		return err
	}
	err = hooks.WithMonitoredTrainingSession(ctx, hooks.MonitoredTrainingSessionConfig{
		Engine:              engine,
		CheckpointDir:       o.logdir,
		Scaffold:            &session.Scaffold{SummaryOp: summaries()},
		Hooks:               attached,
		SaveSummariesSteps:  10,
		SaveCheckpointSteps: 200,
	}, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(ctx, session.TrainOp)
	})
	switch {
	case err != nil && err == context.Cause(ctx): // and nothing failed besides
		fmt.Fprintf(out, "interrupted (%v): run again with -logdir %s to go on\n", err, o.logdir)
	case err != nil:
		return err
	}
	fmt.Fprintf(out, "look at it with\n    tensorboard --logdir %s\n", o.logdir)
	return nil
}

// summaries are what is recorded of a step.
func summaries() summary.Op {
	return summary.Merge(
		summary.Scalar("loss", "loss"),
		summary.Histogram("hidden/activations", "hidden/activations"),
		summary.Histogram("hidden/weights", "hidden/w"),
		summary.Histogram("hidden/gradients", "grad:hidden/w"),
	)
}

// makeHooks returns the hooks that a training job does not have by itself.
func makeHooks(o options, evaluate func(ctx context.Context, s session.Session, step int64, values session.Values) error) ([]session.SessionRunHook, error) {
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: o.steps})
	if err != nil {
		return nil, err
	}
	nan, err := hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss"})
	if err != nil {
		return nil, err
	}
	rate, err := hooks.NewLearningRateHook(hooks.LearningRateHookConfig{
		Placeholder: gorgonia.LearningRate, Schedule: hooks.CosineDecay(peakRate, o.steps, 0.01), EverySteps: 10, OutputDir: o.logdir,
	})
	if err != nil {
		return nil, err
	}
	evaluator, err := hooks.FuncEvery(hooks.FuncEveryConfig{EverySteps: evaluateSteps, Func: evaluate})
	if err != nil {
		return nil, err
	}
	early, err := hooks.NewStopIfNoIncreaseHook(hooks.StopIfConfig{
		EvalDir: filepath.Join(o.logdir, "eval"), MetricName: "accuracy", MaxSteps: o.patience, RunEverySteps: evaluateSteps,
	})
	if err != nil {
		return nil, err
	}
	return []session.SessionRunHook{stop, nan, rate, evaluator, early}, nil
}
