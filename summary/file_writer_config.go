package summary

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// Off, as a period, means never.
const Off = session.Off

// FileWriterConfig describes a [FileWriter]. The zero value is ready for use: it
// loses nothing, waits for a slow disk, returns every error, and writes one file.
type FileWriterConfig struct {
	// FlushSecs is how long what was added may stay in memory; a timer sees to
	// it. Off is for no such limit. Default 10 s (TensorFlow: 120, and only when
	// the next event comes).
	FlushSecs time.Duration
	// FlushEvents and FlushBytes are how many events, and bytes of them, may
	// gather before they are written without waiting for the timer. Default: any
	// number of events, half of MaxQueueBytes.
	FlushEvents int
	FlushBytes  int

	// Sync says when what was written is put on disk, too. Default SyncNever.
	Sync SyncPolicy
	// SyncSecs is the period of SyncPeriodic, and for that alone. Default 30 s.
	SyncSecs time.Duration

	// MaxQueueBytes is how much may wait to be written. There may be one such
	// queue more, which is being written. Default 1 MiB.
	MaxQueueBytes int
	// WhenFull says what becomes of an event for which the queue has no room.
	// Default QueueBlock.
	WhenFull QueuePolicy

	// Rotate says when a new file is begun. Default: never.
	Rotate Rotate

	// WhenBroken says what happens when the file cannot be written. Default
	// ErrorStick.
	WhenBroken ErrorPolicy
	// OnError is told each error of the file system, by the writer's goroutine and
	// one at a time, whatever WhenBroken is. It must not call the writer, but for
	// Stats. Default: nobody is told.
	OnError func(error)

	// FilenameSuffix is put behind the names of the event files.
	FilenameSuffix string

	// Resume is the point at which an interrupted run goes on in the directory:
	// readers drop what comes after it. Not needed for hooks, which say themselves
	// where their session begins. Default: a run that begins.
	Resume ResumePoint
}

// A QueuePolicy says what becomes of an event that comes while the queue is full:
// MaxQueueBytes wait, because the disk is slower than the program.
type QueuePolicy int

const (
	// QueueBlock makes the caller wait until there is room.
	QueueBlock QueuePolicy = iota
	// QueueDrop drops the event, and counts it in Stats.Dropped; the call returns
	// nil. START is never dropped: it comes with the next value.
	QueueDrop
	// QueueFail is QueueDrop, but the call returns [ErrQueueFull].
	QueueFail
)

// A SyncPolicy says when the writer does by itself what Sync does.
type SyncPolicy int

const (
	// SyncNever leaves it to Sync. (A file that another one follows, see Rotate, is
	// always put on disk before it is left.)
	SyncNever SyncPolicy = iota
	// SyncOnFlush does it with everything that is written.
	SyncOnFlush
	// SyncPeriodic does it every SyncSecs in which something was added, and with
	// Close.
	SyncPeriodic
)

// An ErrorPolicy says what happens when an event file cannot be written: the disk
// is full or broken, the file was removed or replaced.
type ErrorPolicy int

const (
	// ErrorStick returns the first error from that and every later call. What was
	// added and not written yet is lost, and counted in Stats.Lost.
	ErrorStick ErrorPolicy = iota
	// ErrorHeal begins a new file, which sorts after the one that failed, and
	// writes to it what was not written. It tries at once, then after one second,
	// two, four … up to a minute, until that succeeds; meanwhile what is added
	// gathers in the queue. When that is full, WhenFull says what happens, but
	// nobody waits: QueueBlock, too, returns the error. Flush and Sync try at once
	// and return the error if that does not help, and Close does so for the last
	// time: what it cannot write is counted in Stats.Lost.
	ErrorHeal
)

// Rotate says when a writer leaves its file for a new one. Rules may be combined:
// the first that applies does. Zero is never.
//
// Readers see one continuous run: the names sort in the order of the files, a
// file is complete before the next one exists, each begins with the version and
// has the metadata of its tags again. No START is written because of it.
type Rotate struct {
	// Bytes and Events: a file is left once it has so many, the version event not
	// counted as an event.
	Bytes  int64
	Events int64
	// Every: a file is left once it is that old and has an event.
	Every time.Duration
}

