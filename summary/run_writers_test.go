package summary_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func openRuns(t *testing.T, logdir string, config summary.RunWritersConfig) *summary.RunWriters {
	t.Helper()
	runs, err := summary.NewRunWriters(logdir, config)
	require.NoError(t, err)
	return runs
}

// filesOf returns the events of the files of a run, in the order of their names,
// without those of the version.
func filesOf(t *testing.T, run string) (files [][]*eventpb.Event) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(run, "events.out.tfevents.*"))
	require.NoError(t, err)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		files = append(files, withoutVersion(t, decode(t, content)))
	}
	return files
}

func TestScalarsOfOneChartAreInRunsSideBySide(t *testing.T) {
	logdir := t.TempDir()
	runs := openRuns(t, logdir, summary.RunWritersConfig{})
	require.NoError(t, runs.Scalars("loss", map[string]float64{"train": 1, "validation": 2}, 7))
	require.NoError(t, runs.Scalars("loss", map[string]float64{"train": 0.5}, 8))
	require.NoError(t, runs.Close())
	values := func(run string) (values []float32) {
		files := filesOf(t, filepath.Join(logdir, run))
		require.Len(t, files, 1)
		for _, e := range files[0] {
			require.Equal(t, "loss", e.GetSummary().GetValue()[0].GetTag())
			values = append(values, e.GetSummary().GetValue()[0].GetSimpleValue())
		}
		return values
	}
	require.Equal(t, []float32{1, 0.5}, values("train"))
	require.Equal(t, []float32{2}, values("validation"))
}

func TestTheFileOfARunIsOpenedByItsFirstEvent(t *testing.T) {
	logdir := t.TempDir()
	runs := openRuns(t, logdir, summary.RunWritersConfig{})
	w, err := runs.Run("a/b")
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	require.NoDirExists(t, filepath.Join(logdir, "a"))
	require.Zero(t, runs.OpenFiles())
	require.NoError(t, w.AddEvent(&eventpb.Event{Step: 1}))
	require.NoError(t, w.Flush())
	require.Len(t, filesOf(t, filepath.Join(logdir, "a", "b"))[0], 1)
	require.NoError(t, w.Close())
	require.NoError(t, runs.Close())
	require.ErrorIs(t, w.Scalar("x", 1, 1), summary.ErrClosed)
	_, err = runs.Run("c")
	require.ErrorIs(t, err, summary.ErrClosed)
	require.ErrorIs(t, runs.Scalars("x", map[string]float64{"c": 1}, 1), summary.ErrClosed)
}

