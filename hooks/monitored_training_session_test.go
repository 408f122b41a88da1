package hooks_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

// trainTo makes steps of a job until the global step is last, and returns the
// step that it began at.
func trainTo(t testing.TB, config hooks.MonitoredTrainingSessionConfig, last int64) (first int64) {
	t.Helper()
	first = -1
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: last})
	require.NoError(t, err)
	config.Hooks = append(config.Hooks, stop)
	err = hooks.WithMonitoredTrainingSession(t.Context(), config, func(s *session.MonitoredSession) error {
		for !s.ShouldStop() {
			values, err := s.Run(t.Context(), "train", session.GlobalStepName)
			if err != nil {
				return err
			}
			if step, _ := values.At(1).Int64(); first < 0 {
				first = step
			}
		}
		return nil
	})
	require.NoError(t, err)
	return first
}

func TestAJobGoesOnFromItsNewestCheckpoint(t *testing.T) {
	for name, config := range map[string]hooks.MonitoredTrainingSessionConfig{
		"saved at the end":     {},
		"saved every 5 steps":  {SaveCheckpointSteps: 5},
		"saved every 3 ms":     {SaveCheckpointSecs: 3 * time.Millisecond},
		"without summaries":    {SaveSummariesSteps: hooks.Off},
		"summaries elsewhere":  {SummaryDir: filepath.Join(t.TempDir(), "summaries")},
		"without its graph":    {SkipGraphDef: true},
		"without rate of step": {LogStepCountSteps: hooks.Off},
	} {
		t.Run(name, func(t *testing.T) {
			config.CheckpointDir = t.TempDir()
			config.Engine = newTrainer()
			require.Equal(t, int64(0), trainTo(t, config, 12))
			config.Engine = newTrainer()
			require.Equal(t, int64(12), trainTo(t, config, 20))
			state, err := checkpoint.GetCheckpointState(config.CheckpointDir)
			require.NoError(t, err)
			require.Equal(t, filepath.Join(config.CheckpointDir, "model.ckpt-20"), state.ModelCheckpointPath)
		})
	}
}

func TestWithoutCheckpointsAJobBeginsAnew(t *testing.T) {
	config := hooks.MonitoredTrainingSessionConfig{CheckpointDir: t.TempDir(), SaveCheckpointSecs: hooks.Off}
	for range 2 {
		config.Engine = newTrainer()
		require.Equal(t, int64(0), trainTo(t, config, 3))
	}
	latest, err := checkpoint.LatestCheckpoint(config.CheckpointDir)
	require.NoError(t, err)
	require.Empty(t, latest)
}

func TestSummariesOfTheGraphAreRecorded(t *testing.T) {
	dir := t.TempDir()
	e := newTrainer()
	e.AddToCollection(session.SummariesKey, summary.Scalar("loss", "loss"))
	late := &session.HookFuncs{OnBegin: func(_ context.Context, g session.Graph) error {
		g.(*trainer).AddToCollection(session.SummariesKey, summary.Scalar("again", "loss"))
		return nil
	}}
	trainTo(t, hooks.MonitoredTrainingSessionConfig{
		Engine: e, CheckpointDir: dir, SaveSummariesSteps: 2, SkipGraphDef: true, SaveCheckpointSteps: 100, Hooks: []session.SessionRunHook{late},
	}, 3)
	require.Equal(t, []string{
		"CHECKPOINT@0 " + filepath.Join(dir, "model.ckpt-0"),
		"START@1", "1: loss=1 again=1", "3: loss=2 again=2",
		"CHECKPOINT@3 " + filepath.Join(dir, "model.ckpt-3"),
	}, eventLines(t, dir))
}

func TestACollectionOfOtherThingsIsNoSummary(t *testing.T) {
	e := newTrainer()
	e.AddToCollection(session.SummariesKey, 42)
	_, err := hooks.MonitoredTrainingSession(t.Context(), hooks.MonitoredTrainingSessionConfig{Engine: e})
	require.EqualError(t, err, `hooks: MonitoredTrainingSession: collection "summaries" has a int, want a summary.Op`)
}

