package summary_test

import (
	"bytes"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// A memoryDisk makes memory files, one after the other.
type memoryDisk struct {
	t      testing.TB
	mu     sync.Mutex
	all    []*memoryFile // those that were removed, too
	full   bool          // what is made has no room for anything
	broken error         // of making a file, if not nil
}

// openOnDisk returns a writer on a disk of its own, which is closed at the end of
// the test.
func openOnDisk(t testing.TB, config summary.FileWriterConfig) (*summary.FileWriter, *memoryDisk) {
	t.Helper()
	d := &memoryDisk{t: t}
	w, err := summary.NewFileWriterOn(config, d.create)
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w, d
}

// create makes a file. Readers do not go back to the one before, and a later Sync
// does not reach it: it has to be whole, closed and on disk.
func (d *memoryDisk) create() (summary.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return nil, d.broken
	}
	if n := len(d.all); n > 0 {
		d.all[n-1].set(func(f *memoryFile) {
			assert.True(d.t, slices.Contains(f.calls, "Close"), "there is a next file, and the one before is open: %v", f.calls)
		})
	}
	f := newMemoryFile()
	if d.full {
		f.capacity = 0
	}
	d.all = append(d.all, f)
	return f, nil
}

// fill leaves so many bytes on the disk.
func (d *memoryDisk) fill(room int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = true
	d.all[len(d.all)-1].set(func(f *memoryFile) { f.capacity = len(f.data) + room })
}

// free makes room again.
func (d *memoryDisk) free() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full, d.broken = false, nil
	for _, f := range d.all {
		f.set(func(f *memoryFile) { f.capacity = -1 })
	}
}

// file returns the i-th file.
func (d *memoryDisk) file(i int) *memoryFile {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[i]
}

// files returns the files that were not removed.
func (d *memoryDisk) files() []*memoryFile {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(d.all), func(f *memoryFile) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Contains(f.calls, "Remove")
	})
}

// events returns the events of the files that are there, each without its version.
func (d *memoryDisk) events() [][]*eventpb.Event {
	var all [][]*eventpb.Event
	for _, f := range d.files() {
		all = append(all, withoutVersion(d.t, decode(d.t, f.contents())))
	}
	return all
}

// lines returns what the events say, a slice a file.
func (d *memoryDisk) lines() [][]string {
	var all [][]string
	for _, events := range d.events() {
		all = append(all, lines(events))
	}
	return all
}

var errNoSpace = syscall.ENOSPC

// vanish makes the file one that somebody has removed.
func (d *memoryDisk) vanish(i int) {
	d.file(i).set(func(f *memoryFile) { f.faults["Exists"] = errBroken })
}

// steps returns the steps of all events in the order of the files.
func (d *memoryDisk) steps() []int64 {
	var steps []int64
	for _, events := range d.events() {
		for _, e := range events {
			steps = append(steps, e.GetStep())
		}
	}
	return steps
}

// requireTornNowhere shows that the files hold whole records only.
func requireTornNowhere(t testing.TB, d *memoryDisk) {
	t.Helper()
	for _, f := range d.files() {
		payloads(t, bytes.NewReader(f.contents()))
	}
}
