package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

func TestTheProgramTrainsAndSaysWhereToLook(t *testing.T) {
	var out bytes.Buffer
	logdir := t.TempDir()
	o, err := parseFlags([]string{"-logdir", logdir})
	require.NoError(t, err)
	require.NoError(t, run(t.Context(), o, &out))

	text := out.String()
	require.Contains(t, text, "training on 1437 digits, testing on 360\n")
	require.NotContains(t, text, "going on")
	require.Contains(t, text, "step 1/2000  0%")
	require.Contains(t, text, "step 2000/2000  100%")
	require.Contains(t, text, "tensorboard --logdir "+logdir)
	require.NotContains(t, text, "interrupted")
	require.NotContains(t, text, "early")
	accuracy := accuracyIn(t, text, 2000)
	require.GreaterOrEqual(t, accuracy, 95.0)
	require.LessOrEqual(t, accuracy, 100.0)

	wantTrain, wantTest := promised(20, 2000)
	train, test := recorded(t, logdir, "train"), recorded(t, logdir, "test")
	require.Equal(t, wantTrain, train.steps)
	require.Equal(t, wantTest, test.steps)
	for i, rate := range train.scalars(t, "learning_rate") {
		require.Equal(t, learningRate(train.steps["learning_rate"][i]-1, 2000, peakRate), rate)
	}
	for _, r := range []recording{train, test} {
		loss, accuracy := r.scalars(t, "loss"), r.scalars(t, "accuracy")
		require.Less(t, slices.Max(loss[90:]), loss[0]/10)
		require.Greater(t, slices.Min(accuracy[90:]), float32(0.9))
		require.LessOrEqual(t, slices.Max(accuracy), float32(1))
	}
	for tag, size := range map[string]float64{
		"hidden/activations": batchSize * hiddenUnits,
		"hidden/weights":     pixels * hiddenUnits,
		"hidden/bias":        hiddenUnits,
		"output/weights":     hiddenUnits * classes,
		"output/bias":        classes,
	} {
		for _, count := range train.counted(t, tag) {
			require.Equal(t, size, count, tag)
		}
	}
	test.requirePictures(t, "misclassified/image")
}

// accuracyIn returns the accuracy that the program says it has come to, at a step.
func accuracyIn(t *testing.T, text string, step int64) float64 {
	t.Helper()
	said := regexp.MustCompile(`(?m)^at step (\d+), ([0-9.]+) % of the test digits are read right$`).FindStringSubmatch(text)
	require.NotNil(t, said, text)
	require.Equal(t, strconv.FormatInt(step, 10), said[1])
	accuracy, err := strconv.ParseFloat(said[2], 64)
	require.NoError(t, err)
	return accuracy
}

// weightsIn returns the newest checkpoint of a training.
func weightsIn(t *testing.T, o options) map[string]session.Value {
	t.Helper()
	newest, err := checkpoint.LatestCheckpoint(o.trainDir())
	require.NoError(t, err)
	contents, err := checkpoint.Load(t.Context(), newest, false)
	require.NoError(t, err)
	return contents.Variables
}

func TestATrainingThatGoesOnComesToTheSame(t *testing.T) {
	whole := options{logdir: t.TempDir(), steps: 300, saveSteps: 10, seed: 1}
	require.NoError(t, run(t.Context(), whole, io.Discard))

	parts := options{logdir: t.TempDir(), steps: 300, saveSteps: 10, seed: 1}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	require.NoError(t, run(ctx, parts, &canceller{Writer: &out, text: "step 1/300", cancel: cancel}))
	require.Contains(t, out.String(), "to go on, add -logdir "+parts.logdir)
	out.Reset()
	require.NoError(t, run(t.Context(), parts, &out))
	require.Contains(t, out.String(), "going on from "+filepath.Join(parts.trainDir(), "model.ckpt-1")+"\n")
	require.Equal(t, weightsIn(t, whole), weightsIn(t, parts), "bit for bit")

	wantTrain, wantTest := promised(10, 300)
	for dir, want := range map[string][]int64{"train": wantTrain["loss"], "test": wantTest["accuracy"]} {
		got := recorded(t, parts.logdir, dir)
		tag := map[string]string{"train": "loss", "test": "accuracy"}[dir]
		require.Equal(t, int64(1), got.steps[tag][0])
		require.Equal(t, int64(2), got.steps[tag][1], "the first step of what goes on")
		require.Len(t, got.steps[tag], len(want)+1)
	}

	out.Reset()
	before := recorded(t, parts.logdir, "train").steps
	require.NoError(t, run(t.Context(), parts, &out))
	require.Contains(t, out.String(), "step 300/300  100%  in ")
	require.Equal(t, before, recorded(t, parts.logdir, "train").steps, "there is nothing left to do")
	accuracyIn(t, out.String(), 300)
}

func TestATrainingStopsEarlyIfAsked(t *testing.T) {
	var out bytes.Buffer
	o := options{logdir: t.TempDir(), steps: 2000, saveSteps: 10, seed: 1, stopAtAccuracy: 0.9}
	require.NoError(t, run(t.Context(), o, &out))
	require.Contains(t, out.String(), "stopped early, as was asked for\n")
	steps := recorded(t, o.logdir, "test").steps["accuracy"]
	last := steps[len(steps)-1]
	require.Less(t, last, int64(2000))
	require.Greater(t, accuracyIn(t, out.String(), last), 90.0)
	accuracies := recorded(t, o.logdir, "test").scalars(t, "accuracy")
	require.LessOrEqual(t, slices.Max(accuracies[:len(accuracies)-1]), float32(0.9), "and not later")
}

