package eventlog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog"
)

// A followedDir is a directory that a goroutine follows, in a bubble where
// time passes when everyone waits.
type followedDir struct {
	t    *testing.T
	path string
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex
	said []string
}

// follow calls script with a directory that is being followed.
func follow(t *testing.T, config eventlog.FollowConfig, script func(d *followedDir)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logs")
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		d := &followedDir{t: t, path: path, stop: stop, done: make(chan struct{})}
		go func() {
			defer close(d.done)
			for e, err := range eventlog.Follow(ctx, path, config) {
				d.say(strings.ReplaceAll(line(e, err), path+string(filepath.Separator), ""))
			}
		}()
		script(d)
		stop()
		<-d.done
	})
}

func (d *followedDir) say(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = append(d.said, line)
}

// heard waits for two looks and returns what was said since the last call.
func (d *followedDir) heard() []string {
	time.Sleep(2500 * time.Millisecond)
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	said := append([]string{}, d.said...)
	d.said = nil
	return said
}

func (d *followedDir) expect(want ...string) {
	d.t.Helper()
	require.Equal(d.t, append([]string{}, want...), d.heard())
}

func line(e *eventlog.Event, err error) string {
	if err != nil {
		return err.Error()
	}
	if e.What != eventlog.Summary {
		return fmt.Sprintf("%s: %v@%d", e.Run, e.What, e.Step)
	}
	line := fmt.Sprintf("%s: %d", e.Run, e.Step)
	for v, err := range e.Values() {
		if err != nil {
			return err.Error()
		}
		x, err := v.Scalar()
		if err != nil {
			return err.Error()
		}
		line += fmt.Sprintf(" %s=%v", v.Tag, x)
	}
	return line
}

// append writes bytes behind those of a file, which it makes.
func (d *followedDir) append(run, name string, b []byte) {
	d.t.Helper()
	dir := filepath.Join(d.path, run)
	require.NoError(d.t, os.MkdirAll(dir, 0o777))
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	require.NoError(d.t, err)
	_, err = f.Write(b)
	require.NoError(d.t, err)
	require.NoError(d.t, f.Close())
}

func TestFollowGoesOnWithWhatIsWritten(t *testing.T) {
	follow(t, eventlog.FollowConfig{}, func(d *followedDir) {
		d.expect() // The directory does not exist yet.
		first := losses(t, 0, 1, 0.5)
		d.append("a", firstName, first)
		d.expect("a: 0 loss=0.5", "a: 1 loss=1.5")

		// Half a record is waited for.
		more := losses(t, 2, 3, 0.5)
		for _, piece := range [][]byte{more[:7], more[7:20], more[20:]} {
			d.expect()
			d.append("a", firstName, piece)
		}
		d.expect("a: 2 loss=2.5", "a: 3 loss=3.5")

		// Another file of the run, with a restart, and another run.
		d.append("a", secondName, slices.Concat(startAt(t, 2), losses(t, 2, 2, 0)))
		d.append("b/c", firstName, losses(t, 9, 9, 0))
		d.expect("a: session_log@2", "a: 2 loss=2", "b/c: 9 loss=9")

		// The older file is not given up.
		d.append("a", firstName, losses(t, 4, 4, 0))
		d.append("a", secondName, losses(t, 3, 3, 0))
		d.expect("a: 4 loss=4", "a: 3 loss=3")
	})
}

func TestFollowOfOneFile(t *testing.T) {
	follow(t, eventlog.FollowConfig{}, func(d *followedDir) {
		d.path = filepath.Dir(d.path)
		d.append(".", "logs", losses(t, 0, 0, 0))
		d.expect(".: 0 loss=0")
		d.append(".", "logs", losses(t, 1, 1, 0))
		d.expect(".: 1 loss=1")
	})
}

func TestFollowedFileThatIsDamagedIsGivenUpAndNoOther(t *testing.T) {
	follow(t, eventlog.FollowConfig{}, func(d *followedDir) {
		bad := losses(t, 0, 2, 0)
		bad[len(losses(t, 0, 1, 0))-1] ^= 1 // The checksum of the second record.
		d.append("a", firstName, bad)
		d.append("b", firstName, losses(t, 0, 0, 0))
		said := d.heard()
		require.Len(d.t, said, 3)
		require.Equal(d.t, "a: 0 loss=0", said[0])
		require.Contains(d.t, said[1], fmt.Sprintf("%s: record at offset %d: corrupt: payload checksum", filepath.Join("a", firstName), len(losses(t, 0, 0, 0))))
		require.Equal(d.t, "b: 0 loss=0", said[2])

		d.append("a", firstName, losses(t, 3, 3, 0))
		d.append("b", firstName, losses(t, 1, 1, 0))
		d.append("a", secondName, losses(t, 4, 4, 0))
		d.expect("a: 4 loss=4", "b: 1 loss=1")
	})
}

