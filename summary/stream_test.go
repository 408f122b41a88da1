package summary_test

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestWhatIsAcceptedBeforeCloseIsInTheFile(t *testing.T) {
	for range 2000 { // the goroutine of the file may be anywhere when Close comes
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: 200})
		var accepted atomic.Int64
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for {
					if err := w.Scalar("loss", 1, 1); err != nil {
						assert.ErrorIs(t, err, summary.ErrClosed)
						return
					}
					accepted.Add(1)
				}
			})
		}
		for accepted.Load() < 20 {
			runtime.Gosched()
		}
		require.NoError(t, w.Close())
		group.Wait()
		require.EqualValues(t, accepted.Load(), len(withoutVersion(t, decode(t, f.contents()))))
	}
}

func TestAFlushThatRacesWithCloseEnds(t *testing.T) {
	for range 500 {
		synctest.Test(t, func(t *testing.T) { // a caller left waiting is a deadlock there
			w := openOn(t, newMemoryFile(), summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: 200})
			var group sync.WaitGroup
			var flushed atomic.Int64
			for i := range 4 {
				group.Go(func() {
					for {
						err := w.Scalar("loss", 1, 1)
						if err == nil && i%2 == 0 {
							err = w.Flush()
						}
						if err != nil {
							assert.ErrorIs(t, err, summary.ErrClosed)
							return
						}
						flushed.Add(1)
					}
				})
			}
			for flushed.Load() < 20 {
				runtime.Gosched()
			}
			require.NoError(t, w.Close())
			group.Wait()
		})
	}
}

func TestTheFlushTimer(t *testing.T) {
	for _, c := range []struct {
		name      string
		flushSecs time.Duration
		step      time.Duration // what passes between two looks at the file
		want      []int         // events in the file, version aside, at each look
	}{
		{"nothing is in the file before FlushSecs, all after", 30 * time.Second, 29 * time.Second, []int{0, 2, 2}},
		{"the default is ten seconds", 0, 9 * time.Second, []int{0, 2, 2}},
		{"off writes nothing", summary.Off, 1000 * time.Hour, []int{0, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newMemoryFile()
				w := openOn(t, f, summary.FileWriterConfig{FlushSecs: c.flushSecs})
				require.NoError(t, w.Scalar("loss", 1, 1))
				require.NoError(t, w.Scalar("loss", 1, 2))
				for _, want := range c.want {
					time.Sleep(c.step)
					synctest.Wait()
					require.Len(t, withoutVersion(t, decode(t, f.contents())), want)
				}
				require.NoError(t, w.Close())
				require.Len(t, withoutVersion(t, decode(t, f.contents())), 2)
			})
		})
	}
}

func TestAnIdleWriterWritesItsTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: time.Second})
		for step := range int64(3) {
			require.NoError(t, w.Scalar("loss", 1, step))
			time.Sleep(5 * time.Second)
			synctest.Wait()
			require.Len(t, withoutVersion(t, decode(t, f.contents())), int(step)+1)
		}
	})
}

func TestAHalfFullQueueIsWrittenWithoutATimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: 4000})
		for step := range int64(100) { // of 40 bytes and more
			require.NoError(t, w.Scalar("loss", 1, step))
		}
		synctest.Wait()
		require.Greater(t, len(f.contents()), 2000)
	})
}

func TestFlushHandsToTheSystemAndSyncToTheDisk(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off})
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, w.Flush())
	require.Len(t, decode(t, f.contents()), 2)
	require.Empty(t, f.afterCrash())

	require.NoError(t, w.Scalar("loss", 1, 2))
	require.NoError(t, w.Sync())
	require.Len(t, decode(t, f.afterCrash()), 3)

	require.NoError(t, w.Sync(), "with nothing new")
	require.NoError(t, w.Flush())
	require.Len(t, decode(t, f.afterCrash()), 3)

	require.NoError(t, w.Flush())
	require.NoError(t, w.Scalar("loss", 1, 3))
	require.NoError(t, w.Flush())
	require.NoError(t, w.Sync(), "of what is written already")
	require.Len(t, decode(t, f.afterCrash()), 4)
}

