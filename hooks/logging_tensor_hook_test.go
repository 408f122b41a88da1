package hooks_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
)

func newLogging(t testing.TB, config hooks.LoggingTensorHookConfig) *hooks.LoggingTensorHook {
	t.Helper()
	h, err := hooks.NewLoggingTensorHook(config)
	require.NoError(t, err)
	return h
}

func TestABadLoggingConfigReportsAllOfIt(t *testing.T) {
	loss := []string{"loss"}
	for _, c := range []struct {
		name   string
		config hooks.LoggingTensorHookConfig
		want   []string
	}{
		{"nothing to log", hooks.LoggingTensorHookConfig{EveryNIter: 1}, []string{"neither Tensors nor TaggedTensors is set, want exactly one"}},
		{"both lists", hooks.LoggingTensorHookConfig{EveryNIter: 1, Tensors: loss, TaggedTensors: map[string]string{"a": "loss"}}, []string{"both Tensors and TaggedTensors are set, want exactly one"}},
		{"no period", hooks.LoggingTensorHookConfig{Tensors: loss}, []string{"neither EveryNIter nor EveryNSecs is set, want exactly one"}},
		{"both periods", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: 1, EveryNSecs: time.Second}, []string{"both EveryNIter (1) and EveryNSecs (1s) are set, want exactly one"}},
		{"both periods and AtEnd", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: 1, EveryNSecs: time.Second, AtEnd: true}, []string{"both EveryNIter (1) and EveryNSecs (1s) are set, want exactly one"}},
		{"negative iterations", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: -1, AtEnd: true}, []string{"EveryNIter is -1, want a positive number of steps"}},
		{"negative time", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNSecs: -1}, []string{"EveryNSecs is -1ns, want a positive duration"}},
		{"everything", hooks.LoggingTensorHookConfig{}, []string{
			"neither Tensors nor TaggedTensors is set, want exactly one",
			"neither EveryNIter nor EveryNSecs is set, want exactly one",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := hooks.NewLoggingTensorHook(c.config)
			require.Nil(t, h)
			require.Error(t, err)
			require.Equal(t, c.want, faultsOf(t, err, "hooks: LoggingTensorHookConfig: "))
		})
	}
}

func TestAnEmptyListLogsThatThereWasARun(t *testing.T) {
	var out bytes.Buffer
	h := newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{}, EveryNIter: 2, Output: &out})
	train(t, newTrainer(), 3, "loss", h)
	require.Regexp(t, `^\n \(\d\.\d{3} sec\)\n$`, out.String())
}

func TestTheRunsThatAreLogged(t *testing.T) {
	loss := []string{"loss"}
	for _, c := range []struct {
		name   string
		config hooks.LoggingTensorHookConfig
		runs   int
		want   []string
	}{
		{"the first, then every tenth behind it", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: 10}, 30,
			[]string{"loss = 1", "loss = 2 (10.000 sec)", "loss = 3 (10.000 sec)"}},
		{"every run", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: 1}, 3,
			[]string{"loss = 1", "loss = 2 (1.000 sec)", "loss = 3 (1.000 sec)"}},
		{"by time", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNSecs: 1500 * time.Millisecond}, 5,
			[]string{"loss = 1", "loss = 2 (2.000 sec)", "loss = 3 (2.000 sec)"}},
		{"once more at the end", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: 10, AtEnd: true}, 12,
			[]string{"loss = 1", "loss = 2 (10.000 sec)", "loss = 3 (2.000 sec)"}},
		{"only at the end", hooks.LoggingTensorHookConfig{Tensors: loss, AtEnd: true}, 12,
			[]string{"loss = 1"}},
		{"at the end, though there was no run", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: 10, AtEnd: true}, 0,
			[]string{"loss = 1"}},
		{"nothing without a run", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: 10}, 0, nil},
		{"tensors in the order given", hooks.LoggingTensorHookConfig{Tensors: []string{"loss", "global_step"}, EveryNIter: 2}, 2,
			[]string{"loss = 1, global_step = 0"}},
		{"tagged ones in the order of the tags", hooks.LoggingTensorHookConfig{TaggedTensors: map[string]string{"z": "global_step", "a": "loss", "b": "loss"}, EveryNIter: 2}, 2,
			[]string{"a = 1, b = 1, z = 0"}},
		{"a formatter's text alone", hooks.LoggingTensorHookConfig{Tensors: loss, EveryNIter: 2, Formatter: func(l hooks.TensorLog) string {
			number, _ := l.Lookup("loss").Float64()
			return fmt.Sprintf("%g %v %v %d %v %g", number, l.Lookup("none").IsNone(), l.Tags, l.Runs, l.Elapsed, l.RunsPerSec())
		}}, 3, []string{"1 true [loss] 0 0s 0", "2 true [loss] 2 2s 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				c.config.Output = &out
				e := newTrainer()
				pace := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
					time.Sleep(time.Second)
					return nil
				}}
				train(t, e, c.runs, "train", newLogging(t, c.config), pace)
				want := strings.Join(append(c.want, ""), "\n")
				require.Equal(t, want, out.String())
				require.Equal(t, len(c.want), e.evaluated*min(1, len(c.want)), "the values are fetched on the runs that are logged, only")
			})
		})
	}
}

