package hooks_test

import (
	"context"
	"fmt"
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

// A memorySaver remembers what it was asked to save.
type memorySaver struct {
	session.Saver
	saved  []int64
	saving func(prefix string, step int64) error // if not nil
}

func (m *memorySaver) Save(_ context.Context, _ session.Session, prefix string, step int64) (string, error) {
	if m.saving != nil {
		if err := m.saving(prefix, step); err != nil {
			return "", err
		}
	}
	m.saved = append(m.saved, step)
	return fmt.Sprintf("%s-%d", prefix, step), nil
}

func newCheckpointSaver(t testing.TB, config hooks.CheckpointSaverHookConfig) *hooks.CheckpointSaverHook {
	t.Helper()
	if config.CheckpointDir == "" {
		config.CheckpointDir = t.TempDir()
	}
	h, err := hooks.NewCheckpointSaverHook(config)
	require.NoError(t, err)
	return h
}

func TestCheckpointsAreSavedBySteps(t *testing.T) {
	for _, c := range []struct {
		name  string
		op    string
		every int64
		runs  int
		saved []int64
	}{
		{"where the session begins, every second step, and the last", "train", 2, 5, []int64{0, 2, 4, 5}},
		{"no step twice", "train", 2, 4, []int64{0, 2, 4}},
		{"each step", "train", 1, 2, []int64{0, 1, 2}},
		{"runs of five steps", "five", 10, 5, []int64{0, 10, 20, 25}},
		{"longer than the session", "train", 100, 3, []int64{0, 3}},
		{"without a run", "train", 1, 0, []int64{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			saver := new(memorySaver)
			train(t, newTrainer(), c.runs, c.op, newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: c.every, Saver: saver}))
			require.Equal(t, c.saved, saver.saved)
		})
	}
}

func TestCheckpointsAreSavedByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		saver := new(memorySaver)
		pauses := []time.Duration{0, 500, 2000, 100, 100, 7300}
		runs := 0
		waiter := &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			time.Sleep(pauses[runs] * time.Millisecond)
			runs++
			return nil, nil
		}}
		var notes []string
		listener := &notingListener{name: "a", notes: &notes, stopAt: -1}
		train(t, newTrainer(), len(pauses), "train", waiter, newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{
			SaveSecs: 2 * time.Second, Saver: saver, Listeners: []hooks.CheckpointSaverListener{listener},
		}))
		require.Equal(t, []int64{0, 3, 6}, saver.saved)
		require.Equal(t, []string{"a begin -1", "a before 0", "a after 0", "a before 3", "a after 3", "a before 6", "a after 6", "a end 6"}, notes)
	})
}

func TestACheckpointOfARestoredSessionBeginsWhereThatBegins(t *testing.T) {
	saver := new(memorySaver)
	e := newTrainer()
	train(t, e, 3, "train", e.restored(40), newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 2, Saver: saver}))
	require.Equal(t, []int64{40, 42, 43}, saver.saved)
}

// A notingListener notes its calls.
type notingListener struct {
	name   string
	notes  *[]string
	stopAt int64 // the step after whose checkpoint it asks for a stop; -1: none
	fails  string
}

func (l *notingListener) note(call string, step int64) error {
	*l.notes = append(*l.notes, fmt.Sprintf("%s %s %d", l.name, call, step))
	if call == l.fails {
		return errBroken
	}
	return nil
}

func (l *notingListener) Begin(context.Context, session.Graph) error { return l.note("begin", -1) }

func (l *notingListener) BeforeSave(_ context.Context, _ session.Session, step int64) error {
	return l.note("before", step)
}

func (l *notingListener) AfterSave(_ context.Context, _ session.Session, step int64) (bool, error) {
	return step == l.stopAt, l.note("after", step)
}

func (l *notingListener) End(_ context.Context, _ session.Session, step int64) error {
	return l.note("end", step)
}

func TestListenersAreCalledAroundEachCheckpoint(t *testing.T) {
	var notes []string
	saver := &memorySaver{saving: func(_ string, step int64) error {
		notes = append(notes, fmt.Sprint("save ", step))
		return nil
	}}
	train(t, newTrainer(), 1, "train", newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 10, Saver: saver, Listeners: []hooks.CheckpointSaverListener{
		&notingListener{name: "a", notes: &notes, stopAt: -1}, hooks.BaseCheckpointSaverListener{}, &notingListener{name: "b", notes: &notes, stopAt: -1},
	}}))
	require.Equal(t, []string{
		"a begin -1", "b begin -1",
		"a before 0", "b before 0", "save 0", "a after 0", "b after 0",
		"a before 1", "b before 1", "save 1", "a after 1", "b after 1",
		"a end 1", "b end 1",
	}, notes)
}

