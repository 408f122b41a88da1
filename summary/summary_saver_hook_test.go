package summary_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

// A trainer is a graph whose training op makes a step. "loss" tells how often it
// was evaluated, this time included; "five" makes five steps in a run; "restore"
// sets the step to 100.
type trainer struct {
	*graph.Graph
	evaluated int
	compute   func() // called by each evaluation of loss
}

func newTrainer() *trainer {
	e := &trainer{Graph: graph.New(), compute: func() {}}
	e.CreateGlobalStep()
	e.Node("loss", func(context.Context, []session.Value) (session.Value, error) {
		e.evaluated++
		e.compute()
		return session.Float64(float64(e.evaluated)), nil
	})
	e.Node("nan", func(context.Context, []session.Value) (session.Value, error) {
		return session.Float32(float32(math.NaN())), nil
	})
	e.Node("text", func(context.Context, []session.Value) (session.Value, error) {
		return session.String("no number"), nil
	})
	e.Node("step+5", func(_ context.Context, in []session.Value) (session.Value, error) {
		step, _ := in[0].Int64()
		return session.Int64(step + 5), nil
	}, session.GlobalStepName)
	e.Node("100", func(context.Context, []session.Value) (session.Value, error) { return session.Int64(100), nil })
	e.Assign("five", session.GlobalStepName, "step+5")
	e.Assign("restore", session.GlobalStepName, "100")
	e.Train("train")
	return e
}

// restored makes every session begin at step 100.
func restored() *session.HookFuncs {
	return &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, s session.Session, _ *session.Coordinator) error {
		_, err := session.Eval(ctx, s, "restore")
		return err
	}}
}

func newSaver(t testing.TB, config summary.SummarySaverHookConfig) *summary.SummarySaverHook {
	t.Helper()
	h, err := summary.NewSummarySaverHook(config)
	require.NoError(t, err)
	return h
}

// train makes runs of the op in one session.
func train(t testing.TB, e session.Engine, runs int, op string, hooks ...session.SessionRunHook) {
	t.Helper()
	err := session.With(t.Context(), session.Config{Engine: e, Hooks: hooks}, func(s *session.MonitoredSession) error {
		for range runs {
			if _, err := s.Run(t.Context(), op); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
}

var lossOp = summary.Scalar("loss", "loss")

func TestTheStepsThatAreRecorded(t *testing.T) {
	for _, c := range []struct {
		name      string
		saveSteps int64
		runs      int
		op        string // what is run
		summaryOp summary.Op
		before    *session.HookFuncs
		want      []string
	}{
		{"every eighth step from the first on", 8, 30, "train", lossOp, nil,
			[]string{"START@1", "1: loss=1", "9: loss=2", "17: loss=3", "25: loss=4"}},
		{"every step", 1, 3, "train", lossOp, nil,
			[]string{"START@1", "1: loss=1", "2: loss=2", "3: loss=3"}},
		{"a list of ops is an event each", 8, 10, "train", summary.List{lossOp, summary.Scalar("nan", "nan")}, nil,
			[]string{"START@1", "1: loss=1", "1: nan=NaN", "9: loss=2", "9: nan=NaN"}},
		{"merged ops are one event", 8, 10, "train", summary.Merge(lossOp, summary.Scalar("nan", "nan")), nil,
			[]string{"START@1", "1: loss=1 nan=NaN", "9: loss=2 nan=NaN"}},
		{"an empty list leaves START", 1, 2, "train", summary.List{}, nil,
			[]string{"START@1"}},
		{"merged nothing leaves START", 1, 2, "train", summary.Merge(), nil,
			[]string{"START@1"}},
		{"a session that begins late", 8, 10, "train", lossOp, restored(),
			[]string{"START@101", "101: loss=1", "109: loss=2"}},
		{"many steps a run come late, one being expected, with the real step", 8, 8, "five", lossOp, nil,
			[]string{"START@5", "5: loss=1", "25: loss=2"}},
		{"as many steps a run as the period come late, too", 5, 4, "five", lossOp, nil,
			[]string{"START@5", "5: loss=1", "20: loss=2"}},
		{"a step that stands still is recorded again", 2, 4, "nan", lossOp, nil,
			[]string{"START@0", "0: loss=1", "0: loss=2"}},
		{"no run, no record", 8, 0, "train", lossOp, nil, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			e := newTrainer()
			hooks := []session.SessionRunHook{newSaver(t, summary.SummarySaverHookConfig{SaveSteps: c.saveSteps, OutputDir: dir, SummaryOp: c.summaryOp})}
			if c.before != nil {
				hooks = append(hooks, c.before)
			}
			train(t, e, c.runs, c.op, hooks...)
			require.Equal(t, c.want, lines(readEvents(t, onlyFile(t, dir))))
		})
	}
}

func TestTheOpIsEvaluatedOnlyOnRunsThatRecord(t *testing.T) {
	e := newTrainer()
	train(t, e, 30, "train", newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 8, OutputDir: t.TempDir(), SummaryOp: lossOp}))
	require.Equal(t, 4, e.evaluated)
}

