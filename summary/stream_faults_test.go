package summary_test

import (
	"bytes"
	"fmt"
	"image"
	"io"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestAnErrorOfTheFileIsReturnedByEveryLaterCall(t *testing.T) {
	for _, c := range []struct {
		fault   string
		trigger func(w *summary.FileWriter) error
		want    string
	}{
		{"Write", (*summary.FileWriter).Flush, "summary: write events.out.tfevents.memory: broken"},
		{"Write", (*summary.FileWriter).Sync, "summary: write events.out.tfevents.memory: broken"},
		{"Sync", (*summary.FileWriter).Sync, "summary: sync events.out.tfevents.memory: broken"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			f := newMemoryFile()
			w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
			f.set(func(f *memoryFile) { f.faults[c.fault] = errBroken })
			require.NoError(t, w.Scalar("loss", 1, 1))
			for range 2 {
				err := c.trigger(w)
				require.EqualError(t, err, c.want)
				require.ErrorIs(t, err, errBroken)
				require.ErrorIs(t, w.Scalar("loss", 1, 2), errBroken)
				require.ErrorIs(t, w.Histogram("h", []int{1}, 2), errBroken)
				require.ErrorIs(t, w.AddEvent(&eventpb.Event{Step: 2}), errBroken)
				require.ErrorIs(t, w.Flush(), errBroken)
				require.ErrorIs(t, w.Sync(), errBroken)
			}
			f.set(func(f *memoryFile) { clear(f.faults) })
			require.ErrorIs(t, w.Flush(), errBroken, "though the disk works again")
			require.EqualError(t, w.Close(), c.want)
			require.EqualError(t, w.Close(), c.want, "again")
			require.ErrorIs(t, w.Flush(), summary.ErrClosed)
		})
	}
}

func TestAnErrorBehindTheCallersBackComesWithTheNextCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: 100})
		f.set(func(f *memoryFile) { f.faults["Write"] = errBroken })
		require.NoError(t, w.Scalar("loss", 1, 1)) // half the queue, so it is written
		synctest.Wait()
		require.ErrorIs(t, w.Scalar("loss", 1, 2), errBroken)
	})
}

func TestAFlushWithNothingToWriteStillLooksAfterTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, FlushEvents: 1})
		require.NoError(t, w.Scalar("loss", 1, 1))
		synctest.Wait() // it is written
		f.set(func(f *memoryFile) { f.faults["Exists"] = errBroken })
		require.ErrorIs(t, w.Flush(), errBroken)
		require.Equal(t, int64(1), w.Stats().Lost)
		require.ErrorIs(t, w.Scalar("loss", 1, 2), errBroken, "sticky")
	})
}

func TestAnErrorOfClosingIsReturnedByEveryClose(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
	f.set(func(f *memoryFile) { f.faults["Close"] = errBroken })
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.EqualError(t, w.Close(), "summary: close events.out.tfevents.memory: broken")
	require.EqualError(t, w.Close(), "summary: close events.out.tfevents.memory: broken")
	require.Len(t, decode(t, f.contents()), 2, "the events themselves are there")
	require.Equal(t, []string{"Write", "Write", "Close"}, f.calls)
}

func TestAFileWithAnErrorIsClosedAllTheSame(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
	f.set(func(f *memoryFile) { f.faults["Write"] = errBroken })
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.ErrorIs(t, w.Close(), errBroken)
	require.Equal(t, []string{"Write", "Write", "Close"}, f.calls)
}

func TestAWriterThatCannotBeginItsFileFailsAndLeavesNothingOpen(t *testing.T) {
	f := newMemoryFile()
	f.capacity = 10 // not enough for the version event
	w, err := summary.NewFileWriterOn(summary.FileWriterConfig{}, func() (summary.File, error) { return f, nil })
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Nil(t, w)
	require.Empty(t, f.contents())
	require.Contains(t, f.calls, "Close")
	require.Empty(t, leaktest.Left("runhook/summary.("))
}

// mixedEvents adds events of all sizes, and flushes now and then, until an error
// comes. It returns it, and the events that were accepted.
func mixedEvents(w *summary.FileWriter) (accepted []string, err error) {
	picture := image.NewGray(image.Rect(0, 0, 8, 8))
	for step := range int64(4) {
		for _, do := range []struct {
			line string
			call func() error
		}{
			{"%d: loss=0.5", func() error { return w.Scalar("loss", 0.5, step) }},
			{"%d: h", func() error { return w.Histogram("h", []float64{-1, 0, 1, 1000}, step) }},
			{"%d: a=1 b=2", func() error { return w.Add(step, summary.ScalarValue("a", 1), summary.ScalarValue("b", 2)) }},
			{"", w.Flush},
			{"%d: img", func() error { return w.Image("img", picture, step) }},
			{"START@%d", func() error {
				return w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_START}, step)
			}},
		} {
			if err := do.call(); err != nil {
				return accepted, err
			}
			if do.line != "" {
				accepted = append(accepted, fmt.Sprintf(do.line, step))
			}
		}
	}
	return accepted, w.Close()
}