func TestAListenerStopsTheTraining(t *testing.T) {
	for stopAt, runs := range map[int64]int{0: 0, 2: 2, 4: 4} {
		var notes []string
		first := &notingListener{name: "a", notes: &notes, stopAt: stopAt}
		second := &notingListener{name: "b", notes: &notes, stopAt: -1}
		saver := new(memorySaver)
		made := train(t, newTrainer(), 10, "train", newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{
			SaveSteps: 2, Saver: saver, Listeners: []hooks.CheckpointSaverListener{first, second},
		}))
		require.Equal(t, runs, made, "asked for after the checkpoint of step %d", stopAt)
		require.Contains(t, notes, fmt.Sprintf("b after %d", stopAt), "the others are called all the same")
		require.Equal(t, stopAt, saver.saved[len(saver.saved)-1])
	}
}

func TestAFailureOfAListenerEndsTheTraining(t *testing.T) {
	for _, call := range []string{"begin", "before", "after", "end"} {
		var notes []string
		l := &notingListener{name: "a", notes: &notes, stopAt: -1, fails: call}
		h := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 2, Saver: new(memorySaver), Listeners: []hooks.CheckpointSaverListener{l}})
		err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
			_, err := s.Run(t.Context(), "train")
			return err
		})
		require.ErrorIs(t, err, errBroken, call)
		require.Equal(t, call, notes[len(notes)-1][2:2+len(call)])
	}
}

func TestAllListenersComeToTheirEnd(t *testing.T) {
	var notes []string
	h := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 2, Saver: new(memorySaver), Listeners: []hooks.CheckpointSaverListener{
		&notingListener{name: "a", notes: &notes, stopAt: -1, fails: "end"}, &notingListener{name: "b", notes: &notes, stopAt: -1},
	}})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error { return nil })
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, "b end 0", notes[len(notes)-1])
}

func TestACheckpointThatFailsEndsTheTraining(t *testing.T) {
	var notes []string
	saver := &memorySaver{saving: func(_ string, step int64) error {
		if step == 2 {
			return errBroken
		}
		return nil
	}}
	h := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 2, Saver: saver, Listeners: []hooks.CheckpointSaverListener{
		&notingListener{name: "a", notes: &notes, stopAt: -1},
	}})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(t.Context(), "train")
	})
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, []int64{0}, saver.saved)
	require.Equal(t, "a before 2", notes[len(notes)-1], "nothing comes after a checkpoint that there is not")
}

func TestTheSaverIsLookedUpWhenItIsNeeded(t *testing.T) {
	inCollection, inScaffold := new(memorySaver), new(memorySaver)
	e := newTrainer()
	e.AddToCollection(session.SaversKey, inCollection)
	train(t, e, 1, "train", newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 1}))
	require.Equal(t, []int64{0, 1}, inCollection.saved)

	scaffold := new(session.Scaffold)
	h := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 1, Scaffold: scaffold})
	scaffold.Saver = inScaffold
	train(t, e, 1, "train", h)
	require.Equal(t, []int64{0, 1}, inScaffold.saved)
	require.Equal(t, []int64{0, 1}, inCollection.saved)
}

func TestWithoutASaverThereIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		items []any
		want  string
	}{
		"none":     {nil, `collection "savers" has 0 items, want one`},
		"two":      {[]any{new(memorySaver), new(memorySaver)}, `collection "savers" has 2 items, want one`},
		"no saver": {[]any{42}, `collection "savers" has a int, want a Saver`},
		"nil":      {[]any{(*memorySaver)(nil)}, `collection "savers" has a *hooks_test.memorySaver, want a Saver`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 1})
			creator := savingCreator{newTrainer(), c.items}
			_, err := session.NewMonitoredSession(t.Context(), session.Config{
				Engine: creator.trainer, SessionCreator: creator, Hooks: []session.SessionRunHook{h},
			})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// A savingCreator opens sessions of an engine to which it adds savers, past the
// scaffold, which would find the mistakes itself.
type savingCreator struct {
	*trainer
	savers []any
}

func (c savingCreator) CreateSession(ctx context.Context) (session.Session, error) {
	for _, item := range c.savers {
		c.AddToCollection(session.SaversKey, item)
	}
	if err := c.Finalize(ctx); err != nil {
		return nil, err
	}
	s, err := c.NewSession(ctx)
	if err != nil {
		return nil, err
	}
	init, _ := session.Ability[session.Initializer](s)
	return s, init.Init(ctx)
}

