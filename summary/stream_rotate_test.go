package summary_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func TestAFileIsLeftAfterSoManyEvents(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 3}})
	for step := range int64(10) {
		require.NoError(t, w.Add(step, summary.ScalarValue("loss", 1), summary.ScalarValue("acc", 2)))
	}
	require.NoError(t, w.Histogram("late", []float64{1}, 10))
	require.NoError(t, w.Histogram("late", []float64{1}, 11))
	require.NoError(t, w.Close())

	files := eventFiles(t, dir) // in the order in which readers take them
	require.Len(t, files, 4)
	step := int64(0)
	for i, path := range files {
		events := readEvents(t, path) // behind the version event
		require.Len(t, events, 3)
		for _, e := range events {
			require.Nil(t, e.GetSessionLog(), "readers would drop what came before")
			require.Equal(t, step, e.GetStep())
			step++
		}
		want := []string{"loss", "acc"}
		if i == 3 {
			want = append(want, "late")
		}
		require.Equal(t, want, described(events), "a tag has its metadata in every file")
	}
	stats := w.Stats()
	require.EqualValues(t, 4, stats.Files)
	require.Equal(t, files[3], stats.File)
	require.EqualValues(t, 12, stats.Events)
	require.Equal(t, totalSize(t, files), stats.Bytes)
}

func totalSize(t *testing.T, paths []string) (n int64) {
	t.Helper()
	for _, path := range paths {
		info, err := os.Stat(path)
		require.NoError(t, err)
		n += info.Size()
	}
	return n
}

func TestAFileIsLeftWhenItIsLarge(t *testing.T) {
	const limit, event = 1000, 100 // an event is smaller
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{Rotate: summary.Rotate{Bytes: limit}})
	for step := range int64(200) {
		require.NoError(t, w.Scalar("loss", 1, step))
	}
	require.NoError(t, w.Close())
	files := eventFiles(t, dir)
	require.Greater(t, len(files), 5)
	for i, path := range files {
		size := totalSize(t, []string{path})
		require.Less(t, size, int64(limit+event))
		if i < len(files)-1 {
			require.GreaterOrEqual(t, size, int64(limit))
		}
	}
}

func TestAFileSmallerThanAnEventHasOne(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{Rotate: summary.Rotate{Bytes: 1}})
	for step := range int64(4) {
		require.NoError(t, w.Scalar("loss", 1, step))
	}
	require.NoError(t, w.Close())
	require.Equal(t, [][]string{{"0: loss=1"}, {"1: loss=1"}, {"2: loss=1"}, {"3: loss=1"}}, disk.lines())
}

func TestAFileIsLeftWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := openOnDisk(t, summary.FileWriterConfig{FlushSecs: time.Second, Rotate: summary.Rotate{Every: time.Hour}})
		time.Sleep(100 * time.Hour)
		require.Len(t, disk.files(), 1, "nothing to write is no reason for a new file")
		for range 6 {
			require.NoError(t, w.At(time.Unix(1, 0)).Scalar("loss", 1, int64(time.Since(midnight).Minutes())))
			time.Sleep(25 * time.Minute)
		}
		require.NoError(t, w.Close())
		require.Equal(t, [][]string{
			{"6000: loss=1", "6025: loss=1", "6050: loss=1"}, {"6075: loss=1", "6100: loss=1", "6125: loss=1"},
		}, disk.lines())
	})
}

// midnight is when a bubble begins.
var midnight = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestTheFirstRuleThatAppliesRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := openOnDisk(t, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 3, Bytes: 180, Every: time.Minute}})
		for step := range int64(4) { // 51 bytes of the version, 57, 42, 42: that is three events
			require.NoError(t, w.Scalar("loss", 1, step+1))
		}
		require.NoError(t, w.Histogram("h", []float64{1}, 5)) // more than 180 bytes
		require.NoError(t, w.Scalar("loss", 1, 6))
		time.Sleep(time.Minute)
		require.NoError(t, w.Scalar("loss", 1, 7))
		require.NoError(t, w.Close())
		require.Equal(t, [][]string{
			{"1: loss=1", "2: loss=1", "3: loss=1"}, {"4: loss=1", "5: h"}, {"6: loss=1"}, {"7: loss=1"},
		}, disk.lines())
	})
}

// Readers that follow the run leave a file for good when there is a next one: see
// memoryDisk.create. A power failure after Sync loses nothing, wherever it is.
func TestAFileIsWholeAndOnDiskBeforeThereIsANextOne(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 2}, MaxQueueBytes: 300})
	for step := range int64(99) {
		require.NoError(t, w.Scalar("loss", 1, step))
	}
	require.NoError(t, w.Sync())
	files := disk.files()
	require.Len(t, files, 50)
	for i, f := range files {
		require.Equal(t, f.contents(), f.afterCrash(), "file %d", i)
	}
}

