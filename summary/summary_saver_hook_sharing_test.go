package summary_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

func TestABadSaverConfigReportsAllOfIt(t *testing.T) {
	w := openWriter(t, t.TempDir(), summary.FileWriterConfig{})
	scaffold := new(session.Scaffold)
	const head = "summary: SummarySaverHookConfig: "
	for _, c := range []struct {
		name   string
		config summary.SummarySaverHookConfig
		want   []string
	}{
		{"no period", summary.SummarySaverHookConfig{SummaryOp: lossOp, SummaryWriter: w}, []string{"neither SaveSteps nor SaveSecs is set, want exactly one"}},
		{"both periods", summary.SummarySaverHookConfig{SaveSteps: 1, SaveSecs: 2e9, SummaryOp: lossOp, OutputDir: "x"}, []string{"both SaveSteps (1) and SaveSecs (2s) are set, want exactly one"}},
		{"negative steps", summary.SummarySaverHookConfig{SaveSteps: -1, SummaryOp: lossOp, OutputDir: "x"}, []string{"SaveSteps is -1, want a positive number of steps"}},
		{"negative time", summary.SummarySaverHookConfig{SaveSecs: -1, SummaryOp: lossOp, OutputDir: "x"}, []string{"SaveSecs is -1ns, want a positive duration"}},
		{"negative both", summary.SummarySaverHookConfig{SaveSteps: -1, SaveSecs: -1, SummaryOp: lossOp, OutputDir: "x"}, []string{"SaveSteps is -1, want a positive number of steps", "SaveSecs is -1ns, want a positive duration"}},
		{"no op", summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: "x"}, []string{"neither Scaffold nor SummaryOp is set, want exactly one"}},
		{"two ops", summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: "x", SummaryOp: lossOp, Scaffold: scaffold}, []string{"both Scaffold and SummaryOp are set, want exactly one"}},
		{"nowhere to write", summary.SummarySaverHookConfig{SaveSteps: 1, SummaryOp: lossOp}, []string{"neither OutputDir nor SummaryWriter is set, want one: the summaries would be lost"}},
		{"a nil op", summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: "x", SummaryOp: summary.List{lossOp, nil}}, []string{"SummaryOp: there is a nil op in the list"}},
		{"everything", summary.SummarySaverHookConfig{}, []string{
			"neither SaveSteps nor SaveSecs is set, want exactly one",
			"neither Scaffold nor SummaryOp is set, want exactly one",
			"neither OutputDir nor SummaryWriter is set, want one: the summaries would be lost",
		}},
		{"everything twice", summary.SummarySaverHookConfig{SaveSteps: 3, SaveSecs: 1, Scaffold: scaffold, SummaryOp: summary.List{nil}}, []string{
			"both SaveSteps (3) and SaveSecs (1ns) are set, want exactly one",
			"both Scaffold and SummaryOp are set, want exactly one",
			"neither OutputDir nor SummaryWriter is set, want one: the summaries would be lost",
			"SummaryOp: there is a nil op in the list",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := summary.NewSummarySaverHook(c.config)
			require.Nil(t, h)
			faults := strings.Split(err.Error(), "\n")
			for i, fault := range faults {
				faults[i] = strings.TrimPrefix(fault, head)
			}
			require.Equal(t, c.want, faults)
			require.Contains(t, err.Error(), head)
		})
	}
}

func TestANilOpWithinAListIsNoPanic(t *testing.T) {
	for name, list := range map[string]summary.List{
		"alone":        {nil},
		"in a list":    {summary.List{nil}},
		"in a list of": {lossOp, summary.List{lossOp, summary.List{nil}}},
	} {
		for place, config := range map[string]func() summary.SummarySaverHookConfig{
			"own": func() summary.SummarySaverHookConfig { return summary.SummarySaverHookConfig{SummaryOp: list} },
			"merged": func() summary.SummarySaverHookConfig {
				return summary.SummarySaverHookConfig{SummaryOp: summary.Merge(list)}
			},
			"the scaffold": func() summary.SummarySaverHookConfig {
				return summary.SummarySaverHookConfig{Scaffold: &session.Scaffold{SummaryOp: list}}
			},
		} {
			t.Run(name+" "+place, func(t *testing.T) {
				require.NotPanics(t, func() {
					config := config()
					config.SaveSteps, config.OutputDir = 1, t.TempDir()
					saver, err := summary.NewSummarySaverHook(config)
					if err != nil {
						return
					}
					s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{saver}})
					if err != nil {
						return
					}
					_, err = s.Run(t.Context(), "train")
					s.CloseWithError(err)
				})
			})
		}
	}
}

