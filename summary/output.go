package summary

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/runhook/runhook/internal/tfrecord"
)

// A batch is a part of a queue: whole records, one behind the other.
type batch struct {
	records []byte
	events  int64 // how many
	cuts    []cut
}

// A cut is where in a batch a new file begins.
type cut struct {
	at     int   // its offset in records
	events int64 // those before it
}

// add appends the records of b.
func (a *batch) add(b batch) {
	for _, c := range b.cuts {
		a.cuts = append(a.cuts, cut{at: len(a.records) + c.at, events: a.events + c.events})
	}
	a.records = append(a.records, b.records...)
	a.events += b.events
}

// from returns what is left of a batch of which so many bytes and events are
// written.
func (a *batch) from(at int, events int64) batch {
	rest := batch{records: a.records[at:], events: a.events - events}
	for _, c := range a.cuts {
		if c.at > at {
			rest.cuts = append(rest.cuts, cut{at: c.at - at, events: c.events - events})
		}
	}
	return rest
}

// countRecords returns how many records there are in b, which are whole.
func countRecords(b []byte) (n int64) {
	r := tfrecord.NewReader(bytes.NewReader(b))
	for {
		if _, err := r.Next(); err != nil {
			return n
		}
		n++
	}
}

// An output is the files that a stream writes, one after the other. It belongs to
// the stream's goroutine.
type output struct {
	create func(now time.Time) (f file, older bool, err error)

	file   *eventFile // nil: the next record begins a new one
	older  bool       // the directory had older event files when file was made
	after  time.Time  // the earliest time of the next file: it has another name
	counts outputCounts

	// Events in file: those that may not be on disk yet, and those written since it
	// was last seen to be there.
	unsynced, unverified int64
}

// outputCounts is what an output tells of itself, for Stats.
type outputCounts struct {
	file           string
	files          int64
	bytes          int64
	flushes, syncs int64
	lost           int64
}

// open begins a new file.
func (o *output) open() error {
	now := time.Now()
	if now.Before(o.after) {
		now = o.after
	}
	f, older, err := o.create(now)
	if err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	if o.file, err = beginEventFile(f); err != nil {
		return err
	}
	o.older = older
	o.counts.file = f.Name()
	o.after = secondAfter(f.Name())
	o.counts.files++
	o.counts.bytes += o.file.size
	return nil
}

// write writes a batch. With sync it makes sure that it is on disk, with verify
// that nobody has removed the file. It returns how much of it is written, which is
// not all of it if there is an error.
func (o *output) write(b batch, sync, verify bool) (at int, events int64, err error) {
	if b.events > 0 {
		o.counts.flushes++
	}
	for i := range len(b.cuts) + 1 {
		if i > 0 {
			if err := errors.Join(o.verify(), o.leave()); err != nil {
				return at, events, err
			}
		}
		end := cut{at: len(b.records), events: b.events}
		if i < len(b.cuts) {
			end = b.cuts[i]
		}
		n, err := o.append(b.records[at:end.at], verify)
		added := end.events - events
		if err != nil {
			added = countRecords(b.records[at : at+n])
		}
		o.unsynced += added
		if !verify {
			o.unverified += added
		}
		at, events = at+n, events+added
		if err != nil {
			return at, events, err
		}
	}
	if verify && o.unverified > 0 { // written without a look
		err = o.verify()
	}
	if sync && err == nil {
		err = o.sync()
	}
	return at, events, err
}

// append writes records to the file, which it opens if there is none.
func (o *output) append(records []byte, verify bool) (n int, err error) {
	if len(records) == 0 {
		return 0, nil
	}
	if o.file == nil {
		if err := o.open(); err != nil {
			return 0, err
		}
	}
	n, err = o.file.write(records)
	if verify {
		if gone := o.verify(); gone != nil {
			return 0, errors.Join(err, gone)
		}
	}
	o.counts.bytes += int64(n)
	return n, err
}

// verify returns an error if the file was removed or replaced. What was written
// to it since it was seen last is lost.
func (o *output) verify() error {
	if o.file == nil {
		return nil
	}
	if err := o.file.Exists(); err != nil {
		o.counts.lost += o.unverified
		o.unsynced, o.unverified = 0, 0
		return fmt.Errorf("summary: %w", err)
	}
	o.unverified = 0
	return nil
}

// sync makes sure that what was written is on disk.
func (o *output) sync() error {
	if o.file == nil {
		return nil
	}
	if err := o.file.Sync(); err != nil {
		o.counts.lost += o.unsynced
		o.unsynced, o.unverified = 0, 0
		return fmt.Errorf("summary: %w", err)
	}
	o.counts.syncs++
	o.unsynced = 0
	return nil
}

// leave ends the file for good, all of it on disk: a later sync looks after the
// file of its time only.
func (o *output) leave() error { return errors.Join(o.sync(), o.close()) }

func (o *output) close() error {
	f := o.file
	if o.file = nil; f == nil {
		return nil
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	return nil
}
