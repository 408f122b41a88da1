package summary

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/runhook/runhook/internal/tfrecord"
)

// A file is what an event file needs of the operating system's.
type file interface {
	io.Writer
	// Exists returns an error if what is written is lost because somebody has
	// removed or replaced the file.
	Exists() error
	Sync() error
	Truncate(size int64) error
	Close() error
}

// An eventFile is one open event file. Callers encode events into a buffer
// under a lock; one goroutine takes the buffer and writes it, without the lock.
// It writes when half the buffer is full, when somebody flushes, and every
// FlushSecs; at the latter two it also looks whether the file was removed.
//
// The first error of the file is sticky: every later call returns it. Bytes of
// a record that could not be written whole are cut off again, so that the file
// ends with a whole record.
type eventFile struct {
	limit int // bytes that the buffer may hold when an event is added
	wake  chan struct{}
	done  chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex // guards what follows
	progress sync.Cond  // the counts below, err or closing have changed
	buf      []byte     // accepted and not yet taken for writing
	spare    []byte     // the other buffer, while it is not being written
	woken    bool       // the goroutine was told to write and has not begun
	verify   bool       // somebody flushes, and wants to know that the file is there
	closing  bool
	err      error

	accepted, written int64 // bytes of events
	syncTo, synced    int64 // bytes of events to be, and that are, on disk

	tags      map[string]struct{} // those that have their metadata in this file
	described []bool              // of the event being added: which values go with it
	starts    int                 // START records that the coming session takes
	coming    start               // of a session that has none here yet
	startedAt int64               // step of the last START
	overtaken overtaken           // at it, and without a value since
}

// newEventFile begins f with the version event and starts its goroutine, which
// from now on owns f. older tells that the directory has older event files,
// coming which START is to come.
func newEventFile(f file, older bool, coming start, config FileWriterConfig) *eventFile {
	e := &eventFile{
		limit:  config.MaxQueueBytes,
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
		tags:   make(map[string]struct{}),
		starts: 1,
		coming: coming,
	}
	e.progress.L = &e.mu
	if older {
		// The Python server takes the first START of a run for its beginning and
		// drops nothing: older files may have none.
		e.starts = 2
	}
	start := e.beginRecord()
	e.buf = appendVersion(e.buf, wallTime(time.Now()))
	e.endRecord(start)
	go e.run(&sink{file: f}, config.FlushSecs)
	return e
}

// beginRecord makes room for a record's header; the payload is appended to buf.
func (e *eventFile) beginRecord() (start int) {
	start = len(e.buf)
	e.buf = tfrecord.Begin(e.buf)
	return start
}

// beginValues is beginRecord for an event with values: the START that is to come
// stands before it.
func (e *eventFile) beginValues(now time.Time, step int64) (start int) {
	if e.coming.wanted && e.coming.known {
		e.addStart(now, e.coming.step)
	}
	if step > e.startedAt && len(e.overtaken) > 0 {
		e.dropOvertaken(now)
	}
	return e.beginRecord()
}

// endRecord completes the record that begins at start.
func (e *eventFile) endRecord(start int) {
	e.buf = tfrecord.End(e.buf, start)
	e.accepted += int64(len(e.buf) - start)
	if len(e.buf) >= e.limit/2 {
		e.wakeUp()
	}
}

// wakeUp tells the goroutine that there is something to do.
func (e *eventFile) wakeUp() {
	if e.woken {
		return
	}
	e.woken = true
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// ready waits until an event may be added.
func (e *eventFile) ready() error {
	for len(e.buf) >= e.limit && e.usable() == nil {
		e.progress.Wait()
	}
	return cmp.Or(e.usable(), e.coming.err)
}

func (e *eventFile) usable() error {
	if e.closing {
		return ErrClosed
	}
	return e.err
}

// addValues adds an event with a summary of values.
func (e *eventFile) addValues(now time.Time, step int64, values []Value) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready(); err != nil {
		return err
	}
	if err := e.noteTags(values); err != nil {
		return err
	}
	start := e.beginValues(now, step)
	e.buf = appendEvent(e.buf, wallTime(now), step, values, e.described)
	e.endRecord(start)
	for i := range values {
		e.renew(values[i].tag, step)
	}
	return nil
}

// addScalar adds an event with one scalar.
func (e *eventFile) addScalar(now time.Time, step int64, tag string, value float32) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready(); err != nil {
		return err
	}
	var metadata []byte
	if _, known := e.tags[tag]; !known {
		if err := checkTag(tag); err != nil {
			return err
		}
		e.tags[strings.Clone(tag)] = struct{}{}
		metadata = scalarMetadata
	}
	start := e.beginValues(now, step)
	e.buf = appendScalarEvent(e.buf, wallTime(now), step, tag, value, metadata)
	e.endRecord(start)
	e.renew(tag, step)
	return nil
}

// noteTags checks the tags and finds out which values go with their metadata:
// those whose tag has none yet in this file.
func (e *eventFile) noteTags(values []Value) error {
	e.described = e.described[:0]
	for i := range values {
		_, known := e.tags[values[i].tag]
		if !known {
			if err := checkTag(values[i].tag); err != nil {
				return err
			}
		}
		e.described = append(e.described, !known && len(values[i].metadata) > 0)
	}
	for i, first := range e.described {
		if !first {
			continue
		}
		if _, twice := e.tags[values[i].tag]; twice {
			e.described[i] = false
			continue
		}
		e.tags[strings.Clone(values[i].tag)] = struct{}{}
	}
	return nil
}