// requireUnused shows that no writer of dir is open in the cache: one that is
// got now is its only user's.
func requireUnused(t *testing.T, dir string) {
	t.Helper()
	w, err := summary.FileWriterCache.Get(dir)
	require.NoError(t, err)
	require.NoError(t, summary.FileWriterCache.Release(w))
	require.ErrorIs(t, w.Flush(), summary.ErrClosed)
}

func TestAnUnknownFetchFailsBegin(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for _, op := range []summary.Op{
		summary.Scalar("loss", "los"),
		summary.List{lossOp, summary.Merge(summary.Histogram("h", "los"))},
	} {
		first := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: t.TempDir(), SummaryOp: lossOp})
		saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: op})
		_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{first, saver}})
		require.EqualError(t, err, `session: hook "SummarySaverHook(`+dir+`)": Begin: summary op: unknown name "los", did you mean "loss"`)
		require.ErrorIs(t, err, session.ErrUnknownName)
		require.NoDirExists(t, dir)
	}
	requireUnused(t, dir)
}

func TestAnEngineWithoutAGlobalStepFailsBegin(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	g := graph.New()
	g.Node("loss", func(context.Context, []session.Value) (session.Value, error) { return session.Int64(1), nil })
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: lossOp})
	_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: g, Hooks: []session.SessionRunHook{saver}})
	require.ErrorIs(t, err, session.ErrNoGlobalStep)
	require.NoDirExists(t, dir)
}

func TestADirectoryThatCannotBeFailsBegin(t *testing.T) {
	good, blocked := t.TempDir(), filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o666))
	first := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: good, SummaryOp: lossOp})
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: filepath.Join(blocked, "run"), SummaryOp: lossOp})
	_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{first, saver}})
	var failed *session.HookError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, session.PhaseBegin, failed.Phase)
	require.ErrorContains(t, err, blocked)
	requireUnused(t, good)
}

func TestHooksOfOneDirectoryShareAFileAndItsSTART(t *testing.T) {
	dir := t.TempDir()
	a := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 2, OutputDir: dir, SummaryOp: lossOp})
	b := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 3, OutputDir: dir + "/", SummaryOp: summary.Scalar("nan", "nan")})
	train(t, newTrainer(), 5, "train", a, b)
	require.Equal(t, []string{
		"START@1", "1: loss=1", "1: nan=NaN", "3: loss=2", "4: nan=NaN", "5: loss=3",
	}, lines(readEvents(t, onlyFile(t, dir))))
	requireUnused(t, dir)
}

func TestHooksOfOneWriterShareTheSTART(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	a := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 2, SummaryWriter: w, SummaryOp: lossOp})
	b := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 2, SummaryWriter: w, SummaryOp: summary.Scalar("nan", "nan")})
	for range 2 { // two sessions: one START each
		train(t, newTrainer(), 2, "train", a, b)
	}
	require.Equal(t, []string{
		"START@1", "1: loss=1", "1: nan=NaN", "START@1", "1: loss=1", "1: nan=NaN",
	}, lines(readEvents(t, onlyFile(t, dir))))
}

func TestSTARTComesBeforeTheUsersOwnValuesOfTheSession(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	require.NoError(t, w.Scalar("before", 1, 0))
	own := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
		return w.Scalar("own", 1, 1)
	}}
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 2, SummaryWriter: w, SummaryOp: lossOp})
	train(t, newTrainer(), 1, "train", own, saver)
	require.Equal(t, []string{"0: before=1", "START@1", "1: own=1", "1: loss=1"}, lines(readEvents(t, onlyFile(t, dir))))
}

func TestSTARTIsDoubledOnlyInANewFileOfADirectoryWithOlderOnes(t *testing.T) {
	dir := t.TempDir()
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 2, OutputDir: dir, SummaryOp: lossOp})
	train(t, newTrainer(), 3, "train", saver)
	train(t, newTrainer(), 3, "train", restored(), saver) // the hook is used again
	files := eventFiles(t, dir)
	require.Len(t, files, 2)
	require.Equal(t, []string{"START@1", "1: loss=1", "3: loss=2"}, lines(readEvents(t, files[0])))
	require.Equal(t, []string{"START@101", "START@101", "101: loss=1", "103: loss=2"}, lines(readEvents(t, files[1])))
	require.Equal(t, []string{"loss"}, described(readEvents(t, files[1])))
}