func TestCheckpointsAreNotedInTheEventFile(t *testing.T) {
	dir := t.TempDir()
	e := newTrainer()
	saver := &memorySaver{}
	train(t, e, 3, "train", newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{CheckpointDir: dir, SaveSteps: 2, Saver: saver, CheckpointBasename: "net"}))
	require.Equal(t, []string{
		"graph@0",
		"CHECKPOINT@0 " + filepath.Join(dir, "net-0"),
		"CHECKPOINT@2 " + filepath.Join(dir, "net-2"),
		"CHECKPOINT@3 " + filepath.Join(dir, "net-3"),
	}, eventLines(t, dir))

	without := t.TempDir()
	train(t, e, 0, "train", newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{CheckpointDir: without, SaveSteps: 2, Saver: saver, SkipGraphDef: true}))
	require.Equal(t, []string{"CHECKPOINT@0 " + filepath.Join(without, "model.ckpt-0")}, eventLines(t, without))
}

// A job that is killed loses what is in memory. When its checkpoint is restored,
// nothing before that may be missing.
func TestSummariesAreOnTheirWayBeforeACheckpointIsThere(t *testing.T) {
	dir := t.TempDir()
	var seen [][]string
	saver := &memorySaver{saving: func(string, int64) error {
		seen = append(seen, eventLines(t, dir))
		return nil
	}}
	summaries, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: summary.Scalar("loss", "loss")})
	require.NoError(t, err)
	checkpoints := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{CheckpointDir: dir, SaveSteps: 1, Saver: saver, SkipGraphDef: true})
	train(t, newTrainer(), 2, "train", summaries, checkpoints)
	at := func(step int) string {
		return fmt.Sprintf("CHECKPOINT@%d %s", step, filepath.Join(dir, fmt.Sprintf("model.ckpt-%d", step)))
	}
	require.Equal(t, [][]string{
		{},
		{at(0), "START@1", "1: loss=1"},
		{at(0), "START@1", "1: loss=1", at(1), "2: loss=2"},
	}, seen)
}

func TestFaultsOfACheckpointSaverHookConfig(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.CheckpointSaverHookConfig
		faults []string
	}{
		"nothing": {hooks.CheckpointSaverHookConfig{}, []string{
			"no CheckpointDir is set", "neither SaveSteps nor SaveSecs is set, want exactly one",
		}},
		"both periods": {hooks.CheckpointSaverHookConfig{CheckpointDir: "x", SaveSteps: 1, SaveSecs: time.Second}, []string{
			"both SaveSteps (1) and SaveSecs (1s) are set, want exactly one",
		}},
		"everything": {hooks.CheckpointSaverHookConfig{
			CheckpointDir: "x", SaveSteps: -1, Saver: new(memorySaver), Scaffold: new(session.Scaffold), CheckpointBasename: "a/b",
			Listeners: []hooks.CheckpointSaverListener{hooks.BaseCheckpointSaverListener{}, (*notingListener)(nil)},
		}, []string{
			"SaveSteps is -1, want a positive number of steps",
			"both Saver and Scaffold are set, want at most one",
			`CheckpointBasename is "a/b", want no path separator in it`,
			"element 1 of Listeners is nil",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := hooks.NewCheckpointSaverHook(c.config)
			require.Equal(t, c.faults, faultsOf(t, err, "hooks: CheckpointSaverHookConfig: "))
		})
	}
}

func TestACheckpointSaverHookIsAHook(t *testing.T) {
	for name, c := range map[string]struct {
		config  hooks.CheckpointSaverHookConfig
		options sessiontest.HookOptions
	}{
		"rarely":     {hooks.CheckpointSaverHookConfig{SaveSteps: 1 << 40}, sessiontest.HookOptions{}},
		"hourly":     {hooks.CheckpointSaverHookConfig{SaveSecs: time.Hour}, sessiontest.HookOptions{}},
		"every step": {hooks.CheckpointSaverHookConfig{SaveSteps: 1}, sessiontest.HookOptions{Allocates: true}},
	} {
		t.Run(name, func(t *testing.T) {
			sessiontest.TestHook(t, func(t *testing.T) session.SessionRunHook {
				config := c.config
				config.Saver = new(memorySaver)
				return newCheckpointSaver(t, config)
			}, c.options)
		})
	}
}
