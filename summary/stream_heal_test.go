package summary_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func TestARemovedFileIsFollowedByANewOne(t *testing.T) {
	for name, remove := range map[string]func(path string) error{
		"the file":      os.Remove,
		"the directory": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
		"replaced": func(path string) error {
			return os.Rename(path, filepath.Join(filepath.Dir(path), "moved"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			var told []error
			w := openWriter(t, dir, summary.FileWriterConfig{
				FlushSecs: summary.Off, WhenBroken: summary.ErrorHeal,
				OnError: func(err error) { told = append(told, err) },
			})
			require.NoError(t, w.Scalar("loss", 1, 1))
			require.NoError(t, w.Flush())
			first := onlyFile(t, dir)
			require.NoError(t, remove(first))
			require.NoError(t, w.Scalar("loss", 1, 2))
			require.NoError(t, w.Scalar("acc", 1, 2))
			require.NoError(t, w.Flush())
			require.NoError(t, w.Scalar("loss", 1, 3))
			require.NoError(t, w.Scalar("new", 1, 3))
			require.NoError(t, w.Close())

			second := w.Stats().File
			require.Greater(t, second, first)
			events := readEvents(t, second)
			require.Equal(t, []string{"2: loss=1", "2: acc=1", "3: loss=1", "3: new=1"}, lines(events))
			require.Equal(t, []string{"loss", "acc", "new"}, described(events))
			require.Len(t, told, 1)
			require.ErrorContains(t, told[0], first)
			stats := w.Stats()
			require.Equal(t, told[0], stats.LastError)
			require.EqualValues(t, 1, stats.Errors)
			require.EqualValues(t, 2, stats.Files)
			require.Zero(t, stats.Lost)
		})
	}
}

func TestADiskThatIsFullAndFreeAgainHasEverythingOnce(t *testing.T) {
	const events = 12
	for room := range 200 { // the disk is full anywhere in the fourth to seventh event
		synctest.Test(t, func(t *testing.T) {
			w, disk := openOnDisk(t, summary.FileWriterConfig{FlushSecs: summary.Off, WhenBroken: summary.ErrorHeal})
			add := func(from, to int64) {
				for step := from; step < to; step++ {
					require.NoError(t, w.Scalar(fmt.Sprint("tag", step%5), 1, step))
				}
			}
			add(0, 4)
			require.NoError(t, w.Flush())
			disk.fill(room)
			add(4, 8)
			err := w.Flush()
			if err != nil {
				require.ErrorIs(t, err, errNoSpace)
				add(8, 9)
				require.ErrorIs(t, w.Flush(), errNoSpace)
				add(9, 10)
				disk.free()
				add(10, events)
			} else {
				add(8, events)
				disk.free()
			}
			require.NoError(t, w.Close())
			requireTornNowhere(t, disk)
			var want []int64
			for step := range int64(events) {
				want = append(want, step)
			}
			require.Equal(t, want, disk.steps(), "room %d", room)
			for _, events := range disk.events() {
				seen := make(map[string]bool)
				for _, e := range events {
					v := e.GetSummary().GetValue()[0]
					require.Equal(t, !seen[v.GetTag()], v.GetMetadata() != nil, "tag %s", v.GetTag())
					seen[v.GetTag()] = true
				}
			}
			require.LessOrEqual(t, len(disk.files()), 2, "what cannot be begun is removed")
			stats := w.Stats()
			require.Zero(t, stats.Lost)
			require.EqualValues(t, events, stats.Events)
		})
	}
}

func TestABrokenFileIsTriedAgainLaterAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []time.Duration
		began := time.Now()
		w, disk := openOnDisk(t, summary.FileWriterConfig{
			FlushSecs: summary.Off, FlushEvents: 1, WhenBroken: summary.ErrorHeal,
			OnError: func(error) { told = append(told, time.Since(began)) },
		})
		break1 := func() {
			disk.mu.Lock()
			disk.broken = errBroken
			disk.mu.Unlock()
			disk.vanish(len(disk.files()) - 1)
		}
		break1()
		require.NoError(t, w.Scalar("loss", 1, 1))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		second := time.Second
		require.Equal(t, []time.Duration{
			0, 0, 1 * second, 3 * second, 7 * second, 15 * second, 31 * second, 63 * second,
			123 * second, 183 * second, 243 * second,
		}, told, "the file, and those that should have followed")

		disk.free()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.EqualValues(t, 2, w.Stats().Files)
		told = nil
		began = time.Now()
		break1() // the pauses begin anew
		require.NoError(t, w.Scalar("loss", 1, 2))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, []time.Duration{0, 0, second}, told)
		disk.free()
		require.NoError(t, w.Close())
	})
}