func TestNoMoreFilesAreOpenThanAllowed(t *testing.T) {
	const allowed, events = 3, 40
	logdir := t.TempDir()
	runs := openRuns(t, logdir, summary.RunWritersConfig{MaxOpen: allowed})
	var group sync.WaitGroup
	for i := range 8 {
		w, err := runs.Run(fmt.Sprintf("run%d", i))
		require.NoError(t, err)
		group.Go(func() {
			for step := range int64(events) {
				if err := w.Scalar("x", float64(step), step); err != nil {
					t.Errorf("run %d, step %d: %v", i, step, err)
				}
				if n := runs.OpenFiles(); n > allowed {
					t.Errorf("%d files are open", n)
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, runs.Close())
	for i := range 8 {
		next := int64(0)
		for _, file := range filesOf(t, filepath.Join(logdir, fmt.Sprintf("run%d", i))) {
			for _, e := range file {
				require.Equal(t, next, e.GetStep())
				next++
			}
		}
		require.EqualValues(t, events, next)
	}
}

func TestTheRunThatWasUsedLeastRecentlyIsClosed(t *testing.T) {
	logdir := t.TempDir()
	runs := openRuns(t, logdir, summary.RunWritersConfig{MaxOpen: 2})
	for _, run := range []string{"a", "b", "a", "c", "a"} { // c takes the place of b
		require.NoError(t, runs.Scalars("x", map[string]float64{run: 1}, 1))
	}
	require.Equal(t, 2, runs.OpenFiles())
	require.NoError(t, runs.Scalars("x", map[string]float64{"b": 1}, 2))
	require.NoError(t, runs.Close())
	require.Zero(t, runs.OpenFiles())
	require.Len(t, filesOf(t, filepath.Join(logdir, "a")), 1)
	require.Len(t, filesOf(t, filepath.Join(logdir, "b")), 2)
}

func TestARunThatCannotBeWrittenSaysSo(t *testing.T) {
	logdir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(logdir, "file"), nil, 0o666))
	runs := openRuns(t, logdir, summary.RunWritersConfig{})
	err := runs.Scalars("x", map[string]float64{"file": 1, "fine": 1}, 1)
	require.ErrorContains(t, err, "not a directory")
	require.EqualError(t, runs.Scalars("x", map[string]float64{"file": 1}, 2), err.Error())
	require.EqualError(t, runs.Close(), err.Error())
	require.EqualError(t, runs.Close(), err.Error())
	require.Len(t, filesOf(t, filepath.Join(logdir, "fine"))[0], 1)

	for _, name := range []string{"", "..", "a/../../b", "/etc"} {
		_, err := openRuns(t, logdir, summary.RunWritersConfig{}).Run(name)
		require.EqualError(t, err, fmt.Sprintf("summary: run %q, want the path of a folder below the log directory", name))
	}
	_, err = summary.NewRunWriters("", summary.RunWritersConfig{})
	require.EqualError(t, err, "summary: NewRunWriters: logdir is empty")
	_, err = summary.NewRunWriters(logdir, summary.RunWritersConfig{MaxOpen: -1, Writer: summary.FileWriterConfig{MaxQueueBytes: -1}})
	require.ErrorContains(t, err, "summary: RunWritersConfig.MaxOpen is -1, want a positive number or 0 (16)")
	require.ErrorContains(t, err, "MaxQueueBytes is -1")
}

func TestARunSharesItsFileWithTheHooksOfItsDirectory(t *testing.T) {
	logdir := t.TempDir()
	runs := openRuns(t, logdir, summary.RunWritersConfig{MaxOpen: 1})
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: filepath.Join(logdir, "train"), SummaryOp: lossOp})
	own := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
		return runs.Scalars("own", map[string]float64{"other": 1, "train": 1}, 1) // closes one for the other
	}}
	train(t, newTrainer(), 2, "train", own, saver)
	require.NoError(t, runs.Close())
	files := filesOf(t, filepath.Join(logdir, "train"))
	require.Len(t, files, 1)
	require.Equal(t, []string{"START@1", "1: own=1", "1: loss=1", "1: own=1", "2: loss=2"}, lines(files[0]))
	requireUnused(t, filepath.Join(logdir, "train"))
}

func TestARunWithASessionStaysOpen(t *testing.T) {
	logdir := t.TempDir()
	runs := openRuns(t, logdir, summary.RunWritersConfig{MaxOpen: 2})
	sink := func(name string) summary.SessionSink {
		w, err := runs.Run(name)
		require.NoError(t, err)
		return w.Sink().(summary.SessionSink)
	}
	a, b := sink("a"), sink("b")
	require.NoError(t, a.StartSession(1), "there is no session")
	require.NoError(t, a.BeginSession())
	for step := range int64(3) {
		require.NoError(t, runs.Scalars("x", map[string]float64{"b": 1, "c": 1}, step+1))
	}
	require.NoError(t, b.BeginSession())
	const full = `summary: run "c": all 2 files that may be open belong to monitored sessions (RunWritersConfig.MaxOpen)`
	require.EqualError(t, runs.Scalars("x", map[string]float64{"c": 1}, 4), full)
	a.SessionAt(7)
	require.NoError(t, runs.Scalars("x", map[string]float64{"a": 1}, 7))
	a.EndSession()
	b.EndSession()
	require.NoError(t, runs.Scalars("x", map[string]float64{"c": 1}, 5))
	require.NoError(t, runs.Close())
	files := filesOf(t, filepath.Join(logdir, "a"))
	require.Len(t, files, 1)
	require.Equal(t, []string{"START@7", "7: x=1"}, lines(files[0]))
}

func TestRunWritersMayBeClosedInASession(t *testing.T) {
	runs := openRuns(t, t.TempDir(), summary.RunWritersConfig{})
	w, err := runs.Run("a")
	require.NoError(t, err)
	s := w.Sink().(summary.SessionSink)
	require.NoError(t, s.BeginSession())
	require.NoError(t, runs.Close())
	s.EndSession()
	require.ErrorIs(t, s.BeginSession(), summary.ErrClosed)
}

func TestARunThatIsOpenWithOtherSettingsIsAnError(t *testing.T) {
	logdir := t.TempDir()
	w, err := summary.FileWriterCache.Get(filepath.Join(logdir, "a"))
	require.NoError(t, err)
	runs := openRuns(t, logdir, summary.RunWritersConfig{Writer: summary.FileWriterConfig{FlushEvents: 1}})
	require.ErrorContains(t, runs.Scalars("x", map[string]float64{"a": 1}, 1), "is open with other settings")
	require.Error(t, runs.Close())
	require.NoError(t, summary.FileWriterCache.Release(w))
}