func TestSaveSecs(t *testing.T) {
	for _, c := range []struct {
		name          string
		saveSecs      time.Duration
		inRun, behind time.Duration // time that passes in a run that evaluates loss, and behind each
		runs          int
		want          []string
	}{
		{"as long as a step takes", 500 * time.Millisecond, 0, 500 * time.Millisecond, 4,
			[]string{"START@1", "1: loss=1", "2: loss=2", "3: loss=3", "4: loss=4"}},
		{"three steps long", 9 * time.Second, 0, 3100 * time.Millisecond, 8,
			[]string{"START@1", "1: loss=1", "4: loss=2", "7: loss=3"}},
		{"no time passes", time.Nanosecond, 0, 0, 5,
			[]string{"START@1", "1: loss=1"}},
		{"the period is counted from record to record, not over the recording run itself", 500 * time.Millisecond, 500 * time.Millisecond, 250 * time.Millisecond, 7,
			[]string{"START@1", "1: loss=1", "3: loss=2", "5: loss=3", "7: loss=4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				e := newTrainer()
				e.compute = func() { time.Sleep(c.inRun) }
				pace := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
					time.Sleep(c.behind)
					return nil
				}}
				train(t, e, c.runs, "train", newSaver(t, summary.SummarySaverHookConfig{SaveSecs: c.saveSecs, OutputDir: dir, SummaryOp: lossOp}), pace)
				require.Equal(t, c.want, lines(readEvents(t, onlyFile(t, dir))))
			})
		})
	}
}

// The half second passes within each run: TensorFlow's hook, too, then records
// every second one.
func TestAPeriodThatPassesWithinTheRunIsNoticedInTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		e := newTrainer()
		e.Node("slow", func(context.Context, []session.Value) (session.Value, error) {
			time.Sleep(500 * time.Millisecond)
			return session.Int64(1), nil
		})
		saver := newSaver(t, summary.SummarySaverHookConfig{SaveSecs: 500 * time.Millisecond, OutputDir: dir, SummaryOp: lossOp})
		err := session.With(t.Context(), session.Config{Engine: e, Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
			for range 5 {
				if _, err := s.Run(t.Context(), "slow", "train"); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, []string{"START@1", "1: loss=1", "3: loss=2", "5: loss=3"}, lines(readEvents(t, onlyFile(t, dir))))
	})
}

func TestTheRealStepIsRecorded(t *testing.T) {
	dir := t.TempDir()
	ahead := &session.HookFuncs{OnAfterRun: func(ctx context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
		_, err := session.Eval(ctx, rc.Session(), "train") // somebody else makes a step meanwhile
		return err
	}}
	train(t, newTrainer(), 4, "train", ahead, newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 2, OutputDir: dir, SummaryOp: lossOp}))
	require.Equal(t, []string{"START@2", "2: loss=1", "6: loss=2"}, lines(readEvents(t, onlyFile(t, dir))))
}