var errBroken = errors.New("broken")

// A canceller cancels a context when a line with some text comes by, and fails
// with fault from then on.
type canceller struct {
	io.Writer
	text   string
	cancel context.CancelFunc
	fault  error

	cancelled bool
}

func (c *canceller) Write(p []byte) (int, error) {
	if c.cancelled && c.fault != nil {
		return 0, c.fault
	}
	if strings.Contains(string(p), c.text) {
		c.cancel()
		c.cancelled = true
	}
	return c.Writer.Write(p)
}

func TestAnInterruptedProgramKeepsWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	logdir := t.TempDir()
	o := options{logdir: logdir, steps: 100000, saveSteps: 10, seed: 1}
	require.NoError(t, run(ctx, o, &canceller{Writer: &out, text: "step 1/100000", cancel: cancel}))
	text := out.String()
	require.Contains(t, text, "interrupted (context canceled): everything recorded so far is in the event files")
	require.Contains(t, text, "tensorboard --logdir "+logdir)
	accuracyIn(t, text, 1) // End of the hooks was called
	require.NotContains(t, text, "early")

	wantTrain, wantTest := promised(10, 1)
	require.Equal(t, wantTrain, recorded(t, logdir, "train").steps)
	require.Equal(t, wantTest, recorded(t, logdir, "test").steps)
}

func TestAnInterruptedProgramTellsWhatElseFailed(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	o := options{logdir: t.TempDir(), steps: 1000, saveSteps: 10, seed: 1}
	err := run(ctx, o, &canceller{Writer: &out, text: "step 1/1000", cancel: cancel, fault: errBroken})
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, out.String(), "interrupted")
}

// TestASignalEndsTheProgramWell runs the program itself.
func TestASignalEndsTheProgramWell(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals can be sent")
	}
	program := filepath.Join(t.TempDir(), "digits")
	text, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", text)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			logdir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), program, "-steps", "1000000000", "-logdir", logdir)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := bufio.NewScanner(out)
			for lines.Scan() && !strings.HasPrefix(lines.Text(), "step 1/") {
			}
			require.NoError(t, cmd.Process.Signal(signal))
			var rest strings.Builder
			for lines.Scan() {
				rest.WriteString(lines.Text() + "\n")
			}
			require.NoError(t, cmd.Wait())
			require.Contains(t, rest.String(), "\ninterrupted ("+signal.String()+" signal received): everything recorded")
			require.NotEmpty(t, recorded(t, logdir, "train").steps["loss"])
		})
	}
}

func TestFlags(t *testing.T) {
	o, err := parseFlags(nil)
	require.NoError(t, err)
	require.Equal(t, int64(20), o.saveSteps)
	require.NotEmpty(t, o.logdir)
	o, err = parseFlags([]string{"-save_secs", "0.5s", "-logdir", "x", "-seed", "7", "-steps", "10", "-stop_at_accuracy", "0.9"})
	require.NoError(t, err)
	require.Equal(t, options{logdir: "x", steps: 10, saveSecs: 500 * time.Millisecond, seed: 7, stopAtAccuracy: 0.9}, o)
	for _, c := range []struct{ args, want string }{
		{"-steps 0", "-steps is 0, want 1 or more"},
		{"-save_steps -3", "-save_steps is -3, want 1 or more"},
		{"-save_steps 922337203685477581", "-save_steps is 922337203685477581, want 922337203685477580 or less"},
		{"-save_secs 0s", "-save_secs is 0s, want a positive duration"},
		{"-save_secs 256205h", "-save_secs is 256205h0m0s, want 256204h46m43.68547758s or less"},
		{"-save_secs 1s -save_steps 3", "both -save_steps and -save_secs are given, want one of them"},
		{"-stop_at_accuracy 0", "-stop_at_accuracy is 0, want more than 0 and less than 1"},
		{"-stop_at_accuracy 95", "-stop_at_accuracy is 95, want more than 0 and less than 1"},
		{"-stop_at_accuracy NaN", "-stop_at_accuracy is NaN, want more than 0 and less than 1"},
		{"-steps 5 train test", `unexpected argument "train"`},
	} {
		_, err := parseFlags(strings.Fields(c.args))
		require.EqualError(t, err, c.want)
	}
}

func TestTheLongestPeriodsRecordTheFirstStep(t *testing.T) {
	for _, o := range []options{
		{saveSteps: math.MaxInt64 / picturePeriods},
		{saveSecs: math.MaxInt64 / picturePeriods},
	} {
		o.logdir, o.steps = t.TempDir(), 30
		require.NoError(t, run(t.Context(), o, io.Discard))
		wantTrain, wantTest := promised(100, 30)
		require.Equal(t, wantTrain, recorded(t, o.logdir, "train").steps)
		require.Equal(t, wantTest, recorded(t, o.logdir, "test").steps)
	}
}

func TestADirectoryThatCannotBeMadeIsNamed(t *testing.T) {
	err := run(t.Context(), options{logdir: "main.go/x", steps: 10, saveSteps: 1, seed: 1}, io.Discard)
	require.ErrorContains(t, err, "main.go")
}
