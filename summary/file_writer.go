package summary

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/eventpb"
)

// Off, as a period, means never.
const Off = session.Off

// ErrClosed is returned by every use of a closed writer. It wraps fs.ErrClosed.
var ErrClosed = fmt.Errorf("summary: writer: %w", fs.ErrClosed)

// FileWriterConfig describes a [FileWriter]. The zero value is ready for use.
type FileWriterConfig struct {
	// FlushSecs is how long what was added may stay in memory; a timer sees to
	// it. Off writes only when half the queue is full, on Flush and on Close.
	// Default 10 s (TensorFlow: 120, and only when the next event comes).
	FlushSecs time.Duration
	// MaxQueueBytes is how much may wait to be written. A caller that adds an
	// event to a full queue waits until it is written. There may be one such queue
	// more, which is being written. Default 1 MiB.
	MaxQueueBytes int
	// FilenameSuffix is put behind the names of the event files.
	FilenameSuffix string
}

func (c FileWriterConfig) resolve() (FileWriterConfig, error) {
	var errs []error
	if c.FlushSecs < 0 && c.FlushSecs != Off {
		errs = append(errs, fmt.Errorf("summary: FileWriterConfig.FlushSecs is %v, want a positive duration, 0 (10s) or Off", c.FlushSecs))
	}
	if c.FlushSecs == 0 {
		c.FlushSecs = 10 * time.Second
	}
	if c.MaxQueueBytes < 0 {
		errs = append(errs, fmt.Errorf("summary: FileWriterConfig.MaxQueueBytes is %d, want a positive number or 0 (1 MiB)", c.MaxQueueBytes))
	}
	if c.MaxQueueBytes == 0 {
		c.MaxQueueBytes = 1 << 20
	}
	if hasSeparator(c.FilenameSuffix) {
		errs = append(errs, fmt.Errorf("summary: FileWriterConfig.FilenameSuffix is %q, want no path separator in it", c.FilenameSuffix))
	}
	return c, errors.Join(errs...)
}

// A FileWriter writes events to a new event file in a directory. Any number of
// goroutines may use it.
//
// What is added is encoded and buffered at once, so that the arguments may be
// changed after the call, and written by a goroutine. An error of the file
// system is returned by that and every later call, whichever comes first;
// nothing is lost without one. Invalid values are refused with an error, and
// nothing of their event is written; the writer goes on.
//
// Flush hands everything to the operating system, Sync to the disk. Close
// writes everything that was added before it; it may be called again and
// returns the same. After it, calls return [ErrClosed] until Reopen.
type FileWriter struct {
	logdir string
	config FileWriterConfig
	create func(logdir, suffix string, now time.Time) (f file, older bool, err error)

	current atomic.Pointer[eventFile]

	reopening sync.Mutex // held by Reopen, which changes current

	mu       sync.Mutex // guards what follows
	sessions int        // monitored sessions that write here, counted by their hooks
}

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
	w := &FileWriter{logdir: logdir, config: config, create: create}
	if err := w.open(start{}); err != nil {
		return nil, err
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

func (w *FileWriter) open(coming start) error {
	f, older, err := w.create(w.logdir, w.config.FilenameSuffix, time.Now())
	if err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	e := newEventFile(f, older, coming, w.config)
	if err := e.flush(false); err != nil {
		e.close()
		return err
	}
	w.current.Store(e)
	return nil
}

// GetLogdir returns the directory that the writer was made with.
func (w *FileWriter) GetLogdir() string { return w.logdir }

// Add writes values as the summary of one event, at step, now. Without values
// it does nothing.
func (w *FileWriter) Add(step int64, values ...Value) error { return w.add(step, values) }

func (w *FileWriter) add(step int64, values []Value) error {
	if len(values) == 0 {
		return nil
	}
	return w.current.Load().addValues(time.Now(), step, values)
}

// AddSummary writes the values of a summary as one event, at step, now. As
// TensorFlow's does, it writes the metadata of a tag once in a file; s is not
// changed.
func (w *FileWriter) AddSummary(s *eventpb.Summary, step int64) error {
	values := make([]Value, len(s.GetValue()))
	for i, v := range s.GetValue() {
		var err error
		if values[i], err = valueOf(v); err != nil {
			return err
		}
	}
	return w.add(step, values)
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

// AddSessionLog writes a session log at step, now. A START makes readers drop
// what they have of this and later steps.
func (w *FileWriter) AddSessionLog(log *eventpb.SessionLog, step int64) error {
	if log == nil {
		return errors.New("summary: AddSessionLog: the session log is nil")
	}
	return w.AddEvent(&eventpb.Event{
		WallTime: wallTime(time.Now()),
		Step:     step,
		What:     &eventpb.Event_SessionLog{SessionLog: log},
	})
}

// Flush returns when everything added before it was handed to the operating
// system.
func (w *FileWriter) Flush() error { return w.current.Load().flush(false) }

// Sync returns when everything added before it is on disk.
func (w *FileWriter) Sync() error { return w.current.Load().flush(true) }

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

// beginSession says that a hook of a monitored session will write here. All
// hooks of a session say so before its first run, and endSession after its last.
// So the first of them makes the session, whose START comes before its first
// value; those after it belong to the same.
func (w *FileWriter) beginSession() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sessions++; w.sessions == 1 {
		w.current.Load().expect(start{wanted: true})
	}
}

func (w *FileWriter) endSession() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sessions--; w.sessions == 0 {
		w.current.Load().expect(start{}) // it may never have run
	}
}

// sessionAt says which step the session will write first: a value that somebody
// else writes before that gets the START of this step before it, too.
func (w *FileWriter) sessionAt(step int64) { w.current.Load().expectAt(step) }

// startSession writes the START of the session at step, if it has none yet.
func (w *FileWriter) startSession(step int64) error {
	return w.current.Load().startSession(time.Now(), step)
}
