// Command digits trains a small neural network, written in plain Go, to read
// handwritten digits. It shows what runhook is for: the training loop knows
// nothing of logs, curves, checkpoints and stopping; hooks do that.
//
//	go run ./examples/digits
//
// Ctrl-C ends it early, with everything recorded so far in the event files.
// Started again with the same -logdir, also after a kill -9, it goes on from its
// newest checkpoint.
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
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

const (
	batchSize = 64
	peakRate  = 0.1
	momentum  = 0.9
)

// Histograms, pictures and checkpoints are large and change slowly: they are
// recorded once in so many of the periods that the flags ask for.
const (
	histogramPeriods  = 5
	picturePeriods    = 10
	checkpointPeriods = 10
)

type options struct {
	logdir         string
	steps          int64
	saveSteps      int64
	saveSecs       time.Duration
	seed           uint64
	stopAtAccuracy float64 // 0: it is not looked at
}

// The runs of TensorBoard, which are two curves in each of its charts.
func (o options) trainDir() string { return filepath.Join(o.logdir, "train") }
func (o options) testDir() string  { return filepath.Join(o.logdir, "test") }

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
	flags.StringVar(&o.logdir, "logdir", "", "`directory` for event files and checkpoints, from which training goes on if there are any\n(default: a new one below the temporary directory)")
	flags.Int64Var(&o.steps, "steps", 2000, "how many `steps` to train")
	flags.Int64Var(&o.saveSteps, "save_steps", 20, "record summaries every so many `steps`")
	flags.DurationVar(&o.saveSecs, "save_secs", 0, "record summaries at this `period`, such as 0.5s, instead of -save_steps")
	flags.Uint64Var(&o.seed, "seed", 1, "`seed` of the split, the weights and the batches; the same one to go on with")
	flags.Float64Var(&o.stopAtAccuracy, "stop_at_accuracy", 0, "stop early when more than this `part` of the test digits is read right, such as 0.96")
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
	case given["stop_at_accuracy"] && !(o.stopAtAccuracy > 0 && o.stopAtAccuracy < 1):
		return o, fmt.Errorf("-stop_at_accuracy is %v, want more than 0 and less than 1", o.stopAtAccuracy)
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
	final := hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{session.GlobalStepName, testAccuracyName}})
	config, err := job(o, buildGraph(feed, testSet, o), final, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "training on %d digits, testing on %d\n", trainSet.len(), testSet.len())
	if newest, err := checkpoint.LatestCheckpoint(o.trainDir()); err == nil && newest != "" {
		fmt.Fprintf(out, "going on from %s\n", newest)
	}
	err = hooks.WithMonitoredTrainingSession(ctx, config, func(s *session.MonitoredSession) error {
		for !s.ShouldStop() {
			if _, err := s.Run(ctx, session.TrainOp); err != nil {
				return err
			}
		}
		return nil
	})
	interrupted := err != nil && err == context.Cause(ctx) // and nothing failed besides
	if err != nil && !interrupted {
		return err
	}
	values := final.FinalOpsValues()
	step, accuracy := arg[int64](values.At(0)), arg[float32](values.At(1))
	fmt.Fprintf(out, "\nat step %d, %.2f %% of the test digits are read right\n", step, 100*accuracy)
	switch {
	case interrupted:
		fmt.Fprintf(out, "interrupted (%v): everything recorded so far is in the event files; to go on, add -logdir %s\n", err, o.logdir)
	case step < o.steps:
		fmt.Fprintf(out, "stopped early, as was asked for\n")
	}
	fmt.Fprintf(out, `
event files: %s
look at them with
    tensorboard --logdir %s
`, o.logdir, o.logdir)
	return nil
}

// job describes the training: the engine and all that is attached to it.
func job(o options, engine *graph.Graph, final *hooks.FinalOpsHook, out io.Writer) (hooks.MonitoredTrainingSessionConfig, error) {
	config := hooks.MonitoredTrainingSessionConfig{
		Engine:        engine,
		CheckpointDir: o.trainDir(), // the event file of the run, too
		Scaffold: &session.Scaffold{SummaryOp: summary.Merge(
			summary.Scalar("loss", lossName),
			summary.Scalar("accuracy", accuracyName),
			summary.Scalar("learning_rate", rateName),
		)},
		SaveSummariesSteps: o.saveSteps, SaveSummariesSecs: o.saveSecs,
		SaveCheckpointSteps: checkpointPeriods * o.saveSteps, SaveCheckpointSecs: checkpointPeriods * o.saveSecs,
	}
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: o.steps})
	if err != nil {
		return config, err
	}
	test, err := newSaver(o, o.testDir(), 1, summary.Merge(
		summary.Scalar("loss", testLossName),
		summary.Scalar("accuracy", testAccuracyName),
	))
	if err != nil {
		return config, err
	}
	var weights []summary.Op
	for _, name := range append([]string{activationsName}, paramNames...) {
		weights = append(weights, summary.Histogram(name, name))
	}
	histograms, err := newSaver(o, o.trainDir(), histogramPeriods, summary.Merge(weights...))
	if err != nil {
		return config, err
	}
	pictures, err := newSaver(o, o.testDir(), picturePeriods, summary.Image("misclassified", misclassifiedName, 1))
	if err != nil {
		return config, err
	}
	progress, err := hooks.NewProgressHook(hooks.ProgressHookConfig{
		Total: o.steps, Values: []string{lossName, testAccuracyName}, EverySecs: 500 * time.Millisecond, Output: out,
	})
	if err != nil {
		return config, err
	}
	config.Hooks = []session.SessionRunHook{stop, test, histograms, pictures, progress, final}
	if o.stopAtAccuracy > 0 {
		early, err := stopEarly(o, test)
		if err != nil {
			return config, err
		}
		config.Hooks = append(config.Hooks, early)
	}
	return config, nil
}

// newSaver returns a hook that records op for a run of TensorBoard, once in so
// many of the periods that the flags ask for. The savers of a run share its file.
func newSaver(o options, dir string, periods int64, op summary.Op) (*summary.SummarySaverHook, error) {
	return summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: periods * o.saveSteps,
		SaveSecs:  time.Duration(periods) * o.saveSecs,
		OutputDir: dir,
		SummaryOp: op,
	})
}

// stopEarly returns a hook that looks at what test has recorded.
func stopEarly(o options, test *summary.SummarySaverHook) (session.SessionRunHook, error) {
	higher, err := hooks.StopIfHigher(hooks.StopIfConfig{EvalDir: o.testDir(), MetricName: "accuracy", Threshold: o.stopAtAccuracy})
	if err != nil {
		return nil, err
	}
	return hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{
		RunEverySteps: o.saveSteps, RunEverySecs: o.saveSecs,
		ShouldStop: func(ctx context.Context) (bool, error) {
			if err := test.Flush(); err != nil {
				return false, err
			}
			return higher(ctx)
		},
	})
}
