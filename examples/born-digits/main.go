// Command born-digits puts hooks around the training loop of Born's own example,
// in born.go, which knows nothing of them: the body of the loop is a closure for
// session.StepFunc.
//
//	go run . -logdir /tmp/born
//	tensorboard --logdir /tmp/born
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

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	logdir := flag.String("logdir", filepath.Join(os.TempDir(), "runhook-born-digits", time.Now().Format("2006-01-02T15.04.05")),
		"`directory` for event files and checkpoints")
	steps := flag.Int64("steps", 300, "how many `steps` to train")
	flag.Parse()
	if err := run(ctx, *logdir, *steps, os.Stdout); err != nil && !errors.Is(err, context.Cause(ctx)) {
		fmt.Fprintln(os.Stderr, "born-digits:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, logdir string, steps int64, out io.Writer) error {
	t, err := newTraining()
	if err != nil {
		return err
	}
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: steps})
	if err != nil {
		return err
	}
	progress, err := hooks.NewLoggingTensorHook(hooks.LoggingTensorHookConfig{
		Tensors: []string{session.GlobalStepName, "loss", "accuracy"}, EveryNIter: 50, AtEnd: true, Output: out,
	})
	if err != nil {
		return err
	}
	return hooks.WithMonitoredTrainingSession(ctx, hooks.MonitoredTrainingSessionConfig{
		Engine:        t.engine(),
		CheckpointDir: logdir,
		Scaffold: &session.Scaffold{SummaryOp: summary.Merge(
			summary.Scalar("loss", "loss"), summary.Scalar("accuracy", "accuracy"), summary.Histogram("hidden/weights", "hidden/weights"),
		)},
		Hooks:               []session.SessionRunHook{stop, progress},
		SaveSummariesSteps:  10,
		SaveCheckpointSteps: 100,
	}, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(ctx, session.TrainOp)
	})
}