func TestFollowedFileThatIsNoEventFileIsGivenUp(t *testing.T) {
	follow(t, eventlog.FollowConfig{}, func(d *followedDir) {
		d.append("a", firstName, tfrecord.Append(losses(t, 0, 0, 0), []byte("no event")))
		d.append("a", firstName, losses(t, 1, 1, 0))
		d.expect("a: 0 loss=0", fmt.Sprintf("eventlog: %s: record at offset %d: malformed: no Event",
			filepath.Join("a", firstName), len(losses(t, 0, 0, 0))))
		d.expect()
	})
}

func TestFollowedFileThatShrinksIsGivenUp(t *testing.T) {
	follow(t, eventlog.FollowConfig{}, func(d *followedDir) {
		d.append("a", firstName, losses(t, 0, 1, 0))
		d.expect("a: 0 loss=0", "a: 1 loss=1")
		require.NoError(t, os.Truncate(filepath.Join(d.path, "a", firstName), 3))
		size := len(losses(t, 0, 1, 0))
		d.expect(fmt.Sprintf("eventlog: %s: record at offset %d: corrupt: the file is down to 3 bytes", filepath.Join("a", firstName), size))
		d.append("a", firstName, losses(t, 0, 5, 0))
		d.expect()
	})
}

func TestFollowedFileThatIsRemovedIsForgiven(t *testing.T) {
	follow(t, eventlog.FollowConfig{}, func(d *followedDir) {
		d.append("a", firstName, losses(t, 0, 0, 0))
		d.append("b", firstName, losses(t, 0, 0, 0))
		d.expect("a: 0 loss=0", "b: 0 loss=0")
		require.NoError(t, os.RemoveAll(filepath.Join(d.path, "a")))
		d.append("b", firstName, losses(t, 1, 1, 0))
		d.expect("b: 1 loss=1")
	})
}

func TestFollowFilters(t *testing.T) {
	asked := make(map[string]int)
	follow(t, eventlog.FollowConfig{Filter: eventlog.Filter{
		Run:  func(run string) bool { asked[run]++; return run == "b" },
		Tag:  func(tag string) bool { return tag == "loss" },
		Step: func(step int64) bool { return step > 1 },
	}}, func(d *followedDir) {
		for _, run := range []string{"a", "b"} {
			d.append(run, firstName, losses(t, 0, 2, 0))
			d.append(run, firstName, at(t, 5, simple("acc", 1)))
		}
		d.expect("b: 2 loss=2", "b: 5")
		d.append("b", firstName, losses(t, 6, 6, 0))
		d.expect("b: 6 loss=6")
		require.Equal(t, map[string]int{"a": 1, "b": 1}, asked)
	})
}

// An error that lasts is told once.
func TestFollowTellsAnErrorOnce(t *testing.T) {
	follow(t, eventlog.FollowConfig{}, func(d *followedDir) {
		require.NoError(t, os.MkdirAll(filepath.Join(d.path, "a"), 0o777))
		require.NoError(t, os.Symlink("loop", filepath.Join(d.path, "a", "loop")))
		d.append("a", firstName, losses(t, 0, 0, 0))
		d.expect("stat "+filepath.Join("a", "loop")+": too many levels of symbolic links", "a: 0 loss=0")
		d.append("a", firstName, losses(t, 1, 1, 0))
		d.expect("a: 1 loss=1")
	})
}

func TestFollowEndsWithItsContextAndWithItsReader(t *testing.T) {
	follow(t, eventlog.FollowConfig{Interval: time.Hour}, func(d *followedDir) {
		time.Sleep(time.Minute)
		began := time.Now()
		d.stop()
		<-d.done
		require.Zero(t, time.Since(began))
		require.Empty(t, d.heard())
	})
	path := writeFile(t, t.TempDir(), ".", firstName, losses(t, 0, 9, 0))
	n := 0
	for range eventlog.Follow(t.Context(), path, eventlog.FollowConfig{}) {
		if n++; n == 3 {
			break
		}
	}
	for _, err := range eventlog.Follow(t.Context(), path, eventlog.FollowConfig{Interval: -1}) {
		require.EqualError(t, err, "eventlog: Interval is -1ns, want 0 or more")
	}
}