// addRecord adds an event that is encoded already.
func (e *eventFile) addRecord(payload []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready(); err != nil {
		return err
	}
	if len(e.overtaken) > 0 {
		e.dropOvertaken(time.Now())
	}
	start := e.beginRecord()
	e.buf = append(e.buf, payload...)
	e.endRecord(start)
	return nil
}

// A start is the START that a monitored session is to get.
type start struct {
	wanted    bool
	known     bool      // whether the rest is
	step      int64     // the first that the session will write
	overtaken overtaken // at step
	err       error     // of looking for them
}

// expect says which START is to come; the next value, once its step is known,
// or startSession writes it first. It returns what was to come before.
func (e *eventFile) expect(coming start) (before start) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before, e.coming = e.coming, coming
	return before
}

// expects reports whether a START is to come whose step is not known to be this.
func (e *eventFile) expects(step int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.coming.wanted && !(e.coming.known && e.coming.step == step)
}

// expectAt says at which step the START is to come, if there is one to come,
// and what it overtakes.
func (e *eventFile) expectAt(step int64, overtaken overtaken, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.coming.wanted {
		e.coming = start{true, true, step, overtaken, err}
	}
}

// startSession writes the START that is to come, at step.
func (e *eventFile) startSession(now time.Time, step int64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.ready(); err != nil {
		return err
	}
	if len(e.coming.overtaken) > 0 {
		step = e.coming.step // The session may write its first step later.
	}
	if e.coming.wanted {
		e.addStart(now, step)
	}
	return nil
}

func (e *eventFile) addStart(now time.Time, step int64) {
	e.startedAt, e.overtaken = step, e.coming.overtaken
	for range e.starts {
		start := e.beginRecord()
		e.buf = appendStart(e.buf, wallTime(now), step)
		e.endRecord(start)
	}
	e.coming, e.starts = start{}, 1
}

// flush waits until everything that was added before is written and, with sync,
// on disk.
func (e *eventFile) flush(sync bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(); err != nil {
		return err
	}
	target := e.accepted
	e.verify = true
	if sync {
		e.syncTo = target
	}
	e.wakeUp()
	for e.err == nil && (e.written < target || sync && e.synced < target) {
		e.progress.Wait()
	}
	return e.err
}

// close writes what was added, closes the file and waits for the goroutine.
func (e *eventFile) close() error {
	e.mu.Lock()
	if e.usable() == nil && len(e.overtaken) > 0 {
		e.dropOvertaken(time.Now())
	}
	e.closing = true
	e.progress.Broadcast()
	e.wakeUp()
	e.mu.Unlock()
	<-e.done
	return e.err // nobody changes it any more
}

// wait returns when a file that is being closed is.
func (e *eventFile) wait() { <-e.done }

// closed reports whether close was called.
func (e *eventFile) closed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closing
}

// run is the goroutine of the file.
func (e *eventFile) run(s *sink, every time.Duration) {
	defer close(e.done)
	var tick <-chan time.Time
	if every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		verify := false
		select {
		case <-e.wake:
		case <-tick:
			verify = true
		}
		if e.writeAll(s, verify) {
			e.finish(s)
			return
		}
	}
}

// writeAll writes what has been added, until nothing is left. It reports
// whether the file is to be closed; then nothing more will be added.
func (e *eventFile) writeAll(s *sink, verify bool) (closing bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.woken = false
	verify = verify || e.verify
	e.verify = false
	for e.err == nil && (len(e.buf) > 0 || e.syncTo > e.synced) {
		records, sync := e.buf, e.syncTo > e.synced
		e.buf, e.spare = e.spare, nil
		e.progress.Broadcast() // there is room again
		e.mu.Unlock()
		err := s.write(records, sync, verify)
		e.mu.Lock()
		if cap(records) <= 2*e.limit {
			e.spare = records[:0]
		}
		if err != nil {
			e.err, e.buf = err, nil
		} else {
			e.written += int64(len(records))
			if sync {
				e.synced = e.written
			}
		}
		e.progress.Broadcast()
	}
	return e.closing
}

func (e *eventFile) finish(s *sink) {
	err := s.file.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil && err != nil {
		e.err = fmt.Errorf("summary: %w", err)
	}
}

// A sink is the file with what the goroutine knows of it.
type sink struct {
	file file
	size int64
}

// write appends whole records. If it fails, it cuts off the record that was
// written in part. verify looks whether the file is still there.
func (s *sink) write(records []byte, sync, verify bool) error {
	n, err := s.file.Write(records)
	if err == nil && n < len(records) {
		err = io.ErrShortWrite
	}
	if err == nil && verify {
		err = s.file.Exists()
	}
	if err != nil {
		whole := tfrecord.WholeRecords(records[:n])
		if n > whole {
			err = errors.Join(err, s.file.Truncate(s.size+int64(whole)))
		}
		return fmt.Errorf("summary: %w", err)
	}
	s.size += int64(n)
	if sync {
		if err := s.file.Sync(); err != nil {
			return fmt.Errorf("summary: %w", err)
		}
	}
	return nil
}