func TestAStepThatGoesBackIsRecorded(t *testing.T) {
	dir := t.TempDir()
	e := newTrainer()
	e.Node("0", func(context.Context, []session.Value) (session.Value, error) { return session.Int64(0), nil })
	e.Assign("reset", session.GlobalStepName, "0")
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 100, OutputDir: dir, SummaryOp: lossOp})
	err := session.With(t.Context(), session.Config{Engine: e, Hooks: []session.SessionRunHook{restored(), saver}}, func(s *session.MonitoredSession) error {
		for _, op := range []string{"train", "train", "reset", "train", "train"} {
			if _, err := s.Run(t.Context(), op); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"START@101", "101: loss=1", "2: loss=2"}, lines(readEvents(t, onlyFile(t, dir))))
}

func TestTheScaffoldsOpIsLookedUpEachTime(t *testing.T) {
	dir := t.TempDir()
	e := newTrainer()
	scaffold := new(session.Scaffold)
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 2, OutputDir: dir, Scaffold: scaffold})
	err := session.With(t.Context(), session.Config{Engine: e, Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		for run := range 8 {
			switch run {
			case 3: // after step 3, of which nothing was recorded
				scaffold.SummaryOp = lossOp
			case 5:
				scaffold.SummaryOp = summary.List{summary.Scalar("nan", "nan"), summary.Scalar("late", "loss")}
			case 7:
				scaffold.SummaryOp = nil
			}
			if _, err := s.Run(t.Context(), "train"); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"START@1", "5: loss=1", "7: nan=NaN", "7: late=2"}, lines(readEvents(t, onlyFile(t, dir))))
	require.Equal(t, 2, e.evaluated)
}

func TestAnUnsetScaffoldOpLeavesOnlySTART(t *testing.T) {
	dir := t.TempDir()
	train(t, newTrainer(), 5, "train", newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, Scaffold: new(session.Scaffold)}))
	require.Equal(t, []string{"START@1"}, lines(readEvents(t, onlyFile(t, dir))))
}

// An anyOp has a type that can be compared and a value that cannot.
type anyOp struct{ names any }

func (op anyOp) Fetches() []string { return op.names.([]string) }

func (op anyOp) AppendValues(dst []summary.Value, fetched session.Values) ([]summary.Value, error) {
	for _, name := range op.Fetches() {
		dst = append(dst, summary.ScalarValue(name, float64(fetched.Len())))
	}
	return dst, nil
}

func TestAScaffoldOpMayBeOfAnyType(t *testing.T) {
	for name, op := range map[string]summary.Op{
		"a slice":                       summary.List{lossOp},
		"a struct that holds a slice":   anyOp{[]string{"loss"}},
		"a pointer to such":             &anyOp{[]string{"loss"}},
		"a merged op":                   summary.Merge(lossOp),
		"a list that holds such a list": summary.List{summary.List{anyOp{[]string{"loss"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, Scaffold: &session.Scaffold{SummaryOp: op}})
			require.NotPanics(t, func() { train(t, newTrainer(), 3, "train", saver) })
			require.Len(t, readEvents(t, onlyFile(t, dir)), 1+3)
		})
	}
}

// A halfOp is a SummaryOp that is no Op.
type halfOp struct{}

func (halfOp) Fetches() []string { return nil }

func TestAScaffoldOpOfAnotherKindIsAnError(t *testing.T) {
	dir := t.TempDir()
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, Scaffold: &session.Scaffold{SummaryOp: halfOp{}}})
	_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{saver}})
	require.ErrorContains(t, err, "the scaffold's SummaryOp is a summary_test.halfOp, which is no summary.Op")
	require.Empty(t, eventFiles(t, dir))
}

