package session

import (
	"context"
	"reflect"
	"runtime"
)

// A turn lets one caller of a monitored session work at a time. It is a channel
// and no mutex because callers hold it while they wait for an engine: those
// behind them can give up when their context is done.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn. Its callers are the functions in turnHolders.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	default:
	}
	if calledFromHolder() {
		return ErrInRun
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tryTake takes the turn if nobody has it.
func (t turn) tryTake() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t turn) give() { <-t }

// turnHolders are the functions that call hooks, step functions and engines
// while they have the turn. A test sees to it that none is missing.
var turnHolders = map[string]bool{
	methodPrefix + "runInTurn":      true,
	methodPrefix + "RunStepFn":      true,
	methodPrefix + "CheckStop":      true,
	methodPrefix + "CloseWithError": true,
}

// methodPrefix is what the runtime puts before the names of methods.
var methodPrefix = reflect.TypeFor[MonitoredSession]().PkgPath() + ".(*MonitoredSession)."

// calledFromHolder reports whether the caller of the turnHolder that asks is
// itself, further up, called by one: a hook or a step function, which may be
// about to wait for its own end. (It may be one of another session. Which, the
// stack does not tell.) The stack is looked at only where the turn is taken.
func calledFromHolder() bool {
	for size := 64; ; size *= 4 {
		pcs := make([]uintptr, size)
		n := runtime.Callers(1, pcs)
		if n < size {
			pcs = pcs[:n]
			holders := 0
			for frames := runtime.CallersFrames(pcs); ; {
				frame, more := frames.Next()
				if turnHolders[frame.Function] {
					holders++
				}
				if !more {
					return holders > 1
				}
			}
		}
	}
}
