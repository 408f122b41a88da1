package summary

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/runhook/runhook/internal/tfrecord"
)

// A stream is what a FileWriter writes from when it opens until it is closed: one
// event file or, with rotation and healing, several. Callers encode events into a
// queue under a lock; one goroutine takes the queue and writes it, without the
// lock (see run).
type stream struct {
	config FileWriterConfig
	wake   chan struct{}
	done   chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex // guards what follows
	progress sync.Cond  // settled, seen, synced, failures, err, broken, closing or the queue have changed
	queue    batch      // accepted and not yet taken for writing
	spare    []byte     // the other buffer, while it is not being written
	woken    bool       // the goroutine was told to write and has not begun
	urgent   bool       // somebody waits: a broken file is tried at once
	closing  bool
	err      error // sticky; after the end, what Close returns
	broken   error // with ErrorHeal: why there is no file at the moment
	loss     error // with ErrorHeal: by what the first event was lost
	failures int64 // how often waiting for a file was of no use
	failure  error // the last of them

	accepted, settled int64 // events taken, and those of them that wait no longer
	syncTo, synced    int64 // events to be, and that are, on disk
	seeTo, seen       int64 // events after which the file is to be, and was, seen to be there

	// The file that the next event goes to, as the queue has it.
	current   int // its number, from 1
	events    int64
	size      int64
	begun     time.Time           // when it got its first event, if files are left by age
	tags      map[string]knownTag // all that have been described
	described [][]byte            // of the event being added: the values' metadata, nil for none
	starts    int                 // START records that the coming session takes
	coming    start               // of a session that has none here yet
	startedAt int64               // step of the last START
	overtaken overtaken           // at it, and without a value since

	dropped   int64
	errors    int64
	lastError error
	written   outputCounts
	before    Stats // of earlier streams of the writer
}

// A knownTag is what is known of a tag.
type knownTag struct {
	metadata []byte
	file     int    // the number of the last file that has it
	scalar   []byte // scalarFront of the tag; nil: not made yet
}

// newStream returns a stream that goes on with o, which has a file, and starts its
// goroutine. coming says which START is to come.
func newStream(o *output, coming start, config FileWriterConfig, before Stats) *stream {
	s := &stream{
		config:  config,
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		tags:    make(map[string]knownTag),
		coming:  coming,
		written: o.counts,
		before:  before,
	}
	s.progress.L = &s.mu
	s.beginFile()
	if !o.older {
		s.starts = 1
	}
	go s.run(o)
	return s
}

// beginFile says that what is added from now on goes to a new file, which knows
// no tags.
func (s *stream) beginFile() {
	s.current++
	s.events, s.size = 0, versionSize
	// The Python server takes the first START of a run for its beginning and drops
	// nothing: older files may have none.
	s.starts = 2
}

// errFull says that there is no room in the queue, nor will be soon.
var errFull = errors.New("full")

// room waits until an event may be added, or returns errFull.
func (s *stream) room() error {
	for s.usable() == nil && len(s.queue.records) >= s.config.MaxQueueBytes {
		if s.config.WhenFull != QueueBlock || s.broken != nil {
			return errFull
		}
		s.progress.Wait()
	}
	if err := s.usable(); err != nil {
		return err
	}
	return s.coming.err
}

// ready waits until an event may be added. taken is false if it is dropped, or
// refused with an error.
func (s *stream) ready() (taken bool, err error) {
	err = s.room()
	if err == errFull {
		s.dropped++
		switch {
		case s.config.WhenFull == QueueDrop:
			return false, nil
		case s.config.WhenFull == QueueFail:
			return false, ErrQueueFull
		}
		return false, s.broken
	}
	if err == nil {
		s.rotate()
	}
	return err == nil, err
}

func (s *stream) usable() error {
	if s.closing {
		return ErrClosed
	}
	return s.err
}

// rotate leaves the file if it is time to.
func (s *stream) rotate() {
	r := &s.config.Rotate
	if s.events == 0 {
		if r.Every > 0 {
			s.begun = time.Now()
		}
		return
	}
	if s.events >= r.Events || s.size >= r.Bytes || r.Every > 0 && time.Since(s.begun) >= r.Every {
		s.queue.cuts = append(s.queue.cuts, cut{at: len(s.queue.records), events: s.queue.events})
		s.beginFile()
		s.rotate()
	}
}