func TestAFullQueueMakesCallersWaitAndBoundsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, callers = 10_000, 4
		f := newMemoryFile()
		w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: limit})
		tag := strings.Repeat("t", 200)
		require.NoError(t, w.Scalar(tag, 1, 0)) // with its metadata
		require.NoError(t, w.Flush())
		before := len(f.contents())
		require.NoError(t, w.Scalar(tag, 1, 1))
		require.NoError(t, w.Flush())
		size := len(f.contents()) - before // of one event
		before += size

		release := f.hold()
		var group sync.WaitGroup
		defer group.Wait()
		defer release()
		var mu sync.Mutex
		accepted := 0
		for range callers {
			group.Go(func() {
				for range 500 {
					if err := w.Scalar(tag, 1, 1); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					accepted++
					mu.Unlock()
				}
			})
		}
		synctest.Wait() // everybody waits for the file
		queued := accepted*size - f.pendingWrite()
		require.LessOrEqual(t, queued, limit+size)
		require.Greater(t, queued, limit-size, "callers wait too soon")
		require.LessOrEqual(t, f.pendingWrite(), limit+size)

		release()
		group.Wait()
		require.NoError(t, w.Flush())
		require.Equal(t, 500*callers*size, len(f.contents())-before)
	})
}

func TestAnEventLargerThanTheQueueIsWritten(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: 1})
	values := make([]float64, 0, 2000)
	for i := range 2000 {
		values = append(values, float64(i)*1e6-1e9)
	}
	for step := range int64(20) {
		require.NoError(t, w.Histogram("h", values, step))
		require.NoError(t, w.Scalar("s", 1, step))
	}
	require.NoError(t, w.Close())
	require.Len(t, withoutVersion(t, decode(t, f.contents())), 40)
}

func TestEventsAreInTheOrderOfTheCalls(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{MaxQueueBytes: 500}) // many small writes
	for step := range int64(5000) {
		require.NoError(t, w.Scalar("loss", 1, step))
		if step%777 == 0 {
			require.NoError(t, w.Flush())
		}
	}
	require.NoError(t, w.Close())
	for i, e := range withoutVersion(t, decode(t, f.contents())) {
		require.Equal(t, int64(i), e.GetStep())
	}
}

func TestAMillionEventsOfManyGoroutinesArriveOnceAndInOrder(t *testing.T) {
	goroutines, each := 8, 1<<17
	if testing.Short() {
		each = 1 << 10
	}
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			tag := fmt.Sprintf("loss/%d", g)
			for step := range each {
				if err := w.Scalar(tag, float64(g), int64(step)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, w.Close())

	file, err := os.Open(onlyFile(t, dir))
	require.NoError(t, err)
	defer file.Close()
	next := make(map[string]int64)
	event := new(eventpb.Event)
	for records := tfrecord.NewReader(file); ; {
		payload, err := records.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		require.NoError(t, proto.Unmarshal(payload, event))
		for _, v := range event.GetSummary().GetValue() {
			if next[v.GetTag()] != event.GetStep() {
				require.Equal(t, next[v.GetTag()], event.GetStep(), v.GetTag())
			}
			next[v.GetTag()]++
		}
	}
	require.Len(t, next, goroutines)
	for tag, n := range next {
		require.EqualValues(t, each, n, tag)
	}
}

func TestEveryMethodMayBeCalledByManyGoroutines(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: time.Microsecond, MaxQueueBytes: 2000})
	call := []func(step int64) error{
		func(step int64) error { return w.Scalar("s", 1, step) },
		func(step int64) error { return w.Histogram("h", []float32{1, 2}, step) },
		func(step int64) error { return w.Add(step, summary.ScalarValue("a", 1), summary.ScalarValue("b", 2)) },
		func(int64) error { return w.Flush() },
		func(int64) error { return w.Sync() },
		func(int64) error { return w.Reopen() },
	}
	var group sync.WaitGroup
	for _, do := range call {
		for range 2 {
			group.Go(func() {
				for step := range int64(300) {
					if err := do(step); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	group.Wait()
	require.NoError(t, w.Close())
	events := withoutVersion(t, decode(t, f.contents()))
	require.Len(t, events, 3*2*300)
	require.ElementsMatch(t, []string{"s", "h", "a", "b"}, described(events))
}