func TestNobodyWaitsForABrokenFile(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy summary.QueuePolicy
		want   error
	}{
		{"block", summary.QueueBlock, errNoSpace},
		{"drop", summary.QueueDrop, nil},
		{"fail", summary.QueueFail, summary.ErrQueueFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, disk := openOnDisk(t, summary.FileWriterConfig{
					FlushSecs: summary.Off, MaxQueueBytes: 1000, WhenFull: c.policy, WhenBroken: summary.ErrorHeal,
				})
				disk.fill(0)
				for i := range int64(100) {
					err := w.Scalar("loss", 1, i)
					synctest.Wait()
					if stats := w.Stats(); stats.Dropped > 0 {
						require.ErrorIs(t, err, c.want)
						break
					}
					require.NoError(t, err)
				}
				stats := w.Stats()
				require.EqualValues(t, 1, stats.Dropped)
				require.Equal(t, stats.Events, stats.QueueEvents)
				require.Less(t, stats.QueueBytes, 1100)

				disk.free()
				require.NoError(t, w.Flush())
				require.NoError(t, w.Scalar("loss", 1, 1000))
				require.NoError(t, w.Close())
				require.Len(t, disk.steps(), int(stats.Events)+1)
				require.Zero(t, w.Stats().Lost)
			})
		})
	}
}

func TestCallersThatWaitAreReleasedWhenTheFileBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, disk := openOnDisk(t, summary.FileWriterConfig{FlushSecs: summary.Off, MaxQueueBytes: 300, WhenBroken: summary.ErrorHeal})
		release, errs, group := blockedCallers(t, disk.file(0), w)
		disk.fill(0)
		release()
		group.Wait()
		require.Len(t, *errs, 2)
		require.ErrorIs(t, (*errs)[0], errNoSpace)
		disk.free()
		require.NoError(t, w.Close())
		require.Len(t, disk.steps(), int(w.Stats().Events))
	})
}

func TestWhatCloseCannotWriteIsCountedAsLost(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{FlushSecs: summary.Off, WhenBroken: summary.ErrorHeal, Rotate: summary.Rotate{Events: 3}})
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, w.Flush())
	disk.fill(50) // for one more
	for step := range int64(4) {
		require.NoError(t, w.Scalar("loss", 1, step+2))
	}
	for range 2 {
		require.ErrorIs(t, w.Close(), errNoSpace)
	}
	require.Equal(t, []int64{1, 2}, disk.steps())
	stats := w.Stats()
	require.EqualValues(t, 3, stats.Lost)
	require.EqualValues(t, 5, stats.Events)
	require.Zero(t, stats.QueueEvents)
}

func TestASyncThatFailsSaysWhatMayBeLost(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{FlushSecs: summary.Off, WhenBroken: summary.ErrorHeal})
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, w.Sync())
	disk.file(0).set(func(f *memoryFile) { f.faults["Sync"] = errBroken })
	require.NoError(t, w.Scalar("loss", 1, 2))
	require.ErrorIs(t, w.Sync(), errBroken)
	require.EqualValues(t, 1, w.Stats().Lost, "it may be on disk, or not")
	require.NoError(t, w.Scalar("loss", 1, 3))
	require.NoError(t, w.Sync(), "to a new file")
	require.ErrorIs(t, w.Close(), errBroken, "something may be lost")
	require.Len(t, disk.files(), 2)
	require.Equal(t, disk.file(1).contents(), disk.file(1).afterCrash())
}

func TestRotationAndHealingTogether(t *testing.T) {
	w, disk := openOnDisk(t, summary.FileWriterConfig{FlushSecs: summary.Off, WhenBroken: summary.ErrorHeal, Rotate: summary.Rotate{Events: 3}})
	disk.fill(60) // for one event
	for step := range int64(8) {
		require.NoError(t, w.Scalar("loss", 1, step))
	}
	require.ErrorIs(t, w.Flush(), errNoSpace)
	disk.free()
	for step := range int64(3) {
		require.NoError(t, w.Scalar("loss", 1, step+8))
	}
	require.NoError(t, w.Close())
	require.Equal(t, [][]string{
		{"0: loss=1"}, {"1: loss=1", "2: loss=1"}, // what was to be one file
		{"3: loss=1", "4: loss=1", "5: loss=1"},
		{"6: loss=1", "7: loss=1", "8: loss=1"},
		{"9: loss=1", "10: loss=1"},
	}, disk.lines())
	for _, events := range disk.events() {
		require.Equal(t, []string{"loss"}, described(events))
	}
}

