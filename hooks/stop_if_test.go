package hooks_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
	"github.com/runhook/runhook/summary"
)

// evaluated writes an event file with a metric at steps.
func evaluated(t testing.TB, dir, metric string, values map[int64]float64, steps ...int64) {
	t.Helper()
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	require.NoError(t, err)
	for _, step := range steps {
		require.NoError(t, w.Scalar(metric, values[step], step))
	}
	require.NoError(t, w.Close())
}

func TestWhenAnEvaluationStopsTheTraining(t *testing.T) {
	accuracy := map[int64]float64{1000: 0.5, 2000: 0.6, 3000: 0.7, 3500: 0.68}
	loss := map[int64]float64{1000: 0.8, 2000: 0.7, 3000: 0.6, 3500: 0.62}
	nan := map[int64]float64{1000: math.NaN(), 2000: 0.5, 3000: 0.1}
	for name, c := range map[string]struct {
		newHook func(hooks.StopIfConfig) (*hooks.EarlyStoppingHook, error)
		values  map[int64]float64
		config  hooks.StopIfConfig
		stops   bool
	}{
		"higher, never":                {hooks.NewStopIfHigherHook, accuracy, hooks.StopIfConfig{Threshold: 0.8}, false},
		"higher, too early":            {hooks.NewStopIfHigherHook, accuracy, hooks.StopIfConfig{Threshold: 0.6, MinSteps: 4000}, false},
		"higher":                       {hooks.NewStopIfHigherHook, accuracy, hooks.StopIfConfig{Threshold: 0.6}, true},
		"equal is not higher":          {hooks.NewStopIfHigherHook, accuracy, hooks.StopIfConfig{Threshold: 0.75}, false},
		"lower, never":                 {hooks.NewStopIfLowerHook, loss, hooks.StopIfConfig{Threshold: 0.5}, false},
		"lower, too early":             {hooks.NewStopIfLowerHook, loss, hooks.StopIfConfig{Threshold: 0.7, MinSteps: 4000}, false},
		"lower":                        {hooks.NewStopIfLowerHook, loss, hooks.StopIfConfig{Threshold: 0.65}, true},
		"no increase, not for so long": {hooks.NewStopIfNoIncreaseHook, accuracy, hooks.StopIfConfig{MaxSteps: 1500}, false},
		"no increase, too early":       {hooks.NewStopIfNoIncreaseHook, accuracy, hooks.StopIfConfig{MaxSteps: 500, MinSteps: 4000}, false},
		"no increase":                  {hooks.NewStopIfNoIncreaseHook, accuracy, hooks.StopIfConfig{MaxSteps: 500}, true},
		"no increase from the first step that counts": {hooks.NewStopIfNoIncreaseHook, accuracy, hooks.StopIfConfig{MaxSteps: 500, MinSteps: 3500}, false},
		"no decrease, not for so long":                {hooks.NewStopIfNoDecreaseHook, loss, hooks.StopIfConfig{MaxSteps: 1500}, false},
		"no decrease, too early":                      {hooks.NewStopIfNoDecreaseHook, loss, hooks.StopIfConfig{MaxSteps: 500, MinSteps: 4000}, false},
		"no decrease":                                 {hooks.NewStopIfNoDecreaseHook, loss, hooks.StopIfConfig{MaxSteps: 500}, true},
		"no number is neither":                        {hooks.NewStopIfHigherHook, map[int64]float64{1: math.NaN()}, hooks.StopIfConfig{}, false},
		"no number at first is never beaten":          {hooks.NewStopIfNoDecreaseHook, nan, hooks.StopIfConfig{MaxSteps: 2000}, true},
		"another metric":                              {hooks.NewStopIfHigherHook, accuracy, hooks.StopIfConfig{MetricName: "precision"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.EvalDir, c.config.RunEverySteps = t.TempDir(), 1
			evaluated(t, c.config.EvalDir, "metric", c.values, 1000, 2000, 3000, 3500)
			if c.config.MetricName == "" {
				c.config.MetricName = "metric"
			}
			runs := 3
			if c.stops {
				runs = 1
			}
			require.Equal(t, runs, train(t, newTrainer(), 3, "train", made(c.newHook(c.config))(t)))
		})
	}
}

func TestEvaluationsOfADamagedFileCountAsFarAsTheyCanBeRead(t *testing.T) {
	dir := t.TempDir()
	r := new(recorder)
	evaluated(t, dir, "m", map[int64]float64{1: 0.9}, 1)
	evaluated(t, dir, "m", map[int64]float64{2: 0.1, 3: 0.95}, 2, 3)
	damage(t, dir, 0)
	stop, err := hooks.StopIfHigher(hooks.StopIfConfig{EvalDir: dir, MetricName: "m", Threshold: 0.93, Logger: slog.New(r)})
	require.NoError(t, err)
	stops, err := stop(t.Context())
	require.NoError(t, err)
	require.True(t, stops, "the other file is read")
	require.Len(t, r.records, 2)
	require.Equal(t, "evaluations cannot be read", r.records[0].Message)
	require.Equal(t, map[string]any{"step": int64(3), "metric": "m", "value": float64(float32(0.95))}, attrs(r.records[1]))
}

// damage flips a bit in the last record of the n-th event file in dir.
func damage(t testing.TB, dir string, n int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*tfevents*"))
	require.NoError(t, err)
	b, err := os.ReadFile(paths[n])
	require.NoError(t, err)
	b[len(b)-5] ^= 1
	require.NoError(t, os.WriteFile(paths[n], b, 0o666))
}

