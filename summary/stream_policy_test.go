package summary_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestEventsAreWrittenWhenEnoughHaveGathered(t *testing.T) {
	for _, c := range []struct {
		name   string
		config summary.FileWriterConfig
		want   []int // events in the file after each event added
	}{
		{"by their number", summary.FileWriterConfig{FlushEvents: 3}, []int{0, 0, 3, 3, 3, 6, 6}},
		{"one by one", summary.FileWriterConfig{FlushEvents: 1}, []int{1, 2, 3, 4, 5, 6, 7}},
		{"by their size", summary.FileWriterConfig{FlushBytes: 80}, []int{0, 2, 2, 4, 4, 6, 6}}, // the first has 57 bytes, the others 42
		{"by both, whichever comes first", summary.FileWriterConfig{FlushEvents: 2, FlushBytes: 50}, []int{1, 1, 3, 3, 5, 5, 7}},
		{"by neither", summary.FileWriterConfig{}, []int{0, 0, 0, 0, 0, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.config.FlushSecs = summary.Off
				f := newMemoryFile()
				w := openOn(t, f, c.config)
				for step, want := range c.want {
					require.NoError(t, w.Scalar("loss", 1, int64(step+1)))
					synctest.Wait()
					require.Len(t, withoutVersion(t, decode(t, f.contents())), want, "after event %d", step+1)
				}
			})
		})
	}
}

func TestWhenWhatIsWrittenComesToTheDisk(t *testing.T) {
	for _, c := range []struct {
		name   string
		config summary.FileWriterConfig
		// Events on disk after each of: Flush, five seconds more, Close.
		want [3]int
	}{
		{"never", summary.FileWriterConfig{}, [3]int{0, 0, 0}},
		{"with what is flushed", summary.FileWriterConfig{Sync: summary.SyncOnFlush}, [3]int{1, 1, 3}},
		{"with what the timer flushes", summary.FileWriterConfig{Sync: summary.SyncOnFlush, FlushSecs: 2 * time.Second}, [3]int{1, 2, 3}},
		{"with what is flushed by number", summary.FileWriterConfig{Sync: summary.SyncOnFlush, FlushEvents: 1}, [3]int{1, 2, 3}},
		{"every four seconds", summary.FileWriterConfig{Sync: summary.SyncPeriodic, SyncSecs: 4 * time.Second}, [3]int{0, 2, 3}},
		{"every six seconds", summary.FileWriterConfig{Sync: summary.SyncPeriodic, SyncSecs: 6 * time.Second}, [3]int{0, 0, 3}},
		{"every thirty, which is the default", summary.FileWriterConfig{Sync: summary.SyncPeriodic}, [3]int{0, 0, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.config.FlushSecs == 0 {
					c.config.FlushSecs = summary.Off
				}
				f := newMemoryFile()
				w := openOn(t, f, c.config)
				onDisk := func() int { return max(len(decode(t, f.afterCrash())), 1) - 1 }
				var got [3]int

				require.NoError(t, w.Scalar("loss", 1, 1))
				require.NoError(t, w.Flush())
				got[0] = onDisk()
				require.NoError(t, w.Scalar("loss", 1, 2))
				time.Sleep(5 * time.Second)
				synctest.Wait()
				got[1] = onDisk()
				require.NoError(t, w.Scalar("loss", 1, 3))
				require.NoError(t, w.Close())
				got[2] = onDisk()
				require.Equal(t, c.want, got)
			})
		})
	}
}

func TestPeriodsWithoutEventsAreNotSynced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{Sync: summary.SyncPeriodic, SyncSecs: time.Minute})
		for range 3 {
			require.NoError(t, w.Scalar("loss", 1, 1))
			time.Sleep(time.Hour)
		}
		synctest.Wait()
		require.EqualValues(t, 3, w.Stats().Syncs)
		require.EqualValues(t, 3, w.Stats().Flushes)
	})
}

// fillQueue holds the file back and adds events, the first of which is being
// written then, until one more would not find room. It returns how many.
func fillQueue(t *testing.T, f *memoryFile, w *summary.FileWriter, limit int) (release func(), added int64) {
	t.Helper()
	release = f.hold()
	t.Cleanup(release)
	require.NoError(t, w.Scalar("loss", 1, 0))
	flushed := make(chan error, 1)
	go func() { flushed <- w.Flush() }()
	t.Cleanup(func() { <-flushed })
	synctest.Wait()
	for added = 1; w.Stats().QueueBytes < limit; added++ {
		require.NoError(t, w.Scalar("loss", 1, added))
	}
	return release, added
}

func TestAFullQueueDropsOrFailsWithoutWaiting(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy summary.QueuePolicy
		want   error
	}{
		{"drop", summary.QueueDrop, nil},
		{"fail", summary.QueueFail, summary.ErrQueueFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const limit = 2000
				f := newMemoryFile()
				w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: limit, WhenFull: c.policy})
				release, added := fillQueue(t, f, w, limit)

				require.Equal(t, c.want, w.Scalar("new", 1, 1))
				require.Equal(t, c.want, w.Histogram("h", []float64{1}, 1))
				require.Equal(t, c.want, w.AddEvent(&eventpb.Event{Step: 1}))
				stats := w.Stats()
				require.EqualValues(t, 3, stats.Dropped)
				require.Equal(t, added, stats.Events)
				require.Zero(t, stats.Lost)

				release()
				require.NoError(t, w.Flush())
				require.NoError(t, w.Scalar("new", 1, 2))
				require.NoError(t, w.Close())
				events := withoutVersion(t, decode(t, f.contents()))
				require.Len(t, events, int(added)+1)
				require.Equal(t, []string{"loss", "new"}, described(events), "what is dropped does not use up the metadata")
			})
		})
	}
}

func TestTheSTARTOfASessionIsNeverDropped(t *testing.T) {
	for _, policy := range []summary.QueuePolicy{summary.QueueDrop, summary.QueueFail} {
		synctest.Test(t, func(t *testing.T) {
			const limit = 1000
			f := newMemoryFile()
			w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: limit, WhenFull: policy})
			release, added := fillQueue(t, f, w, limit)
			require.NoError(t, w.BeginSession())
			require.NoError(t, w.StartSession(7))
			require.Zero(t, w.Stats().Dropped)
			release()
			require.NoError(t, w.Flush())
			require.NoError(t, w.Scalar("loss", 1, 9))
			w.EndSession()
			require.NoError(t, w.Close())
			said := lines(withoutVersion(t, decode(t, f.contents())))
			require.Equal(t, []string{"START@7", "9: loss=1"}, said[added:])
		})
	}
}

func TestAnEventMayBeLargerThanAQueueThatDrops(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{MaxQueueBytes: 10, WhenFull: summary.QueueDrop})
	require.NoError(t, w.Scalar(strings.Repeat("long", 100), 1, 1))
	require.NoError(t, w.Close())
	require.Len(t, decode(t, f.contents()), 2)
	require.Zero(t, w.Stats().Dropped)
}