// Disks fill up, and directories cannot be written, at random; nothing that a call
// has accepted comes twice, out of order, or is lost without being counted.
func TestHealingAtRandom(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			config := summary.FileWriterConfig{
				FlushSecs: time.Second, MaxQueueBytes: 300 + rnd.IntN(2000), WhenFull: summary.QueuePolicy(rnd.IntN(3)),
				WhenBroken: summary.ErrorHeal, Sync: summary.SyncPolicy(rnd.IntN(3)),
			}
			if rnd.IntN(2) == 0 {
				config.Rotate = summary.Rotate{Events: int64(1 + rnd.IntN(9)), Every: time.Minute}
			}
			w, disk := openOnDisk(t, config)
			for i := range int64(200) {
				switch rnd.IntN(20) {
				case 0:
					disk.fill(rnd.IntN(300))
				case 1:
					disk.mu.Lock()
					disk.broken = errBroken
					disk.mu.Unlock()
				case 2, 3:
					disk.free()
				case 4:
					time.Sleep(time.Duration(rnd.IntN(70)) * time.Second)
				case 5:
					w.Flush() // an error is that of the disk
				case 6:
					w.Sync()
				default:
					w.Scalar(fmt.Sprint("tag", rnd.IntN(3)), 1, i)
				}
			}
			if rnd.IntN(2) == 0 {
				disk.free()
			}
			err := w.Close()
			requireTornNowhere(t, disk)
			stats := w.Stats()
			steps := disk.steps()
			require.Equal(t, stats.Events, int64(len(steps))+stats.Lost, "seed %d", seed)
			require.Equal(t, stats.Lost > 0, err != nil, "seed %d: %v", seed, err)
			for i := range steps[min(1, len(steps)):] {
				require.Greater(t, steps[i+1], steps[i], "seed %d", seed)
			}
			for _, events := range disk.events() {
				seen := make(map[string]bool)
				for _, e := range events {
					v := e.GetSummary().GetValue()[0]
					require.Equal(t, !seen[v.GetTag()], v.GetMetadata() != nil, "seed %d tag %s", seed, v.GetTag())
					seen[v.GetTag()] = true
				}
			}
		})
	}
}

func TestOnErrorIsToldOnceAboutAnErrorThatSticks(t *testing.T) {
	var told []error
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{FlushSecs: summary.Off, OnError: func(err error) { told = append(told, err) }})
	f.set(func(f *memoryFile) { f.faults["Write"] = errBroken })
	require.NoError(t, w.Scalar("loss", 1, 1))
	require.NoError(t, w.Scalar("loss", 1, 2))
	err := w.Flush()
	require.ErrorIs(t, w.Scalar("loss", 1, 3), errBroken)
	require.Equal(t, err, w.Close())
	require.Equal(t, []error{err}, told)
	stats := w.Stats()
	require.EqualValues(t, 2, stats.Lost)
	require.EqualValues(t, 2, stats.Events)
	require.EqualValues(t, 1, stats.Errors)
	require.Equal(t, err, stats.LastError)
}

func TestOnErrorMayAskForStatsAndIsCalledOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *summary.FileWriter
		var at sync.Mutex
		calls := 0
		w, disk := openOnDisk(t, summary.FileWriterConfig{
			FlushSecs: summary.Off, WhenBroken: summary.ErrorHeal,
			OnError: func(err error) {
				assert.True(t, at.TryLock())
				defer at.Unlock()
				time.Sleep(time.Second)
				assert.Positive(t, w.Stats().Events)
				calls++
			},
		})
		disk.fill(0)
		require.NoError(t, w.Scalar("loss", 1, 1))
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() { assert.ErrorIs(t, w.Flush(), errNoSpace) })
		}
		group.Wait()
		require.GreaterOrEqual(t, calls, 2)
		disk.free()
		require.NoError(t, w.Close())
	})
}
