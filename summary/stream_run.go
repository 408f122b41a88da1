package summary

import (
	"cmp"
	"errors"
	"time"

	"github.com/runhook/runhook/internal/tfrecord"
)

// The pauses between attempts to heal a file.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// run is the goroutine of the stream, which owns o. It writes when enough is
// queued, when somebody flushes, and when a timer says so. At the latter two, and
// always if it could heal that, it looks whether the file was removed.
func (s *stream) run(o *output) {
	defer close(s.done)
	flush, stop := tick(s.config.FlushSecs)
	defer stop()
	sync, stop := tick(s.config.SyncSecs)
	defer stop()
	retry := time.NewTimer(lastPause)
	retry.Stop()
	defer retry.Stop()
	pause := firstPause
	for {
		due := false
		select {
		case <-s.wake:
		case <-flush:
			s.request(&s.seeTo)
		case <-sync:
			s.request(&s.syncTo)
		case <-retry.C:
			due = true
		}
		outcome, closing := s.writeAll(o, due)
		switch {
		case closing:
			s.finish(o)
			return
		case outcome == wrote:
			pause = firstPause
		case outcome == failed:
			retry.Reset(pause)
			pause = min(2*pause, lastPause)
		}
	}
}

// tick returns the channel of a ticker, or nil if there is no period.
func tick(period time.Duration) (c <-chan time.Time, stop func()) {
	if period <= 0 {
		return nil, func() {}
	}
	ticker := time.NewTicker(period)
	return ticker.C, ticker.Stop
}

// request asks for something to be done to all events so far: seeTo or syncTo.
func (s *stream) request(to *int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*to = s.accepted
}

// An outcome is that of writeAll.
type outcome int

const (
	idle outcome = iota // there was nothing to write, or it is not time to try again
	wrote
	failed
)

// writeAll writes what has been added, until nothing is left. While the file is
// broken it tries only if that is due or somebody waits. It reports whether the
// stream is to be closed; then nothing more will be added.
func (s *stream) writeAll(o *output, due bool) (outcome outcome, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	closing = s.closing // a file that broke before that is tried once more after it
	due = due || s.urgent || closing
	s.woken, s.urgent = false, false
	again := s.broken == nil // a file that breaks is replaced at once
	for s.err == nil && (due || s.broken == nil) && (len(s.queue.records) > 0 || s.seeTo > s.seen || s.syncTo > s.synced) {
		err := s.writeBatch(o)
		switch {
		case err == nil:
			outcome, again = wrote, true
		case again:
			again = false
		default:
			s.broken = err
			s.giveUp(err)
			return failed, closing
		}
	}
	return outcome, closing
}

// writeBatch writes the queue as it is. What it could not write is in the queue
// again. It is called with the lock, which it does not hold while it writes.
func (s *stream) writeBatch(o *output) error {
	b := s.queue
	sync := s.syncTo > s.synced || s.config.Sync == SyncOnFlush
	verify := s.seeTo > s.seen || s.config.WhenBroken == ErrorHeal
	s.queue, s.spare = batch{records: s.spare}, nil
	s.progress.Broadcast() // there is room again
	s.mu.Unlock()
	tfrecord.Seal(b.records)
	at, events, err := o.write(b, sync, verify)
	if err != nil && s.config.WhenBroken == ErrorHeal {
		err = errors.Join(err, o.leave())
	}
	s.tell(err)
	s.mu.Lock()

	s.settled += events
	lost := o.counts.lost > s.written.lost
	s.written = o.counts
	if err != nil {
		s.errors++
		s.lastError = err
		rest := b.from(at, events)
		if s.config.WhenBroken == ErrorStick {
			s.err = err
			rest.add(s.queue)
			s.queue = rest
			s.lose(o)
			return err
		}
		s.requeue(rest)
		if lost {
			s.loss = cmp.Or(s.loss, err)
			s.giveUp(err)
		}
		return err
	}
	s.broken = nil
	if verify {
		s.seen = s.settled
	}
	if sync {
		s.synced = s.settled
	}
	if cap(b.records) <= 2*s.config.MaxQueueBytes {
		s.spare = b.records[:0]
	}
	s.progress.Broadcast()
	return nil
}

// tell tells an error to whom it may concern.
func (s *stream) tell(err error) {
	if err != nil && s.config.OnError != nil {
		s.config.OnError(err)
	}
}

// giveUp says to those who wait for the file that it is of no use.
func (s *stream) giveUp(err error) {
	s.failures++
	s.failure = err
	s.progress.Broadcast()
}

// requeue puts in front of the queue what could not be written, and makes it the
// beginning of a new file.
func (s *stream) requeue(rest batch) {
	tfrecord.Seal(s.queue.records)
	rest.add(s.queue)
	end := cut{at: len(rest.records), events: rest.events}
	if len(rest.cuts) > 0 {
		end = rest.cuts[0]
	}
	head, tags := describeAgain(rest.records[:end.at], s.tags)
	for i := range rest.cuts {
		rest.cuts[i].at += len(head) - end.at
	}
	rest.records = append(head, rest.records[end.at:]...)
	s.queue = rest
	if len(rest.cuts) > 0 {
		return // what is added from now on goes to a later file
	}
	s.beginFile()
	s.events, s.size = rest.events, s.size+int64(len(head))
	for _, tag := range tags {
		s.tags[tag] = knownTag{metadata: s.tags[tag].metadata, file: s.current}
	}
}

// lose gives up what is queued.
func (s *stream) lose(o *output) {
	o.counts.lost += s.queue.events
	s.written = o.counts
	s.queue, s.spare = batch{}, nil
	s.progress.Broadcast()
}

// finish closes the file.
func (s *stream) finish(o *output) {
	var err error
	if s.err == nil { // only this goroutine changes it
		if err = o.verify(); s.config.Sync != SyncNever {
			err = errors.Join(err, o.sync())
		}
	}
	err = errors.Join(err, o.close())
	s.tell(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue.events > 0 {
		s.loss = cmp.Or(s.loss, s.broken)
	}
	s.lose(o)
	if err != nil {
		s.errors++
		s.lastError = err
	}
	s.err = cmp.Or(s.err, s.loss, err)
}
