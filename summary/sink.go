package summary

import (
	"time"

	"github.com/runhook/runhook/summary/eventpb"
)

// A Sink takes finished events: a [FileWriter], [Discard], or something of the
// user's own, which package summarytest can check. People and hooks write to it
// through a [Writer]. Any number of goroutines may use a sink.
//
// A sink never takes a part of an event: if a call returns an error, nothing of
// its event was or will be written. After Close, all calls return [ErrClosed],
// but Close, which may be called again and returns the same.
type Sink interface {
	// AddValues takes the values of one event, of which there is one at least. It
	// does not keep the slice.
	AddValues(wallTime time.Time, step int64, values []Value) error
	// AddEvent takes an event as it is, wall time included. It neither keeps nor
	// changes it.
	AddEvent(event *eventpb.Event) error
	// Flush returns when everything that was added before it has left the process.
	Flush() error
	// Close flushes and ends the use of the sink.
	Close() error
}

// A SessionSink is a [Sink] that lets readers see where a monitored session
// begins: a session log of status START, before the first value of the session,
// makes them drop what an earlier session wrote of that and later steps. Several
// hooks of a session may share a sink; they share the START. [HookSink] makes
// these calls.
type SessionSink interface {
	Sink
	// BeginSession says that a hook of a monitored session will write here. All
	// hooks of a session say so before its first run, and EndSession after its
	// last: the first of them makes the session, those after it belong to the same.
	BeginSession() error
	// SessionAt says which step the session will write first: a value that somebody
	// else writes before that gets the START of this step before it, too.
	SessionAt(step int64)
	// StartSession writes the START of the session at step, if it has none yet.
	StartSession(step int64) error
	// EndSession takes back one BeginSession.
	EndSession()
}

// A scalarSink takes a scalar without a Value around it.
type scalarSink interface {
	addScalar(wallTime time.Time, step int64, tag string, value float32) error
}
