package session

import (
	"context"
	"reflect"
	"runtime"
	"sync"
)

// A Turn lets one of many goroutines work at a time: the sessions of an [Engine]
// that share its state, one run after the other. It is no mutex because a turn
// lasts as long as a run does: those who wait can give up when their context is
// done. The zero Turn is ready for use; it may not be copied.
type Turn struct {
	once  sync.Once
	taken chan struct{} // full while somebody has the turn
}

// Take waits for the turn, which the caller then has to give back. It returns the
// error of ctx, and the caller has no turn, if ctx is done or becomes so.
func (t *Turn) Take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t.channel() <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Give gives the turn back. As with a mutex, it is a fault in the program, and
// panics, if nobody has it.
func (t *Turn) Give() {
	select {
	case <-t.channel():
	default:
		panic("session: Turn.Give without Take")
	}
}

// tryTake takes the turn if nobody has it.
func (t *Turn) tryTake() bool {
	select {
	case t.channel() <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t *Turn) channel() chan struct{} {
	t.once.Do(func() { t.taken = make(chan struct{}, 1) })
	return t.taken
}

// A runTurn is the turn of the callers of a monitored session.
type runTurn struct{ inner Turn }

// take waits for the turn. Its callers are the functions in turnHolders.
func (t *runTurn) take(ctx context.Context) error {
	switch {
	case t.tryTake():
		return nil
	case calledFromHolder():
		return ErrInRun
	}
	return t.inner.Take(ctx)
}

func (t *runTurn) tryTake() bool { return t.inner.tryTake() }

func (t *runTurn) give() { t.inner.Give() }

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
