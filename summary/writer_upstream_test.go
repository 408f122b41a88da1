package summary_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// What TensorFlow's tests of its writers pin down and no other test here does.

func TestAFileHoldsEventsOfAllSortsInTheOrderOfTheCalls(t *testing.T) {
	dir := t.TempDir()
	began := time.Now()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	require.NoError(t, w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_START}, 1))
	require.NoError(t, w.AddSummary(simple("scalar", 2), 10))
	require.NoError(t, w.AddSummary(simple("scalar", 3), 20))
	require.NoError(t, w.AddGraph(nodes{{Name: "zero", Op: "Const"}}, 30))
	require.NoError(t, w.AddRunMetadata(&session.RunMetadata{}, "test run", 40))
	require.NoError(t, w.Close())

	events := readEvents(t, onlyFile(t, dir))
	require.Len(t, events, 5)
	require.Equal(t, []string{"START@1", "10: scalar=2", "20: scalar=3"}, lines(events[:3]))
	require.EqualValues(t, 30, events[3].GetStep())
	require.NotEmpty(t, events[3].GetGraphDef())
	require.EqualValues(t, 40, events[4].GetStep())
	require.Equal(t, "test run", events[4].GetTaggedRunMetadata().GetTag())
	for _, e := range events {
		require.InDelta(t, float64(began.UnixNano())/1e9, e.GetWallTime(), 60)
	}
}

func TestClosingAWriterThatHasNothingToWriteTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openOn(t, newMemoryFile(), summary.FileWriterConfig{})
		began := time.Now()
		require.NoError(t, w.Close())
		require.Zero(t, time.Since(began))
	})
}

func TestEveryFileHasTheSuffix(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{FilenameSuffix: ".mine", Rotate: summary.Rotate{Events: 1}})
	for step := range int64(10) {
		require.NoError(t, w.Scalar("loss", 1, step))
		if step%3 == 0 {
			require.NoError(t, w.Close())
			require.NoError(t, w.Reopen())
		}
	}
	require.NoError(t, w.Close())
	files := eventFiles(t, dir)
	require.Len(t, files, 11)
	for _, path := range files {
		require.True(t, strings.HasSuffix(path, ".mine"), path)
	}
}

func TestAFileThatWasRemovedBeforeCloseIsAnError(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		dir := t.TempDir()
		w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{FlushSecs: summary.Off, FlushEvents: 2})
		require.NoError(t, err)
		require.NoError(t, w.Scalar("loss", 1, 1))
		if flushed {
			require.NoError(t, w.Flush())
		}
		file := onlyFile(t, dir)
		require.NoError(t, os.Remove(file))
		if !flushed {
			require.NoError(t, w.Scalar("loss", 1, 2))
		}
		require.ErrorContains(t, w.Close(), file)
		require.Empty(t, eventFiles(t, dir), "nothing is made again")
		require.Equal(t, map[bool]int64{false: 2, true: 0}[flushed], w.Stats().Lost)
	}
}