func TestRunsAreCountedWhateverTheStepDoes(t *testing.T) {
	var out bytes.Buffer
	e := newTrainer()
	h := newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"global_step"}, EveryNIter: 2, Output: &out, Formatter: hooksTags})
	train(t, e, 3, "five", h, e.restored(100))
	train(t, newTrainer(), 3, "loss", h) // the hook is used again, and the step stands still
	require.Equal(t, "global_step 100\nglobal_step 110\nglobal_step 0\nglobal_step 0\n", out.String())
}

// hooksTags formats without the time.
func hooksTags(l hooks.TensorLog) string {
	var b strings.Builder
	for i, tag := range l.Tags {
		fmt.Fprintf(&b, "%s %v", tag, l.Values.At(i))
	}
	return b.String()
}

func TestTheConfigsSlicesMayChangeAfterwards(t *testing.T) {
	var out bytes.Buffer
	tensors, tagged := []string{"loss"}, map[string]string{"l": "loss"}
	a := newLogging(t, hooks.LoggingTensorHookConfig{Tensors: tensors, EveryNIter: 1, Output: &out})
	b := newLogging(t, hooks.LoggingTensorHookConfig{TaggedTensors: tagged, EveryNIter: 1, Output: &out})
	tensors[0], tagged["x"] = "nothing", "nothing"
	train(t, newTrainer(), 1, "train", a, b)
	require.Equal(t, "loss = 1\nl = 1\n", out.String())
}

func TestAnUnknownTensorFailsBegin(t *testing.T) {
	for _, config := range []hooks.LoggingTensorHookConfig{
		{Tensors: []string{"global_step", "los"}, EveryNIter: 1},
		{TaggedTensors: map[string]string{"loss": "los"}, AtEnd: true},
	} {
		_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{newLogging(t, config)}})
		require.EqualError(t, err, `session: hook "hooks.LoggingTensorHook": Begin: unknown name "los", did you mean "loss"`)
		require.ErrorIs(t, err, session.ErrUnknownName)
	}
}

func TestEveryKindOfValueIsLogged(t *testing.T) {
	var out bytes.Buffer
	e := newTrainer()
	values := []session.Value{
		session.Float32(0.1), session.Float64(math.NaN()), session.Int64(-1), session.Bool(true), session.String("text"),
		session.TensorOf([]int32{1, 2}), session.Any(3), {},
	}
	tensors := make([]string, len(values))
	for i, v := range values {
		tensors[i] = fmt.Sprint("v", i)
		e.Node(tensors[i], func(context.Context, []session.Value) (session.Value, error) { return v, nil })
	}
	train(t, e, 1, "train", newLogging(t, hooks.LoggingTensorHookConfig{Tensors: tensors, EveryNIter: 1, Output: &out}))
	require.Equal(t, "v0 = 0.1, v1 = NaN, v2 = -1, v3 = true, v4 = text, v5 = int32[2][1 2], v6 = 3, v7 = <none>\n", out.String())
}

// A recorder is a slog.Handler that keeps the records.
type recorder struct {
	slog.Handler
	records []slog.Record
}

func (r *recorder) Enabled(context.Context, slog.Level) bool { return true }

func (r *recorder) Handle(_ context.Context, record slog.Record) error {
	r.records = append(r.records, record)
	return nil
}

