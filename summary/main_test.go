package summary_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var errBroken = errors.New("broken")

// openWriter returns a writer that is closed at the end of the test.
func openWriter(t testing.TB, dir string, config summary.FileWriterConfig) *summary.FileWriter {
	t.Helper()
	w, err := summary.NewFileWriter(dir, config)
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

// eventFiles returns the paths of the files in dir in the order in which readers
// take them.
func eventFiles(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir) // sorted by name
	require.NoError(t, err)
	paths := make([]string, len(entries))
	for i, e := range entries {
		paths[i] = filepath.Join(dir, e.Name())
	}
	return paths
}

// onlyFile returns the path of the one file in dir.
func onlyFile(t testing.TB, dir string) string {
	t.Helper()
	paths := eventFiles(t, dir)
	require.Len(t, paths, 1)
	return paths[0]
}

// payloads returns the records of a stream that ends at a record boundary.
func payloads(t testing.TB, stream io.Reader) [][]byte {
	t.Helper()
	var all [][]byte
	r := tfrecord.NewReader(stream)
	for {
		p, err := r.Next()
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		all = append(all, bytes.Clone(p))
	}
}

// decode returns the events of a file's bytes, the version event included.
func decode(t testing.TB, file []byte) []*eventpb.Event {
	t.Helper()
	var events []*eventpb.Event
	for _, p := range payloads(t, bytes.NewReader(file)) {
		e := new(eventpb.Event)
		require.NoError(t, proto.Unmarshal(p, e))
		events = append(events, e)
	}
	return events
}

// readEvents returns the events of a file but the first, which has to be the
// version.
func readEvents(t testing.TB, path string) []*eventpb.Event {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return withoutVersion(t, decode(t, b))
}

func withoutVersion(t testing.TB, events []*eventpb.Event) []*eventpb.Event {
	t.Helper()
	require.NotEmpty(t, events)
	require.Equal(t, "brain.Event:2", events[0].GetFileVersion())
	return events[1:]
}

// lines tells of each event what it says: "START@1", "5: loss=0.25 acc=1".
func lines(events []*eventpb.Event) []string {
	said := []string{}
	for _, e := range events {
		if log := e.GetSessionLog(); log != nil {
			said = append(said, fmt.Sprintf("%v@%d", log.GetStatus(), e.GetStep()))
			continue
		}
		line := fmt.Sprintf("%d:", e.GetStep())
		for _, v := range e.GetSummary().GetValue() {
			line += " " + v.GetTag()
			if _, ok := v.GetValue().(*eventpb.Summary_Value_SimpleValue); ok {
				line += fmt.Sprintf("=%v", v.GetSimpleValue())
			}
		}
		said = append(said, line)
	}
	return said
}

// described returns the tags whose values have metadata, in the order of the
// file, a tag as often as it has.
func described(events []*eventpb.Event) []string {
	var tags []string
	for _, e := range events {
		for _, v := range e.GetSummary().GetValue() {
			if v.GetMetadata() != nil {
				tags = append(tags, v.GetTag())
			}
		}
	}
	return tags
}

// A memoryFile is an event file with the faults that a disk can have.
type memoryFile struct {
	mu       sync.Mutex
	data     []byte
	durable  int              // bytes that Sync has made sure of
	capacity int              // how much fits on the disk; -1: everything
	faults   map[string]error // by operation: Write, Sync, Truncate, Close
	gate     chan struct{}    // if not nil, Write waits until it is closed
	writing  int              // bytes of the Write in progress
	calls    []string
}

var _ summary.File = (*memoryFile)(nil)

func newMemoryFile() *memoryFile {
	return &memoryFile{capacity: -1, faults: make(map[string]error)}
}

// openOn returns a writer of f, which is closed at the end of the test.
func openOn(t testing.TB, f *memoryFile, config summary.FileWriterConfig) *summary.FileWriter {
	t.Helper()
	w, err := summary.NewFileWriterOn(config, func() (summary.File, error) { return f, nil })
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

func (f *memoryFile) enter(call string) error {
	f.calls = append(f.calls, call)
	if err := f.faults[call]; err != nil {
		return fmt.Errorf("%s %s: %w", strings.ToLower(call), memoryName, err)
	}
	return nil
}

const memoryName = "events.out.tfevents.memory"

func (f *memoryFile) Name() string { return memoryName }

func (f *memoryFile) Exists() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults["Exists"]
}

func (f *memoryFile) Remove() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.enter("Remove")
}

func (f *memoryFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	gate := f.gate
	f.writing = len(p)
	f.mu.Unlock()
	if gate != nil {
		<-gate
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writing = 0
	if err := f.enter("Write"); err != nil {
		return 0, err
	}
	n := len(p)
	if f.capacity >= 0 {
		n = min(n, f.capacity-len(f.data))
	}
	f.data = append(f.data, p[:n]...)
	if n < len(p) {
		return n, fmt.Errorf("write %s: %w", memoryName, syscall.ENOSPC)
	}
	return n, nil
}

func (f *memoryFile) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Sync"); err != nil {
		return err
	}
	f.durable = len(f.data)
	return nil
}

func (f *memoryFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Truncate"); err != nil {
		return err
	}
	f.data = f.data[:size]
	return nil
}

func (f *memoryFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.enter("Close")
}

// set changes the disk under the lock.
func (f *memoryFile) set(change func(f *memoryFile)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// hold makes every Write wait for release.
func (f *memoryFile) hold() (release func()) {
	gate := make(chan struct{})
	f.set(func(f *memoryFile) { f.gate = gate })
	return sync.OnceFunc(func() {
		f.set(func(f *memoryFile) { f.gate = nil })
		close(gate)
	})
}

// contents returns a copy of what is in the file.
func (f *memoryFile) contents() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Clone(f.data)
}

// afterCrash returns what is left when the machine loses its power.
func (f *memoryFile) afterCrash() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Clone(f.data[:f.durable])
}

func (f *memoryFile) pendingWrite() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writing
}
