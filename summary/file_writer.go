package summary

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// ErrClosed is returned by every use of a closed writer. It wraps fs.ErrClosed.
var ErrClosed = fmt.Errorf("summary: writer: %w", fs.ErrClosed)

// ErrQueueFull is returned with [QueueFail] for an event for which there is no
// room in the queue.
var ErrQueueFull = errors.New("summary: the queue is full")

// A FileWriter writes events to a new event file in a directory: it is a [Sink],
// and its [Writer] has the methods for what it writes (Scalar, Image, AddGraph …).
// Any number of goroutines may use it.
//
// What is added is encoded and buffered at once, so that the arguments may be
// changed after the call, and written by a goroutine. An error of the file
// system is returned by that and every later call, whichever comes first;
// nothing is lost without one. Invalid values are refused with an error, and
// nothing of their event is written; the writer goes on.
//
// That is the zero config. A job that logging must never stop has QueueDrop and
// ErrorHeal, and looks at Stats.
//
// Flush hands everything to the operating system, Sync to the disk. Close
// writes everything that was added before it; it may be called again and
// returns the same. After it, calls return [ErrClosed] until Reopen.
type FileWriter struct {
	Writer

	logdir  string
	config  FileWriterConfig
	resumed ResumePoint // with its step
	create  func(logdir, suffix string, now time.Time) (f file, older bool, err error)

	current atomic.Pointer[stream]

	reopening sync.Mutex // held by Reopen, which changes current
	projector sync.Mutex // held by Embedding, which changes files

	mu       sync.Mutex // guards what follows
	sessions int        // monitored sessions that write here, counted by their hooks
}

var _ SessionSink = (*FileWriter)(nil)

// NewFileWriter makes the directory, if need be, and in it a new event file.
func NewFileWriter(logdir string, config FileWriterConfig) (*FileWriter, error) {
	return newFileWriter(logdir, config, createOnDisk)
}

func newFileWriter(logdir string, config FileWriterConfig, create func(string, string, time.Time) (file, bool, error)) (*FileWriter, error) {
	if logdir == "" {
		return nil, errors.New("summary: NewFileWriter: logdir is empty")
	}
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	resumed, err := config.Resume.find(logdir)
	if err != nil {
		return nil, fmt.Errorf("summary: resuming in %s: %w", logdir, err)
	}
	w := &FileWriter{logdir: logdir, config: config, resumed: resumed, create: create}
	w.Writer = writerTo(w)
	if err := w.open(start{}); err != nil {
		return nil, err
	}
	if err := w.resume(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func createOnDisk(logdir, suffix string, now time.Time) (file, bool, error) {
	f, older, err := createEventFile(logdir, suffix, now)
	if err != nil {
		return nil, false, err // a nil *os.File is no nil file
	}
	return f, older, nil
}

// open begins a file and the stream that writes to it, after the one before, if
// there is one.
func (w *FileWriter) open(coming start) error {
	o := &output{create: func(now time.Time) (file, bool, error) {
		return w.create(w.logdir, w.config.FilenameSuffix, now)
	}}
	var before Stats
	if last := w.current.Load(); last != nil {
		before = last.stats()
		o.after = secondAfter(before.File)
	}
	if err := o.open(); err != nil {
		return err
	}
	w.current.Store(newStream(o, coming, w.config, before))
	return nil
}

// GetLogdir returns the directory that the writer was made with.
func (w *FileWriter) GetLogdir() string { return w.logdir }

// AddValues implements [Sink].
func (w *FileWriter) AddValues(wallTime time.Time, step int64, values []Value) error {
	return w.current.Load().addValues(wallTime, step, values)
}

func (w *FileWriter) addScalar(wallTime time.Time, step int64, tag string, value float32) error {
	return w.current.Load().addScalar(wallTime, step, tag, value)
}

// AddEvent writes an event as it is, wall time included.
func (w *FileWriter) AddEvent(event *eventpb.Event) error {
	if event == nil {
		return errors.New("summary: AddEvent: the event is nil")
	}
	payload, err := proto.Marshal(event)
	if err != nil {
		return fmt.Errorf("summary: event at step %d: %w", event.GetStep(), err)
	}
	return w.current.Load().addRecord(payload)
}

// Flush returns when everything added before it was handed to the operating
// system.
func (w *FileWriter) Flush() error { return w.current.Load().flush(false) }

// Sync returns when everything added before it is on disk.
func (w *FileWriter) Sync() error { return w.current.Load().flush(true) }

// Stats returns what the writer has done so far. It may be called at any time,
// after Close, too.
func (w *FileWriter) Stats() Stats { return w.current.Load().stats() }

// Close writes what was added and closes the file.
func (w *FileWriter) Close() error { return w.current.Load().close() }

// Reopen begins a new event file, which sorts after the one before, if the
// writer is closed; otherwise it does nothing.
func (w *FileWriter) Reopen() error {
	w.reopening.Lock()
	defer w.reopening.Unlock()
	old := w.current.Load()
	if !old.closed() {
		return nil
	}
	old.wait() // a reader that sees the new file does not go back to the old
	coming := old.expect(start{})
	if err := w.open(coming); err != nil {
		old.expect(coming)
		return err
	}
	return nil
}

// BeginSession implements [SessionSink].
func (w *FileWriter) BeginSession() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.current.Load()
	if e.closed() {
		return ErrClosed
	}
	if w.sessions++; w.sessions == 1 {
		e.expect(start{wanted: true})
	}
	return nil
}

// EndSession implements [SessionSink].
func (w *FileWriter) EndSession() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sessions--; w.sessions == 0 {
		w.current.Load().expect(start{}) // it may never have run
	}
}

// SessionAt implements [SessionSink]. It looks into the event files that are
// there for what the session overtakes.
func (w *FileWriter) SessionAt(step int64) {
	e := w.current.Load()
	if !e.expects(step) || e.flush(false) != nil { // an error comes up again
		return
	}
	overtaken, err := overtakenIn(w.logdir, step)
	e.expectAt(step, overtaken, err)
}

// StartSession implements [SessionSink].
func (w *FileWriter) StartSession(step int64) error {
	return w.current.Load().startSession(time.Now(), step)
}
