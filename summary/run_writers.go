package summary

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/runhook/runhook/summary/eventpb"
)

// RunWritersConfig describes [RunWriters]. The zero value is ready for use.
type RunWritersConfig struct {
	// Writer is for the writer of each run.
	Writer FileWriterConfig
	// MaxOpen is how many event files are open at most. Who needs one more waits
	// for the one that was used least recently to be closed; the run of that goes
	// on in a new file. A run with a monitored session stays open. Default 16.
	MaxOpen int
}

func (c RunWritersConfig) resolve() (RunWritersConfig, error) {
	_, err := c.Writer.resolve()
	if c.MaxOpen < 0 {
		err = errors.Join(err, fmt.Errorf("summary: RunWritersConfig.MaxOpen is %d, want a positive number or 0 (16)", c.MaxOpen))
	}
	if c.MaxOpen == 0 {
		c.MaxOpen = 16
	}
	return c, err
}

// RunWriters write to the runs below a log directory, which TensorBoard draws side
// by side: one chart for each tag, with a line for each run. The file of a run is
// opened by its first event; its writer is that of [FileWriterCache], which it
// shares with hooks that write to the same directory. Any number of goroutines may
// use them.
type RunWriters struct {
	logdir string
	config RunWritersConfig

	mu     sync.Mutex // guards what follows; never held while a file is used
	change sync.Cond  // of the state or the users of a run
	runs   map[string]*runSink
	open   int // files that are open, or being opened or closed
	uses   int64
	closed bool
}

// NewRunWriters returns writers to the runs below logdir.
func NewRunWriters(logdir string, config RunWritersConfig) (*RunWriters, error) {
	if logdir == "" {
		return nil, errors.New("summary: NewRunWriters: logdir is empty")
	}
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	r := &RunWriters{logdir: logdir, config: config, runs: make(map[string]*runSink)}
	r.change.L = &r.mu
	return r, nil
}

// Run returns the writer to a run: the folder of that name below the log directory,
// with slashes between folders in folders. Its Flush and Close are those of all.
func (r *RunWriters) Run(name string) (*Writer, error) {
	folder := filepath.FromSlash(name)
	if folder == "" || !filepath.IsLocal(folder) {
		return nil, fmt.Errorf("summary: run %q, want the path of a folder below the log directory", name)
	}
	folder = filepath.Clean(folder)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	s := r.runs[folder]
	if s == nil {
		s = &runSink{all: r, folder: folder}
		r.runs[folder] = s
	}
	return NewWriter(s), nil
}

// Scalars writes points of one curve each in several runs: values by run, all
// under one tag. They are lines of one chart.
func (r *RunWriters) Scalars(tag string, values map[string]float64, step int64) error {
	writers := make(map[string]*Writer, len(values))
	for run := range values {
		var err error
		if writers[run], err = r.Run(run); err != nil {
			return err
		}
	}
	var errs []error
	for _, run := range slices.Sorted(maps.Keys(writers)) {
		errs = append(errs, writers[run].Scalar(tag, values[run], step))
	}
	return errors.Join(errs...)
}

// Flush flushes the open files.
func (r *RunWriters) Flush() error {
	r.mu.Lock()
	runs := slices.Collect(maps.Values(r.runs))
	r.mu.Unlock()
	var errs []error
	for _, s := range runs {
		errs = append(errs, s.use((*FileWriter).Flush, false))
	}
	return errors.Join(errs...)
}

// Close closes the files, when nobody uses them any more. After it, calls return
// [ErrClosed], but Close, which returns the same again.
func (r *RunWriters) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for r.open > 0 {
		r.closeOne()
	}
	var errs []error
	for _, folder := range slices.Sorted(maps.Keys(r.runs)) {
		errs = append(errs, r.runs[folder].err)
	}
	return errors.Join(errs...)
}

// closeOne closes the file that was used least recently, if there is one that
// nobody uses, or else waits for a change. It lets go of the lock meanwhile.
func (r *RunWriters) closeOne() {
	var least *runSink
	for _, s := range r.runs {
		if s.state == runOpen && s.users == 0 && (s.sessions == 0 || r.closed) && (least == nil || s.used < least.used) {
			least = s
		}
	}
	if least == nil {
		r.change.Wait()
		return
	}
	least.state = runBusy
	r.mu.Unlock()
	err := FileWriterCache.Release(least.writer)
	r.mu.Lock()
	least.fail(err)
	least.state = runIdle
	r.open--
	r.change.Broadcast()
}

