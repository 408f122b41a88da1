package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"slices"
	"strings"

	"github.com/runhook/runhook/internal/closest"
)

// Errors that a caller, a hook or an engine can act on; test with [errors.Is].
var (
	// ErrOutOfRange is the end of the input: tf.errors.OutOfRangeError. It wraps
	// io.EOF. A [Session] may return exactly io.EOF instead; anywhere else io.EOF
	// is an ordinary error.
	ErrOutOfRange error = endOfInput{}
	// ErrStop asks the loop to end: Python's StopIteration.
	ErrStop = errors.New("session: stop")
	// ErrAborted says that the session was lost and can be created again:
	// tf.errors.AbortedError.
	ErrAborted = errors.New("session: aborted")
	// ErrUnavailable says that the engine cannot be reached at the moment:
	// tf.errors.UnavailableError. The session is lost as with ErrAborted.
	ErrUnavailable = errors.New("session: unavailable")

	// ErrRunAfterStop is returned by a run that begins after a hook or the caller
	// asked for a stop.
	ErrRunAfterStop = errors.New("session: run after a stop was requested")
	// ErrClosed is returned for every use of what is closed. It wraps fs.ErrClosed.
	ErrClosed = fmt.Errorf("session: %w", fs.ErrClosed)
	// ErrInRun is returned where waiting for the run in progress could be waiting
	// for oneself: to a hook or a step function that runs or closes its own
	// session, or another one that is busy.
	ErrInRun = errors.New("session: busy, and called from within a run")
	// ErrFeedConflict says that one name is fed twice in a run.
	ErrFeedConflict = errors.New("fed twice in one run")
	// ErrUnknownName is what an [UnknownNameError] is.
	ErrUnknownName = errors.New("unknown name")
	// ErrNoValue says that something that has values gives none at the moment.
	ErrNoValue = errors.New("no value")
	// ErrNoGlobalStep says that a hook needs a global step and the engine has none.
	ErrNoGlobalStep = errors.New("the engine has no global step")
)

type endOfInput struct{}

func (endOfInput) Error() string { return "session: out of range" }
func (endOfInput) Unwrap() error { return io.EOF }

// IsCleanStop reports whether err ends a loop cleanly: it is [ErrOutOfRange] or
// [ErrStop], or wraps or joins nothing but these. One other error among joined
// ones makes it a failure.
func IsCleanStop(err error) bool { return everyLeafIs(err, ErrOutOfRange, ErrStop) }

// IsLost reports whether err says that the session was lost and can be created
// again: it is [ErrAborted] or [ErrUnavailable], or wraps or joins nothing but
// these.
func IsLost(err error) bool { return everyLeafIs(err, ErrAborted, ErrUnavailable) }

// everyLeafIs walks the tree of wrapped and joined errors: each path down must
// come to one of targets.
func everyLeafIs(err error, targets ...error) bool {
	if err == nil {
		return false
	}
	for _, target := range targets {
		if reflect.TypeOf(target).Comparable() && err == target {
			return true
		}
		if e, ok := err.(interface{ Is(error) bool }); ok && e.Is(target) {
			return true
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return everyLeafIs(e.Unwrap(), targets...)
	case interface{ Unwrap() []error }:
		joined := e.Unwrap()
		for _, err := range joined {
			if !everyLeafIs(err, targets...) {
				return false
			}
		}
		return len(joined) > 0
	}
	return false
}

// isInterruption reports whether err is nothing but the news that ctx is done.
func isInterruption(ctx context.Context, err error) bool {
	return ctx.Err() != nil && everyLeafIs(err, ctx.Err(), context.Cause(ctx))
}

// Phase names a method of [SessionRunHook] in a [HookError].
type Phase string

// The phases of a hook.
const (
	PhaseBegin              Phase = "Begin"
	PhaseAfterCreateSession Phase = "AfterCreateSession"
	PhaseBeforeRun          Phase = "BeforeRun"
	PhaseAfterRun           Phase = "AfterRun"
	PhaseEnd                Phase = "End"
	PhaseCloseSession       Phase = "CloseSession"
)

// A HookError is the failure of a hook. It wraps what the hook returned.
type HookError struct {
	Hook  string // the hook's name
	Phase Phase
	Err   error
}

func (e *HookError) Error() string {
	return fmt.Sprintf("session: hook %q: %s: %v", e.Hook, e.Phase, e.Err)
}

func (e *HookError) Unwrap() error { return e.Err }

// An UnknownNameError says that a graph has nothing of that name to fetch or to
// feed. It Is [ErrUnknownName].
type UnknownNameError struct {
	Name    string
	Similar []string // known names that look like it, the closest first
	Known   []string // all of them, if none is similar and they are few
}

// UnknownName makes the error for a name that is not among known: for engines.
func UnknownName(name string, known []string) *UnknownNameError {
	e := &UnknownNameError{Name: name, Similar: closest.To(name, known)}
	if few := 8; len(e.Similar) == 0 && len(known) <= few {
		e.Known = slices.Sorted(slices.Values(known))
	}
	return e
}

func (e *UnknownNameError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "unknown name %q", e.Name)
	if len(e.Known) > 0 {
		fmt.Fprintf(&b, ", there are %q", e.Known)
	}
	for i, s := range e.Similar {
		if i == 0 {
			b.WriteString(", did you mean ")
		} else {
			b.WriteString(" or ")
		}
		fmt.Fprintf(&b, "%q", s)
	}
	return b.String()
}

// Is makes every UnknownNameError an [ErrUnknownName].
func (e *UnknownNameError) Is(target error) bool { return target == ErrUnknownName }

// A FeedConflictError says who feeds one name twice. It Is [ErrFeedConflict].
type FeedConflictError struct {
	Name          string
	First, Second string // hook names; Second is "" for the caller of the run
}

func (e *FeedConflictError) Error() string {
	second := "the caller of the run"
	if e.Second != "" {
		second = fmt.Sprintf("hook %q", e.Second)
	}
	return fmt.Sprintf("session: %q is fed by hook %q and by %s", e.Name, e.First, second)
}

// Is makes every FeedConflictError an [ErrFeedConflict].
func (e *FeedConflictError) Is(target error) bool { return target == ErrFeedConflict }