// beginRecord makes room for a record's header; the payload is appended to the
// queue's records.
func (s *stream) beginRecord() (start int) {
	start = len(s.queue.records)
	s.queue.records = tfrecord.Begin(s.queue.records)
	return start
}

// endRecord ends the record that begins at start. Its checksums are left to the
// goroutine.
func (s *stream) endRecord(start int) {
	q := &s.queue
	q.records = tfrecord.End(q.records, start)
	q.events++
	s.accepted++
	s.events++
	s.size += int64(len(q.records) - start)
	if len(q.records) >= s.config.FlushBytes || q.events >= int64(s.config.FlushEvents) {
		s.wakeUp()
	}
}

// wakeUp tells the goroutine that there is something to do.
func (s *stream) wakeUp() {
	if s.woken {
		return
	}
	s.woken = true
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// addValues adds an event with a summary of values.
func (s *stream) addValues(now time.Time, step int64, values []Value) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if taken, err := s.ready(); !taken {
		return err
	}
	if err := s.noteTags(values); err != nil {
		return err
	}
	start := s.beginValues(now, step)
	s.queue.records = appendEvent(s.queue.records, wallTime(now), step, values, s.described)
	s.endRecord(start)
	for i := range values {
		s.renew(values[i].tag, step)
	}
	return nil
}

// noteTags checks the tags and finds out which metadata goes with the values:
// that of the tags which have none yet in this file.
func (s *stream) noteTags(values []Value) error {
	s.described = s.described[:0]
	for i := range values {
		v := &values[i]
		known, ok := s.tags[v.tag]
		if !ok {
			if err := checkTag(v.tag); err != nil {
				return err
			}
		}
		metadata := v.metadata
		if known.file == s.current {
			metadata = nil
		} else if len(metadata) == 0 {
			metadata = known.metadata
		}
		s.described = append(s.described, metadata)
	}
	for i, metadata := range s.described {
		if len(metadata) == 0 {
			continue
		}
		tag := values[i].tag
		known, ok := s.tags[tag]
		if known.file == s.current { // twice in this event
			s.described[i] = nil
			continue
		}
		if !ok {
			tag = strings.Clone(tag)
		}
		s.tags[tag] = knownTag{metadata: metadata, file: s.current}
	}
	return nil
}

// addRecord adds an event that is encoded already.
func (s *stream) addRecord(payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if taken, err := s.ready(); !taken {
		return err
	}
	if len(s.overtaken) > 0 {
		s.dropOvertaken(time.Now())
	}
	start := s.beginRecord()
	s.queue.records = append(s.queue.records, payload...)
	s.endRecord(start)
	return nil
}

// flush waits until everything that was added before is written and, with sync,
// on disk.
func (s *stream) flush(sync bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	target, failures := s.accepted, s.failures
	s.seeTo = target
	if sync {
		s.syncTo = target
	}
	s.urgent = true
	s.wakeUp()
	for s.err == nil && s.failures == failures && (s.settled < target || s.seen < target || sync && s.synced < target) {
		s.progress.Wait()
	}
	if s.err == nil && s.failures > failures {
		return s.failure
	}
	return s.err
}

// close writes what was added, closes the file and waits for the goroutine.
func (s *stream) close() error {
	s.mu.Lock()
	if s.usable() == nil && len(s.overtaken) > 0 {
		s.dropOvertaken(time.Now())
	}
	s.closing = true
	s.progress.Broadcast()
	s.wakeUp()
	s.mu.Unlock()
	<-s.done
	return s.err // nobody changes it any more
}

// wait returns when a stream that is being closed is.
func (s *stream) wait() { <-s.done }

// closed reports whether close was called.
func (s *stream) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *stream) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.before.plus(Stats{
		Events:      s.accepted,
		Bytes:       s.written.bytes,
		Dropped:     s.dropped,
		Lost:        s.written.lost,
		Flushes:     s.written.flushes,
		Syncs:       s.written.syncs,
		Errors:      s.errors,
		LastError:   s.lastError,
		QueueEvents: s.queue.events,
		QueueBytes:  len(s.queue.records),
		File:        s.written.file,
		Files:       s.written.files,
	})
}