func TestReadEvalMetrics(t *testing.T) {
	dir := t.TempDir()
	for _, missing := range []string{dir, filepath.Join(dir, "missing")} {
		metrics, err := hooks.ReadEvalMetrics(missing)
		require.NoError(t, err)
		require.Empty(t, metrics)
	}
	evaluated(t, dir, "loss", map[int64]float64{2: 0.25, 1: 0.5}, 2, 1)
	evaluated(t, dir, "accuracy", map[int64]float64{1: 0.75}, 1)
	evaluated(t, dir, "loss", map[int64]float64{2: 0.125}, 2)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not an event file"), 0o666))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tfevents"), 0o777))
	want := []hooks.EvalMetrics{
		{Step: 1, Values: map[string]float64{"loss": 0.5, "accuracy": 0.75}},
		{Step: 2, Values: map[string]float64{"loss": 0.125}}, // the later one
	}
	metrics, err := hooks.ReadEvalMetrics(dir)
	require.NoError(t, err)
	require.Equal(t, want, metrics)

	_, err = hooks.ReadEvalMetrics(filepath.Join(dir, "notes.txt"))
	require.ErrorContains(t, err, "notes.txt")
}

func TestReadEvalMetricsOfADamagedFile(t *testing.T) {
	dir := t.TempDir()
	evaluated(t, dir, "loss", map[int64]float64{1000: 0.5, 2000: 0.25}, 1000, 2000)
	damage(t, dir, 0)
	want := []hooks.EvalMetrics{{Step: 1000, Values: map[string]float64{"loss": 0.5}}}
	metrics, err := hooks.ReadEvalMetrics(dir)
	require.Equal(t, want, metrics)
	var damaged *hooks.DamagedEvalError
	require.ErrorAs(t, err, &damaged)
	require.Equal(t, dir, filepath.Dir(damaged.Path))
	require.ErrorContains(t, err, "hooks: evaluations in "+damaged.Path+": ")

	paths, err := filepath.Glob(filepath.Join(dir, "*tfevents*"))
	require.NoError(t, err)
	info, err := os.Stat(paths[0])
	require.NoError(t, err)
	require.NoError(t, os.Truncate(paths[0], info.Size()-3)) // a record that is being written
	metrics, err = hooks.ReadEvalMetrics(dir)
	require.NoError(t, err)
	require.Equal(t, want, metrics)

	record := binary.LittleEndian.AppendUint64(nil, 1)
	require.NoError(t, os.WriteFile(paths[0], record, 0o666))
	metrics, err = hooks.ReadEvalMetrics(dir)
	require.NoError(t, err)
	require.Empty(t, metrics)
}

func TestHowOftenAFunctionIsAskedWhetherToStop(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.EarlyStoppingHookConfig
		asked  []int64 // after which runs
	}{
		"every third step":                   {hooks.EarlyStoppingHookConfig{RunEverySteps: 3}, []int64{1, 4, 7, 10}},
		"by time":                            {hooks.EarlyStoppingHookConfig{RunEverySecs: 35 * time.Second}, []int64{1, 5, 9}},
		"every minute, which is the default": {hooks.EarlyStoppingHookConfig{}, []int64{1, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &sessiontest.Engine{}
				var asked []int64
				c.config.ShouldStop = func(context.Context) (bool, error) {
					asked = append(asked, int64(e.Count(sessiontest.OpTrain)))
					return false, nil
				}
				train(t, e, 10, "train", paced(10*time.Second), made(hooks.NewEarlyStoppingHook(c.config))(t))
				require.Equal(t, c.asked, asked)
			})
		})
	}
}

func TestAChiefTellsItsWorkersToStop(t *testing.T) {
	flag := new(hooks.LocalStopFlag)
	// A worker may have the period of its chief, or none.
	worker := made(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{IsWorker: true, Flag: flag, RunEverySecs: hooks.Off}))(t)
	require.Equal(t, 5, train(t, newTrainer(), 5, "train", worker), "it is not set")
	asked := 0
	chief := made(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{Flag: flag, RunEverySteps: 1, ShouldStop: func(context.Context) (bool, error) {
		asked++
		return asked == 3, nil
	}}))(t)
	require.Equal(t, 3, train(t, newTrainer(), 5, "train", chief))
	require.Equal(t, 1, train(t, newTrainer(), 5, "train", worker))
}

// A brokenFlag fails.
type brokenFlag struct{}

func (brokenFlag) Set(context.Context) error           { return errBroken }
func (brokenFlag) IsSet(context.Context) (bool, error) { return false, errBroken }

func TestEarlyStoppingThatFails(t *testing.T) {
	yes := func(context.Context) (bool, error) { return true, nil }
	for name, config := range map[string]hooks.EarlyStoppingHookConfig{
		"the function":           {ShouldStop: func(context.Context) (bool, error) { return false, errBroken }},
		"the flag of the chief":  {ShouldStop: yes, Flag: brokenFlag{}},
		"the flag of the worker": {IsWorker: true, Flag: brokenFlag{}},
	} {
		require.ErrorIs(t, failing(t, newTrainer(), made(hooks.NewEarlyStoppingHook(config))(t)), errBroken, name)
	}
	h := made(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{ShouldStop: yes}))(t)
	require.ErrorIs(t, failing(t, &sessiontest.Engine{NoGlobalStep: true}, h), session.ErrNoGlobalStep)
	h = made(hooks.NewStopIfLowerHook(hooks.StopIfConfig{EvalDir: "main_test.go", MetricName: "m"}))(t)
	require.Error(t, failing(t, newTrainer(), h), "the folder is a file")
	h = made(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{ShouldStop: func(ctx context.Context) (bool, error) { return false, errors.Join(session.ErrOutOfRange) }}))(t)
	require.NoError(t, failing(t, newTrainer(), h), "the end of an input is a clean end")
}