// What a user's hook changes at the end belongs to the last checkpoint (D-12),
// and a loss that is not a number never gets into one.
func TestCheckpointsComeLast(t *testing.T) {
	dir := t.TempDir()
	e := graph.New()
	e.CreateGlobalStep()
	e.Variable("polished", func() session.Value { return session.Bool(false) })
	e.Node("yes", func(context.Context, []session.Value) (session.Value, error) { return session.Bool(true), nil })
	e.Assign("polish", "polished", "yes")
	e.Train("train")
	polisher := &session.HookFuncs{OnEnd: func(ctx context.Context, s session.Session) error {
		_, err := session.Eval(ctx, s, "polish")
		return err
	}}
	trainTo(t, hooks.MonitoredTrainingSessionConfig{Engine: e, CheckpointDir: dir, Hooks: []session.SessionRunHook{polisher}}, 2)
	latest, err := checkpoint.LatestCheckpoint(dir)
	require.NoError(t, err)
	contents, err := checkpoint.Load(t.Context(), latest, false)
	require.NoError(t, err)
	require.Equal(t, "true", contents.Variables["polished"].String())

	dir = t.TempDir()
	runs := 0
	watcher := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
		if runs++; runs == 3 {
			return errBroken
		}
		return nil
	}}
	err = hooks.WithMonitoredTrainingSession(t.Context(), hooks.MonitoredTrainingSessionConfig{
		Engine: newTrainer(), CheckpointDir: dir, SaveCheckpointSteps: 1, Hooks: []session.SessionRunHook{watcher},
	}, func(s *session.MonitoredSession) error { return s.RunUntilStop(t.Context(), "train") })
	require.ErrorIs(t, err, errBroken)
	latest, err = checkpoint.LatestCheckpoint(dir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "model.ckpt-2"), latest)
}

// A job that is killed goes on from its newest checkpoint; nothing that any of its
// hooks has written before may be missing then.
func TestAllHooksThatWriteAreFlushedBeforeACheckpoint(t *testing.T) {
	dir := t.TempDir()
	elsewhere := func(name string) string { return filepath.Join(dir, name) }
	saver := &memorySaver{Saver: made(checkpoint.NewSaver(checkpoint.SaverConfig{}))(t)}
	var seen [][]int64
	saver.saving = func(_ string, step int64) error {
		if step == 0 {
			return nil
		}
		var last []int64
		for _, tag := range []string{"loss", "test_loss", "loss/ema", "memory/gc_cycles"} {
			steps, _ := scalarsOf(t, elsewhere(tag), tag)
			last = append(last, steps[len(steps)-1])
		}
		seen = append(seen, last)
		return nil
	}
	test, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: elsewhere("test_loss"), SummaryOp: summary.Scalar("test_loss", "loss")})
	require.NoError(t, err)
	require.Implements(t, (*hooks.Flusher)(nil), test)
	trainTo(t, hooks.MonitoredTrainingSessionConfig{
		Engine: newTrainer(), CheckpointDir: elsewhere("checkpoints"), SummaryDir: elsewhere("loss"), SaveSummariesSteps: 1, SaveCheckpointSteps: 2,
		Scaffold:       &session.Scaffold{Saver: saver, SummaryOp: summary.Scalar("loss", "loss")},
		ChiefOnlyHooks: []session.SessionRunHook{made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", EverySteps: 1, OutputDir: elsewhere("loss/ema")}))(t)},
		Hooks: []session.SessionRunHook{
			test, made(hooks.NewMemoryHook(hooks.MemoryHookConfig{EverySteps: 1, OutputDir: elsewhere("memory/gc_cycles")}))(t),
		},
	}, 4)
	require.Equal(t, [][]int64{{2, 2, 2, 2}, {4, 4, 4, 4}}, seen)
}

func TestAHookThatCannotBeFlushedStopsTheCheckpoint(t *testing.T) {
	saver := &memorySaver{Saver: made(checkpoint.NewSaver(checkpoint.SaverConfig{}))(t)}
	config := hooks.MonitoredTrainingSessionConfig{
		Engine: newTrainer(), CheckpointDir: t.TempDir(), SaveCheckpointSteps: 2, Scaffold: &session.Scaffold{Saver: saver},
		Hooks: []session.SessionRunHook{unflushable{}},
	}
	_, err := hooks.MonitoredTrainingSession(t.Context(), config)
	require.ErrorIs(t, err, errBroken)
	require.Empty(t, saver.saved)
}

// An unflushable hook cannot hand on what it has.
type unflushable struct{ session.BaseHook }

func (unflushable) Flush() error { return errBroken }