// runState is that of the file of a run.
type runState int

const (
	runIdle runState = iota // not open
	runBusy                 // being opened or closed
	runOpen
)

// A runSink is the sink of one run.
type runSink struct {
	all    *RunWriters
	folder string

	// Guarded by all.mu.
	state    runState
	writer   *FileWriter // nil before the first event
	err      error       // the first that there was with the file: there is no other file after it
	users    int         // of the open file
	sessions int         // monitored sessions that write to it
	used     int64       // when it was used last, by all.uses
}

var _ SessionSink = (*runSink)(nil)

func (s *runSink) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// use calls f with the open file. If it is not open, it is opened, or if that is
// not wanted, nothing is done.
func (s *runSink) use(f func(*FileWriter) error, open bool) error {
	r := s.all
	r.mu.Lock()
	defer r.mu.Unlock()
	for s.state != runOpen {
		switch {
		case r.closed:
			return ErrClosed
		case s.err != nil:
			return s.err
		case s.state == runIdle && !open:
			return nil
		case s.state == runBusy:
			r.change.Wait()
		case r.inSessions() >= r.config.MaxOpen:
			return fmt.Errorf("summary: run %q: all %d files that may be open belong to monitored sessions (RunWritersConfig.MaxOpen)", s.folder, r.config.MaxOpen)
		case r.open >= r.config.MaxOpen:
			r.closeOne()
		default:
			s.openFile()
		}
	}
	if r.closed {
		return ErrClosed
	}
	r.uses++
	s.used = r.uses
	s.users++
	r.mu.Unlock()
	err := f(s.writer)
	r.mu.Lock()
	if s.users--; s.users == 0 {
		r.change.Broadcast()
	}
	return err
}

// openFile opens a file for the run. It lets go of the lock meanwhile.
func (s *runSink) openFile() {
	r := s.all
	s.state = runBusy
	r.open++
	config := r.config.Writer
	if s.writer != nil {
		config.Resume = ResumePoint{} // that was when it was opened first
	}
	r.mu.Unlock()
	w, err := FileWriterCache.GetWith(filepath.Join(r.logdir, s.folder), config)
	r.mu.Lock()
	s.writer = w
	s.state = runOpen
	if err != nil {
		s.fail(err)
		s.state = runIdle
		r.open--
	}
	r.change.Broadcast()
}

// AddValues implements [Sink].
func (s *runSink) AddValues(wallTime time.Time, step int64, values []Value) error {
	return s.use(func(w *FileWriter) error { return w.AddValues(wallTime, step, values) }, true)
}

// AddEvent implements [Sink].
func (s *runSink) AddEvent(event *eventpb.Event) error {
	return s.use(func(w *FileWriter) error { return w.AddEvent(event) }, true)
}

// Flush implements [Sink].
func (s *runSink) Flush() error { return s.all.Flush() }

// Close implements [Sink].
func (s *runSink) Close() error { return s.all.Close() }

// inSessions returns how many runs have a monitored session.
func (r *RunWriters) inSessions() (n int) {
	for _, s := range r.runs {
		if s.sessions > 0 {
			n++
		}
	}
	return n
}

// BeginSession implements [SessionSink].
func (s *runSink) BeginSession() error {
	return s.use(func(w *FileWriter) error {
		if err := w.BeginSession(); err != nil {
			return err
		}
		s.all.mu.Lock()
		defer s.all.mu.Unlock()
		s.sessions++
		return nil
	}, true)
}

// inSession calls f with the writer, if there is a monitored session.
func (s *runSink) inSession(f func(w *FileWriter) error) error {
	s.all.mu.Lock()
	sessions := s.sessions
	s.all.mu.Unlock()
	if sessions == 0 {
		return nil
	}
	return s.use(f, false)
}

// SessionAt implements [SessionSink].
func (s *runSink) SessionAt(step int64) {
	s.inSession(func(w *FileWriter) error {
		w.SessionAt(step)
		return nil
	})
}

// StartSession implements [SessionSink].
func (s *runSink) StartSession(step int64) error {
	return s.inSession(func(w *FileWriter) error { return w.StartSession(step) })
}

// EndSession implements [SessionSink].
func (s *runSink) EndSession() {
	s.inSession(func(w *FileWriter) error {
		w.EndSession()
		s.all.mu.Lock()
		defer s.all.mu.Unlock()
		s.sessions--
		s.all.change.Broadcast()
		return nil
	})
}
