// Command digits trains a small neural network, written in plain Go, to read
// handwritten digits. It shows what runhook is for: the training loop knows
// nothing of logs, curves and stopping; hooks do that.
//
//	go run ./examples/digits
//
// Ctrl-C ends it early, with everything recorded so far in the event files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

const (
	batchSize = 64
	peakRate  = 0.1
	momentum  = 0.9
)

// Histograms and pictures are large and change slowly: they are recorded once in
// so many of the periods that the flags ask for.
const (
	histogramPeriods = 5
	picturePeriods   = 10
)

type options struct {
	logdir    string
	steps     int64
	saveSteps int64
	saveSecs  time.Duration
	seed      uint64
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
		fmt.Fprintln(os.Stderr, "digits:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("digits", flag.ContinueOnError)
	flags.StringVar(&o.logdir, "logdir", "", "`directory` for event files (default: a new one below the temporary directory)")
	flags.Int64Var(&o.steps, "steps", 2000, "how many `steps` to train")
	flags.Int64Var(&o.saveSteps, "save_steps", 20, "record summaries every so many `steps`")
	flags.DurationVar(&o.saveSecs, "save_secs", 0, "record summaries at this `period`, such as 0.5s, instead of -save_steps")
	flags.Uint64Var(&o.seed, "seed", 1, "`seed` of the split, the weights and the batches")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.steps < 1:
		return o, fmt.Errorf("-steps is %d, want 1 or more", o.steps)
	case o.saveSteps < 1:
		return o, fmt.Errorf("-save_steps is %d, want 1 or more", o.saveSteps)
	case o.saveSteps > math.MaxInt64/picturePeriods:
		return o, fmt.Errorf("-save_steps is %d, want %d or less", o.saveSteps, int64(math.MaxInt64/picturePeriods))
	case given["save_secs"] && o.saveSecs <= 0:
		return o, fmt.Errorf("-save_secs is %v, want a positive duration", o.saveSecs)
	case o.saveSecs > math.MaxInt64/picturePeriods:
		return o, fmt.Errorf("-save_secs is %v, want %v or less", o.saveSecs, time.Duration(math.MaxInt64/picturePeriods))
	case given["save_secs"] && given["save_steps"]:
		return o, errors.New("both -save_steps and -save_secs are given, want one of them")
	case given["save_secs"]:
		o.saveSteps = 0
	}
	if o.logdir == "" {
		o.logdir = filepath.Join(os.TempDir(), "runhook-digits", time.Now().Format("2006-01-02T15.04.05"))
	}
	return o, nil
}

func run(ctx context.Context, o options, out io.Writer) error {
	all, err := loadDigits()
	if err != nil {
		return err
	}
	trainSet, testSet, err := all.split(trainSize, o.seed)
	if err != nil {
		return err
	}
	feed, err := newBatches(trainSet, batchSize, o.seed)
	if err != nil {
		return err
	}
	engine := buildGraph(feed, testSet, o)
	attached, err := makeHooks(o, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "training on %d digits, testing on %d\n", trainSet.len(), testSet.len())
	err = train(ctx, engine, attached)
	switch {
	case err != nil && err == context.Cause(ctx): // and nothing failed besides
		fmt.Fprintf(out, "\ninterrupted (%v): everything recorded so far is in the event files\n", err)
	case err != nil:
		return err
	}
	fmt.Fprintf(out, `
event files: %s
look at them with
    tensorboard --logdir %s
`, o.logdir, o.logdir)
	return nil
}

// train is the training loop.
func train(ctx context.Context, engine *graph.Graph, attached []session.SessionRunHook) error {
	config := session.Config{Engine: engine, Hooks: attached}
	return session.With(ctx, config, func(s *session.MonitoredSession) error {
		for !s.ShouldStop() {
			if _, err := s.Run(ctx, session.TrainOp); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeHooks returns the hooks that do everything but training. The runs train
// and test become two curves in each chart of TensorBoard.
func makeHooks(o options, out io.Writer) ([]session.SessionRunHook, error) {
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: o.steps})
	if err != nil {
		return nil, err
	}
	trainSaver, err := newSaver(o, "train", 1, summary.Merge(
		summary.Scalar("loss", lossName),
		summary.Scalar("accuracy", accuracyName),
		summary.Scalar("learning_rate", rateName),
	))
	if err != nil {
		return nil, err
	}
	testSaver, err := newSaver(o, "test", 1, summary.Merge(
		summary.Scalar("loss", testLossName),
		summary.Scalar("accuracy", testAccuracyName),
	))
	if err != nil {
		return nil, err
	}
	// Both savers of a run share its file.
	histograms := []summary.Op{summary.Histogram("hidden/activations", activationsName)}
	for _, name := range paramNames {
		histograms = append(histograms, summary.Histogram(name, name))
	}
	histogramSaver, err := newSaver(o, "train", histogramPeriods, summary.Merge(histograms...))
	if err != nil {
		return nil, err
	}
	pictureSaver, err := newSaver(o, "test", picturePeriods, summary.Image("misclassified", misclassifiedName, 1))
	if err != nil {
		return nil, err
	}
	progress, err := newProgress(o, out)
	if err != nil {
		return nil, err
	}
	return []session.SessionRunHook{stop, trainSaver, testSaver, histogramSaver, pictureSaver, progress}, nil
}

// newSaver returns a hook that records op for a run of TensorBoard, once in so
// many of the periods that the flags ask for.
func newSaver(o options, run string, periods int64, op summary.Op) (session.SessionRunHook, error) {
	return summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: periods * o.saveSteps,
		SaveSecs:  time.Duration(periods) * o.saveSecs,
		OutputDir: filepath.Join(o.logdir, run),
		SummaryOp: op,
	})
}

// newProgress returns a hook that prints how training is going.
func newProgress(o options, out io.Writer) (session.SessionRunHook, error) {
	return hooks.NewLoggingTensorHook(hooks.LoggingTensorHookConfig{
		Tensors:    []string{session.GlobalStepName, lossName, testAccuracyName},
		EveryNIter: max(1, min(o.steps/20, 1000)),
		AtEnd:      true,
		Formatter: func(l hooks.TensorLog) string {
			step, _ := l.Lookup(session.GlobalStepName).Int64()
			loss, _ := l.Lookup(lossName).Float64()
			accuracy, _ := l.Lookup(testAccuracyName).Float64()
			line := fmt.Sprintf("step %5d of %d   loss %.4f   test accuracy %5.2f %%", step, o.steps, loss, 100*accuracy)
			if rate := l.RunsPerSec(); rate > 0 {
				line += fmt.Sprintf("   %6.0f steps/s", rate)
			}
			return line
		},
		Output: out,
	})
}
