// Command customrunner attaches hooks to a session runner that is not one of
// ours: k-means clustering, in runner.go, which implements session.Engine and
// session.Session by hand. The hook in converged.go is the user's own, too; it
// works with any runner that has the names that it fetches.
//
//	go run ./examples/customrunner
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

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	logdir, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, newKMeans(gaussianClouds(1000), 5), logdir, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "customrunner:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (logdir string, err error) {
	flags := flag.NewFlagSet("customrunner", flag.ContinueOnError)
	flags.StringVar(&logdir, "logdir", filepath.Join(os.TempDir(), "runhook-kmeans", time.Now().Format("2006-01-02T15.04.05")),
		"`directory` for event files")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return logdir, nil
}

func run(ctx context.Context, engine session.Engine, logdir string, out io.Writer) error {
	err := train(ctx, engine, logdir, out)
	switch {
	case err != nil && err == context.Cause(ctx): // and nothing failed besides
		fmt.Fprintf(out, "interrupted (%v): everything recorded so far is in the event files\n", err)
	case err != nil:
		return err
	}
	fmt.Fprintf(out, "\nevent files: %s\nlook at them with\n    tensorboard --logdir %s\n", logdir, logdir)
	return nil
}

// train iterates until the centers stay where they are.
func train(ctx context.Context, engine session.Engine, logdir string, out io.Writer) error {
	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 1,
		OutputDir: logdir,
		SummaryOp: summary.Merge(
			summary.Scalar("inertia", "inertia"),
			summary.Scalar("moved", "moved"),
			summary.Histogram("cluster", "cluster"),
		),
	})
	if err != nil {
		return err
	}
	config := session.Config{
		Engine: engine,
		Hooks:  []session.SessionRunHook{saver, &convergedHook{fetch: "moved", limit: 1e-3, out: out}},
	}
	return session.With(ctx, config, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(ctx, "iterate")
	})
}