func TestTheRateOfStepsIsToldByTimeIfAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		trainTo(t, hooks.MonitoredTrainingSessionConfig{
			Engine: newTrainer(), SummaryDir: dir, LogStepCountSecs: 3 * time.Second, Hooks: []session.SessionRunHook{paced(time.Second)},
		}, 8)
		steps, rates := scalarsOf(t, dir, "global_step/sec")
		require.Equal(t, []int64{4, 7}, steps)
		require.Equal(t, []float64{1, 1}, rates)
	})
}

// A notedHook notes its calls.
func notedHook(name string, notes *[]string) session.SessionRunHook {
	return &session.HookFuncs{HookName: name, OnBegin: func(context.Context, session.Graph) error {
		*notes = append(*notes, name)
		return nil
	}}
}

func TestAWorkerHasTheUsersHooksOnly(t *testing.T) {
	for _, worker := range []bool{false, true} {
		var notes []string
		e := newTrainer()
		// The chief's work, in the worker's own engine: its variables are ready.
		scaffold := &session.Scaffold{ReadyOp: session.Ops{}, LocalInitOp: session.GlobalVariablesInitializer()}
		dir := t.TempDir()
		trainTo(t, hooks.MonitoredTrainingSessionConfig{
			Engine: e, IsWorker: worker, CheckpointDir: dir, Scaffold: scaffold,
			Hooks:          []session.SessionRunHook{notedHook("user's", &notes)},
			ChiefOnlyHooks: []session.SessionRunHook{notedHook("chief's", &notes)},
		}, 2)
		if worker {
			require.Equal(t, []string{"user's"}, notes)
			require.Empty(t, eventLines(t, dir))
		} else {
			require.Equal(t, []string{"chief's", "user's"}, notes)
			require.NotEmpty(t, eventLines(t, dir))
		}
	}
}

func TestFaultsOfAMonitoredTrainingSessionConfig(t *testing.T) {
	const head = "hooks: MonitoredTrainingSessionConfig: "
	for name, c := range map[string]struct {
		config hooks.MonitoredTrainingSessionConfig
		faults []string
	}{
		"no engine": {hooks.MonitoredTrainingSessionConfig{}, []string{"no Engine is set"}},
		"steps and seconds": {hooks.MonitoredTrainingSessionConfig{
			Engine: newTrainer(), SaveCheckpointSteps: 1, SaveCheckpointSecs: time.Second, SaveSummariesSteps: 2, SaveSummariesSecs: time.Minute,
		}, []string{
			"both SaveCheckpointSteps (1) and SaveCheckpointSecs (1s) are set, want at most one",
			"both SaveSummariesSteps (2) and SaveSummariesSecs (1m0s) are set, want at most one",
		}},
		"below nothing": {hooks.MonitoredTrainingSessionConfig{
			Engine: newTrainer(), SaveCheckpointSteps: -2, SaveSummariesSecs: math.MinInt64, LogStepCountSteps: -7, MaxWaitSecs: -3,
		}, []string{
			"SaveCheckpointSteps is -2, want a positive number of steps, 0 or Off",
			"SaveSummariesSecs is -2562047h47m16.854775808s, want a positive duration, 0 or Off",
			"LogStepCountSteps is -7, want a positive number of steps, 0 or Off",
			"MaxWaitSecs is -3ns, want a positive duration, 0 (2h) or Off",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := hooks.MonitoredTrainingSession(t.Context(), c.config)
			require.Equal(t, c.faults, faultsOf(t, err, head))
			err = hooks.WithMonitoredTrainingSession(t.Context(), c.config, func(*session.MonitoredSession) error { return errors.New("never") })
			require.Equal(t, c.faults, faultsOf(t, err, head))
		})
	}
}

func TestAnEngineThatCannotBeSavedIsAnError(t *testing.T) {
	e := unsaveable{session.StepFunc(func(context.Context, []session.Value) error { return nil })}
	_, err := hooks.MonitoredTrainingSession(t.Context(), hooks.MonitoredTrainingSessionConfig{Engine: e, CheckpointDir: t.TempDir()})
	require.ErrorContains(t, err, "Saveable")
}

// An unsaveable engine hides what its sessions can do.
type unsaveable struct{ session.Engine }

func (u unsaveable) NewSession(ctx context.Context) (session.Session, error) {
	s, err := u.Engine.NewSession(ctx)
	return hidden{s}, err
}

type hidden struct{ s session.Session }

func (h hidden) Run(ctx context.Context, req *session.Request) error { return h.s.Run(ctx, req) }
func (h hidden) Close() error                                        { return h.s.Close() }