func TestAFullDiskLeavesAFileOfWholeRecords(t *testing.T) {
	whole := newMemoryFile()
	all, err := mixedEvents(openOn(t, whole, summary.FileWriterConfig{FlushSecs: summary.Off}))
	require.NoError(t, err)
	file := whole.contents()
	require.Equal(t, all, lines(withoutVersion(t, decode(t, file))))
	first := tfrecord.Overhead + len(payloads(t, bytes.NewReader(file))[0])

	for capacity := first; capacity < len(file); capacity++ {
		f := newMemoryFile()
		f.capacity = capacity
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
		accepted, err := mixedEvents(w)
		if err == nil {
			err = w.Close()
		}
		require.ErrorIs(t, err, syscall.ENOSPC, "capacity %d", capacity)
		require.ErrorIs(t, w.Close(), syscall.ENOSPC, "capacity %d", capacity)

		require.Equal(t, tfrecord.WholeRecords(file[:capacity]), len(f.contents()), "capacity %d: a torn record, or one too few", capacity)
		left := lines(withoutVersion(t, decode(t, f.contents())))
		require.LessOrEqual(t, len(left), len(accepted))
		require.Equal(t, all[:len(left)], left, "capacity %d", capacity)
	}
}

func TestARecordThatCannotBeCutBackIsReportedToo(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
	f.set(func(f *memoryFile) {
		f.capacity = len(f.data) + 5
		f.faults["Truncate"] = errBroken
	})
	require.NoError(t, w.Scalar("loss", 1, 1))
	err := w.Flush()
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorIs(t, err, errBroken)
}

func TestAFaultAtAnyWriteKeepsTheRecordsBefore(t *testing.T) {
	for n := range 4 {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
		want := []string{}
		for step := range int64(4) {
			if int(step) == n {
				f.set(func(f *memoryFile) { f.faults["Write"] = io.ErrShortWrite })
			}
			if w.Scalar("loss", 1, step) == nil && w.Flush() == nil {
				want = append(want, fmt.Sprintf("%d: loss=1", step))
			}
		}
		require.Len(t, want, n)
		require.ErrorIs(t, w.Close(), io.ErrShortWrite)
		require.Equal(t, want, lines(withoutVersion(t, decode(t, f.contents()))))
	}
}

// blockedCallers holds the file back until two goroutines wait in Scalar for
// space. What these return comes in order of time.
func blockedCallers(t *testing.T, f *memoryFile, w *summary.FileWriter) (release func(), errs *[]error, group *sync.WaitGroup) {
	release = f.hold()
	t.Cleanup(release)
	errs, group = new([]error), new(sync.WaitGroup)
	var mu sync.Mutex
	for range 2 {
		group.Go(func() {
			for {
				if err := w.Scalar("loss", 1, 1); err != nil {
					mu.Lock()
					*errs = append(*errs, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	synctest.Wait()
	return release, errs, group
}

func TestAnErrorReleasesCallersThatWaitForSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: 300})
		release, errs, group := blockedCallers(t, f, w)
		require.Empty(t, *errs)
		f.set(func(f *memoryFile) { f.faults["Write"] = errBroken })
		release()
		group.Wait()
		require.Len(t, *errs, 2)
		require.ErrorIs(t, (*errs)[0], errBroken)
		require.ErrorIs(t, (*errs)[1], errBroken)
	})
}

func TestCloseReleasesCallersThatWaitForSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: 300})
		release, errs, group := blockedCallers(t, f, w)
		closed := make(chan error, 1)
		go func() { closed <- w.Close() }()
		group.Wait() // though the file is still held back
		require.Len(t, *errs, 2)
		require.ErrorIs(t, (*errs)[0], summary.ErrClosed)
		require.ErrorIs(t, (*errs)[1], summary.ErrClosed)
		require.Empty(t, closed)
		release()
		require.NoError(t, <-closed)
	})
}

func TestFlushReturnsTheErrorOfAWriteThatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
		release := f.hold()
		require.NoError(t, w.Scalar("loss", 1, 1))
		var group sync.WaitGroup
		for _, flush := range []func() error{w.Flush, w.Sync} {
			group.Go(func() { assert.ErrorIs(t, flush(), errBroken) })
		}
		synctest.Wait()
		f.set(func(f *memoryFile) { f.faults["Write"] = errBroken })
		release()
		group.Wait()
	})
}
