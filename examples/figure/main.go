// Command figure fits a line and records how it looks: a figure that gonum's plot
// package draws. An io.WriterTo is all that a figure has to be.
//
//	cd examples/figure && go run . -logdir figure
//	tensorboard --logdir figure
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"gonum.org/v1/plot/plotter"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

func main() {
	logdir, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(context.Background(), logdir, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "figure:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (logdir string, err error) {
	flags := flag.NewFlagSet("figure", flag.ContinueOnError)
	flags.StringVar(&logdir, "logdir", filepath.Join(os.TempDir(), "runhook-figure", time.Now().Format("2006-01-02T15.04.05")),
		"`directory` for event files")
	if err := flags.Parse(args); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return logdir, nil
}

// run fits a line in 50 steps. The figure of a step is drawn if it is recorded,
// and only then.
func run(ctx context.Context, logdir string, out io.Writer) error {
	f := fit{points: points(80)}
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		next, loss := f.step(0.1)
		out[0], out[1] = session.Float64(loss), session.Any(f)
		f = next
		return nil
	}, "loss", "fit")

	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: 50})
	if err != nil {
		return err
	}
	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 7,
		OutputDir: logdir,
		SummaryOp: summary.Merge(summary.Scalar("loss", "loss"), summary.Figure("fit", "fit")),
	})
	if err != nil {
		return err
	}
	config := session.Config{Engine: engine, Hooks: []session.SessionRunHook{stop, saver}}
	err = session.With(ctx, config, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(ctx, session.TrainOp)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "y = %.2f x + %.2f\nevent files: %s\nlook at them with\n    tensorboard --logdir %s\n", f.w, f.b, logdir, logdir)
	return nil
}

// points returns n points near the line y = 2x + 1.
func points(n int) plotter.XYs {
	rng := rand.New(rand.NewPCG(1, 2))
	points := make(plotter.XYs, n)
	for i := range points {
		x := 2*rng.Float64() - 1
		points[i] = plotter.XY{X: x, Y: 2*x + 1 + 0.3*rng.NormFloat64()}
	}
	return points
}