// The defaults of [FileWriterConfig].
const (
	defaultFlushSecs     = 10 * time.Second
	defaultMaxQueueBytes = 1 << 20
	defaultSyncSecs      = 30 * time.Second
)

// resolve returns the config with its defaults, or all that is wrong with it.
func (c FileWriterConfig) resolve() (FileWriterConfig, error) {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if c.FlushSecs < 0 && c.FlushSecs != Off {
		fault("FlushSecs is %v, want a positive duration, 0 (10s) or Off", c.FlushSecs)
	}
	if c.FlushEvents < 0 {
		fault("FlushEvents is %d, want a positive number or 0 (any number)", c.FlushEvents)
	}
	if c.MaxQueueBytes < 0 {
		fault("MaxQueueBytes is %d, want a positive number or 0 (1 MiB)", c.MaxQueueBytes)
	}
	c.MaxQueueBytes = cmp.Or(c.MaxQueueBytes, defaultMaxQueueBytes)
	switch {
	case c.FlushBytes < 0:
		fault("FlushBytes is %d, want a positive number or 0 (half of MaxQueueBytes)", c.FlushBytes)
	case c.FlushBytes > c.MaxQueueBytes && c.MaxQueueBytes > 0:
		fault("FlushBytes is %d, want no more than MaxQueueBytes, which is %d", c.FlushBytes, c.MaxQueueBytes)
	}
	if c.Sync < SyncNever || c.Sync > SyncPeriodic {
		fault("Sync is %d, want SyncNever, SyncOnFlush or SyncPeriodic", c.Sync)
	}
	switch {
	case c.SyncSecs < 0:
		fault("SyncSecs is %v, want a positive duration or 0 (30s)", c.SyncSecs)
	case c.SyncSecs > 0 && c.Sync != SyncPeriodic:
		fault("SyncSecs is %v, want Sync to be SyncPeriodic with it", c.SyncSecs)
	}
	if c.WhenFull < QueueBlock || c.WhenFull > QueueFail {
		fault("WhenFull is %d, want QueueBlock, QueueDrop or QueueFail", c.WhenFull)
	}
	if c.WhenBroken < ErrorStick || c.WhenBroken > ErrorHeal {
		fault("WhenBroken is %d, want ErrorStick or ErrorHeal", c.WhenBroken)
	}
	if c.Rotate.Bytes < 0 {
		fault("Rotate.Bytes is %d, want a positive number or 0 (never)", c.Rotate.Bytes)
	}
	if c.Rotate.Events < 0 {
		fault("Rotate.Events is %d, want a positive number or 0 (never)", c.Rotate.Events)
	}
	if c.Rotate.Every < 0 {
		fault("Rotate.Every is %v, want a positive duration or 0 (never)", c.Rotate.Every)
	}
	if hasSeparator(c.FilenameSuffix) {
		fault("FilenameSuffix is %q, want no path separator in it", c.FilenameSuffix)
	}
	if c.Resume.step == math.MaxInt64 {
		fault("Resume is after step %d, want one that has a next", c.Resume.step)
	}
	if err := faults.Join("summary: FileWriterConfig", errs...); err != nil {
		return c, err
	}

	c.FlushSecs = cmp.Or(c.FlushSecs, defaultFlushSecs)
	c.FlushEvents = cmp.Or(c.FlushEvents, math.MaxInt)
	c.FlushBytes = cmp.Or(c.FlushBytes, (c.MaxQueueBytes+1)/2)
	if c.Sync == SyncPeriodic {
		c.SyncSecs = cmp.Or(c.SyncSecs, defaultSyncSecs)
	}
	c.Rotate.Bytes = cmp.Or(c.Rotate.Bytes, math.MaxInt64)
	c.Rotate.Events = cmp.Or(c.Rotate.Events, math.MaxInt64)
	return c, nil
}

// same reports whether writers with these settings, resolved, do the same once
// they are open.
func (c FileWriterConfig) same(d FileWriterConfig) bool {
	if (c.OnError == nil) != (d.OnError == nil) {
		return false
	}
	c.OnError, d.OnError = nil, nil
	c.Resume, d.Resume = ResumePoint{}, ResumePoint{}
	return reflect.DeepEqual(c, d)
}