func TestRotationLosesNothingWhateverElseIsCalled(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{
		FlushSecs: time.Millisecond, MaxQueueBytes: 2000,
		Rotate: summary.Rotate{Events: 97, Bytes: 5000, Every: 5 * time.Millisecond},
	})
	const writers, each = 4, 1500
	var group, helpers sync.WaitGroup
	var over atomic.Bool
	for _, call := range []func() error{
		w.Flush, w.Sync,
		func() error { w.Stats(); return nil },
		func() error { return closeAndReopen(w) },
	} {
		helpers.Go(func() {
			for !over.Load() {
				if err := call(); err != nil && !errors.Is(err, summary.ErrClosed) {
					t.Error(err)
					return
				}
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	for g := range writers {
		group.Go(func() {
			for step := 0; step < each; {
				switch err := w.Scalar(fmt.Sprint("loss/", g), 1, int64(step)); {
				case err == nil:
					step++
				case !errors.Is(err, summary.ErrClosed): // it is being reopened
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	over.Store(true)
	helpers.Wait()
	require.NoError(t, w.Close())

	next := make(map[string]int64)
	for _, path := range eventFiles(t, dir) {
		events := readEvents(t, path)
		seen := make(map[string]bool)
		for _, e := range events {
			tag := e.GetSummary().GetValue()[0].GetTag()
			require.Equal(t, next[tag], e.GetStep(), "%s in %s", tag, path)
			next[tag]++
			require.Equal(t, !seen[tag], e.GetSummary().GetValue()[0].GetMetadata() != nil)
			seen[tag] = true
		}
	}
	require.Len(t, next, writers)
	for tag, n := range next {
		require.EqualValues(t, each, n, tag)
	}
	stats := w.Stats()
	require.EqualValues(t, writers*each, stats.Events)
	require.EqualValues(t, len(eventFiles(t, dir)), stats.Files)
	require.Equal(t, totalSize(t, eventFiles(t, dir)), stats.Bytes)
}

func TestASessionThatRotatesHasItsSTARTOnce(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 2}})
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: w, SummaryOp: lossOp})
	train(t, newTrainer(), 4, "train", saver)
	require.NoError(t, w.Close())
	var said [][]string
	for _, path := range eventFiles(t, dir) {
		said = append(said, lines(readEvents(t, path)))
	}
	require.Equal(t, [][]string{{"START@1", "1: loss=1"}, {"2: loss=2", "3: loss=3"}, {"4: loss=4"}}, said)
}

// The next session begins in a file that is not the first of the run: readers that
// take the first START of a run for its beginning need two.
func TestASessionThatBeginsInALaterFileHasItsSTARTTwice(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 4}})
	for step := range int64(5) {
		require.NoError(t, w.Scalar("own", 1, step))
	}
	saver := newSaver(t, summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: w, SummaryOp: lossOp})
	train(t, newTrainer(), 1, "train", restored(), saver)
	require.NoError(t, w.Close())
	require.Equal(t, [][]string{
		{"0: own=1", "1: own=1", "2: own=1", "3: own=1"}, {"4: own=1", "START@101", "START@101", "101: loss=1"},
	}, disk.lines())
}

func TestASTARTThatIsToComeComesInTheNewFile(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 2}})
	require.NoError(t, w.Scalar("own", 1, 1))
	require.NoError(t, w.Scalar("own", 1, 2))
	require.NoError(t, w.BeginSession())
	w.SessionAt(3)
	require.NoError(t, w.Scalar("own", 1, 3))
	w.EndSession()
	require.NoError(t, w.Close())
	require.Equal(t, [][]string{{"1: own=1", "2: own=1"}, {"START@3", "START@3", "3: own=1"}}, disk.lines())
}

func TestATagWhoseMetadataCameOnceHasItInEveryFile(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 2}})
	first := withMetadata("loss", 1)
	require.NoError(t, w.AddSummary(first, 0))
	for step := range int64(4) {
		require.NoError(t, w.AddSummary(simple("loss", 1), step+1))
	}
	require.NoError(t, w.Close())
	for _, events := range disk.events() {
		require.Equal(t, []string{"loss"}, described(events))
		requireEqualMessage(t, first, events[0].GetSummary())
	}
}

func TestANextFileThatCannotBeMadeIsAnError(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{FlushSecs: summary.Off, Rotate: summary.Rotate{Events: 2}})
	disk.broken = errBroken
	for step := range int64(5) {
		require.NoError(t, w.Scalar("loss", 1, step))
	}
	require.ErrorIs(t, w.Flush(), errBroken)
	require.ErrorIs(t, w.Scalar("loss", 1, 5), errBroken)
	require.ErrorIs(t, w.Close(), errBroken)
	require.Equal(t, [][]string{{"0: loss=1", "1: loss=1"}}, disk.lines())
	require.EqualValues(t, 5, w.Stats().Events)
	require.EqualValues(t, 3, w.Stats().Lost)
}

func TestAFileThatCannotBeLeftWellIsAnError(t *testing.T) {
	for _, fault := range []string{"Sync", "Close", "Exists"} {
		t.Run(fault, func(t *testing.T) {
			w, disk := openOnDisk(t, summary.FileWriterConfig{FlushSecs: summary.Off, Rotate: summary.Rotate{Events: 2}})
			disk.file(0).set(func(f *memoryFile) { f.faults[fault] = errBroken })
			for step := range int64(3) {
				require.NoError(t, w.Scalar("loss", 1, step))
			}
			require.ErrorIs(t, w.Close(), errBroken)
			require.EqualValues(t, 1, w.Stats().Errors)
			require.ErrorIs(t, w.Stats().LastError, errBroken)
			want := int64(3)
			if fault == "Close" {
				want = 1 // what was written is on disk
			}
			require.Equal(t, want, w.Stats().Lost)
		})
	}
}

func TestReopenGoesOnWithRotation(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 2}})
	for step := range int64(6) {
		require.NoError(t, w.Scalar("loss", 1, step))
		if step == 2 {
			require.NoError(t, w.Close())
			require.NoError(t, w.Reopen())
		}
	}
	require.NoError(t, w.Close())
	require.Equal(t, [][]string{{"0: loss=1", "1: loss=1"}, {"2: loss=1"}, {"3: loss=1", "4: loss=1"}, {"5: loss=1"}}, disk.lines())
	require.EqualValues(t, 4, w.Stats().Files)
	require.EqualValues(t, 6, w.Stats().Events)
}

func closeAndReopen(w *summary.FileWriter) error {
	if err := w.Close(); err != nil {
		return err
	}
	return w.Reopen()
}