func TestAValueThatCannotBeMadeFailsTheRunAndWritesNothingOfIt(t *testing.T) {
	dir := t.TempDir()
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: summary.List{lossOp, summary.Scalar("broken", "text")}})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		_, err := s.Run(t.Context(), "train")
		return err
	})
	var failed *session.HookError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, session.PhaseAfterRun, failed.Phase)
	require.Equal(t, saver.Name(), failed.Hook)
	require.EqualError(t, failed.Err, `summary: scalar "broken": fetch "text" is string, want a number`)
	require.Empty(t, lines(readEvents(t, onlyFile(t, dir))))
}

func TestAFailingRunLeavesWhatWasRecordedInTheFile(t *testing.T) {
	for _, c := range []struct {
		name   string
		config func(t *testing.T, dir string) summary.SummarySaverHookConfig
	}{
		{"of a directory", func(_ *testing.T, dir string) summary.SummarySaverHookConfig {
			return summary.SummarySaverHookConfig{OutputDir: dir}
		}},
		{"of a writer passed in", func(t *testing.T, dir string) summary.SummarySaverHookConfig {
			return summary.SummarySaverHookConfig{SummaryWriter: openWriter(t, dir, summary.FileWriterConfig{FlushSecs: summary.Off})}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			config := c.config(t, dir)
			config.SaveSteps, config.SummaryOp = 1, lossOp
			err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{newSaver(t, config)}}, func(s *session.MonitoredSession) error {
				for range 3 {
					if _, err := s.Run(t.Context(), "train"); err != nil {
						return err
					}
				}
				return errBroken
			})
			require.ErrorIs(t, err, errBroken)
			require.Equal(t, []string{"START@1", "1: loss=1", "2: loss=2", "3: loss=3"}, lines(readEvents(t, onlyFile(t, dir))))
		})
	}
}

func TestAWriterThatWasPassedInIsFlushedAndNotClosed(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{FlushSecs: summary.Off})
	train(t, newTrainer(), 2, "train", newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: w, SummaryOp: lossOp}))
	require.Equal(t, []string{"START@1", "1: loss=1", "2: loss=2"}, lines(readEvents(t, onlyFile(t, dir))))
	require.NoError(t, w.Scalar("mine", 1, 3))
	require.NoError(t, w.Close())
	require.Len(t, readEvents(t, onlyFile(t, dir)), 4)
}

func TestAnErrorOfTheFileFailsTheRunAndTheSession(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: w, SummaryOp: lossOp})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		_, err := s.Run(t.Context(), "train")
		require.NoError(t, err)
		f.set(func(f *memoryFile) { f.faults["Write"] = errBroken })
		require.ErrorIs(t, w.Flush(), errBroken)
		_, err = s.Run(t.Context(), "train")
		require.ErrorIs(t, err, errBroken)
		return nil
	})
	require.ErrorIs(t, err, errBroken, "the file is not what it should be")
}

// ctxEngine refuses every run whose context is done, as engines may that wait
// for a device.
type ctxEngine struct{ *trainer }

type ctxSession struct{ session.Session }

func (e ctxEngine) NewSession(ctx context.Context) (session.Session, error) {
	s, err := e.trainer.NewSession(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.(session.Initializer).Init(ctx); err != nil {
		return nil, err
	}
	return ctxSession{s}, nil
}

func (s ctxSession) Run(ctx context.Context, req *session.Request) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return s.Session.Run(ctx, req)
}

func TestARunThatSucceededIsRecordedThoughItsContextIsDone(t *testing.T) {
	dir := t.TempDir()
	e := ctxEngine{newTrainer()}
	ctx, cancel := context.WithCancel(t.Context())
	e.compute = cancel // Ctrl-C comes while the engine works
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: lossOp})
	err := session.With(ctx, session.Config{Engine: e, Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		_, err := s.Run(ctx, "train")
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"START@1", "1: loss=1"}, lines(readEvents(t, onlyFile(t, dir))))
}