func TestTheSecondSessionOfAFileHasOneSTARTThoughThereAreOlderFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "events.out.tfevents.0000000001.old"), nil, 0o666))
	w := openWriter(t, dir, summary.FileWriterConfig{})
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 9, SummaryWriter: w, SummaryOp: lossOp})
	for range 2 {
		train(t, newTrainer(), 1, "train", saver)
	}
	require.Equal(t, []string{"START@1", "START@1", "1: loss=1", "START@1", "1: loss=1"}, lines(readEvents(t, eventFiles(t, dir)[1])))
}

func TestASessionThatIsCreatedAgainHasNoSecondSTART(t *testing.T) {
	dir := t.TempDir()
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 2, OutputDir: dir, SummaryOp: lossOp})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		for range 4 {
			if _, err := s.Run(t.Context(), "train"); err != nil {
				return err
			}
			err := s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
				return saver.AfterCreateSession(ctx, sc.Session(), session.NewCoordinator(ctx, session.CoordinatorConfig{}))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"START@1", "1: loss=1", "3: loss=2"}, lines(readEvents(t, onlyFile(t, dir))))
}

func TestASessionThatNeverRanLeavesNoSTARTBehind(t *testing.T) {
	broken := &session.HookFuncs{OnBegin: func(context.Context, session.Graph) error { return errBroken }}
	for _, c := range []struct {
		name  string
		hooks []session.SessionRunHook
	}{
		{"because it could not be created", []session.SessionRunHook{broken}},
		{"because nobody ran it", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			w := openWriter(t, dir, summary.FileWriterConfig{})
			saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: w, SummaryOp: lossOp})
			err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: append([]session.SessionRunHook{saver}, c.hooks...)}, func(*session.MonitoredSession) error { return nil })
			require.Equal(t, len(c.hooks) > 0, err != nil)
			require.NoError(t, w.Scalar("mine", 1, 3)) // a START here would purge what follows step 3
			require.NoError(t, w.Close())
			require.Equal(t, []string{"3: mine=1"}, lines(readEvents(t, onlyFile(t, dir))))
		})
	}
}

func TestAWriterReopenedBeforeTheFirstRunStillGetsTheSTART(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: w, SummaryOp: lossOp})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		require.NoError(t, w.Close())
		require.NoError(t, w.Reopen())
		_, err := s.Run(t.Context(), "train")
		return err
	})
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, []string{"START@1", "START@1", "1: loss=1"}, lines(readEvents(t, eventFiles(t, dir)[1])))
}

func TestAWriterClosedBehindTheHooksBackFailsTheRun(t *testing.T) {
	dir := t.TempDir()
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: dir, SummaryOp: lossOp})
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		w, err := summary.FileWriterCache.Get(dir)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, summary.FileWriterCache.Release(w))
		_, err = s.Run(t.Context(), "train")
		return err
	})
	require.ErrorIs(t, err, summary.ErrClosed)
	requireUnused(t, dir)
}

// A job that goes on at step 101 writes a note at step 0 to the saver's file: the
// START that this note gets before it must not make readers drop what an earlier
// job wrote of steps 1 to 100.
func TestAValueOfSomebodyElseDoesNotMoveTheSTART(t *testing.T) {
	w := openWriter(t, t.TempDir(), summary.FileWriterConfig{})
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: w, SummaryOp: lossOp})
	note := &session.HookFuncs{
		OnBegin: func(context.Context, session.Graph) error { return w.Scalar("before", 1, 0) },
		OnAfterCreateSession: func(context.Context, session.Session, *session.Coordinator) error {
			return w.Scalar("note", 1, 0)
		},
	}
	trainer := newTrainer()
	restored := &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, s session.Session, _ *session.Coordinator) error {
		for range 100 {
			if _, err := session.Eval(ctx, s, "train"); err != nil {
				return err
			}
		}
		return nil
	}}
	require.NoError(t, session.With(t.Context(), session.Config{
		Engine: trainer, Hooks: []session.SessionRunHook{restored, saver, note},
	}, func(s *session.MonitoredSession) error {
		_, err := s.Run(t.Context(), "train")
		return err
	}))
	require.NoError(t, w.Close())
	got := lines(readEvents(t, onlyFile(t, w.GetLogdir())))
	require.Equal(t, []string{"0: before=1", "START@101", "0: note=1"}, got[:3])
	require.Len(t, got, 4)
}