func attrs(record slog.Record) map[string]any {
	all := make(map[string]any)
	record.Attrs(func(a slog.Attr) bool {
		all[a.Key] = a.Value.Any()
		return true
	})
	return all
}

func TestALoggerGetsTheValuesAsAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(recorder)
		e := newTrainer()
		e.Node("vector", func(context.Context, []session.Value) (session.Value, error) {
			return session.TensorOf([]float32{1, 2}), nil
		})
		h := newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss", "global_step", "vector", "train"}, EveryNIter: 1, Logger: slog.New(r)})
		pace := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
			time.Sleep(time.Second)
			return nil
		}}
		train(t, e, 2, "train", h, pace)
		require.Len(t, r.records, 2)
		for _, record := range r.records {
			require.Equal(t, "tensors", record.Message)
			require.Equal(t, slog.LevelInfo, record.Level)
		}
		require.Equal(t, map[string]any{"loss": 1.0, "global_step": int64(0), "vector": "float32[2][1 2]", "train": "<none>"}, attrs(r.records[0]))
		require.Equal(t, map[string]any{"loss": 2.0, "global_step": int64(1), "vector": "float32[2][1 2]", "train": "<none>", "elapsed": time.Second}, attrs(r.records[1]))
	})
}

func TestALoggerGetsTheFormattersText(t *testing.T) {
	r := new(recorder)
	h := newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, EveryNIter: 1, Logger: slog.New(r), Formatter: hooksTags})
	train(t, newTrainer(), 1, "train", h)
	require.Len(t, r.records, 1)
	require.Equal(t, "loss 1", r.records[0].Message)
	require.Empty(t, attrs(r.records[0]))
}

func TestWithoutALoggerTheDefaultOneIsUsed(t *testing.T) {
	r := new(recorder)
	before := slog.Default()
	defer slog.SetDefault(before)
	h := newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, EveryNIter: 1})
	slog.SetDefault(slog.New(r)) // after the hook was made
	train(t, newTrainer(), 1, "train", h)
	require.Len(t, r.records, 1)
}

// A fullWriter fails.
type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestAnOutputThatFailsFailsTheRun(t *testing.T) {
	h := newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, EveryNIter: 1, Output: fullWriter{}})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
		_, err := s.Run(t.Context(), "train")
		return err
	})
	var failed *session.HookError
	require.ErrorAs(t, err, &failed)
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, session.PhaseAfterRun, failed.Phase)

	h = newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, AtEnd: true, Output: fullWriter{}})
	err = session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{h}}, func(*session.MonitoredSession) error { return nil })
	require.ErrorAs(t, err, &failed)
	require.Equal(t, session.PhaseEnd, failed.Phase)
}

func TestAFailedSessionLogsNothingAtItsEnd(t *testing.T) {
	var out bytes.Buffer
	h := newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, AtEnd: true, Output: &out})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{h}}, func(*session.MonitoredSession) error { return errBroken })
	require.Equal(t, errBroken, err)
	require.Empty(t, out.String())
}

func TestAnIdleRunAllocatesNothing(t *testing.T) {
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		out[0] = session.Float64(1)
		return nil
	}, "loss")
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: engine, Hooks: []session.SessionRunHook{
		newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, EveryNIter: 1 << 40, Output: new(bytes.Buffer)}),
		newStop(t, hooks.StopAtStepHookConfig{LastStep: 1 << 40}),
	}})
	require.NoError(t, err)
	defer s.Close()
	ctx := t.Context()
	const runs, few = 100_000, 20 // few is what the runtime may allocate meanwhile
	best := uint64(math.MaxUint64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, err := s.Run(ctx, session.TrainOp); err != nil {
				require.NoError(t, err)
			}
		}
		runtime.ReadMemStats(&after)
		best = min(best, after.Mallocs-before.Mallocs)
	}
	require.LessOrEqual(t, best, uint64(few))
}

func TestAtEndThereMayBeNothingToLog(t *testing.T) {
	var out bytes.Buffer
	h, err := hooks.NewLoggingTensorHook(hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, AtEnd: true, Output: &out})
	require.NoError(t, err)
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error { return nil }, "loss")
	require.NoError(t, session.With(t.Context(), session.Config{Engine: engine, Hooks: []session.SessionRunHook{h}},
		func(s *session.MonitoredSession) error { return nil }))
	require.Empty(t, out.String())
}
