// Command customrunner attaches hooks to a session runner that is not one of
// ours: k-means clustering, in runner.go, which implements session.Engine and
// session.Session by hand. The hook in converged.go is the user's own, too; it
// works with any runner that has something to fetch by that name.
//
//	go run ./examples/customrunner
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

func main() {
	logdir := flag.String("logdir", filepath.Join(os.TempDir(), "runhook-kmeans", time.Now().Format("2006-01-02T15.04.05")),
		"`directory` for event files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *logdir); err != nil {
		fmt.Fprintln(os.Stderr, "customrunner:", err)
		os.Exit(1)
	}
	fmt.Printf("\nevent files: %s\nlook at them with\n    tensorboard --logdir %s\n", *logdir, *logdir)
}

func run(ctx context.Context, logdir string) error {
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
		Engine: newKMeans(gaussianClouds(1000), 5),
		Hooks:  []session.SessionRunHook{saver, &convergedHook{fetch: "moved", limit: 1e-3, out: os.Stdout}},
	}
	return session.With(ctx, config, func(s *session.MonitoredSession) error {
		for _, err := range s.Steps(ctx, "iterate") {
			if err != nil {
				return err
			}
		}
		return nil
	})
}
