package session

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Close is CloseWithError(nil): the loop is over.
func (s *MonitoredSession) Close() error { return s.CloseWithError(nil) }

// CloseWithError ends the session, which the caller's loop leaves because of
// cause. It waits for a run in progress; if that waits for a session to be created
// again, it ends with [ErrClosed]. All of this is done, whatever fails:
//
//   - End of the hooks, in order, if the end is clean (cause is nil or
//     [IsCleanStop]) or an interruption, and there is a session: one that was
//     lost and could not be created again has no End;
//   - the coordinator's goroutines are stopped and waited for;
//   - the engine's session is closed;
//   - CloseSession of the hooks, in reverse order.
//
// It is an interruption when the session's context is done and cause is nothing
// but that, or is nil though nobody asked for a stop. Then End has the grace
// period, and the context's cause is returned.
//
// It returns nil after a clean end; otherwise cause, joined with what failed in
// closing. A second call does nothing and returns the same.
func (s *MonitoredSession) CloseWithError(cause error) error {
	if !s.turn.tryTake() {
		if calledFromHolder() {
			return ErrInRun
		}
		s.endWaiting() // for a session that nobody will use
		if err := s.turn.take(context.Background()); err != nil {
			return err
		}
	}
	defer s.turn.give()
	if !s.over.Load() {
		s.over.Store(true)
		s.closeErr = errPanicked // unless close returns
		s.closeErr = s.close(cause)
	}
	return s.closeErr
}

func (s *MonitoredSession) close(cause error) error {
	var errs []error
	live := s.live.Load()
	end := true
	switch {
	case isInterruption(s.ctx, cause), cause == nil && s.ctx.Err() != nil && !s.stop.Load():
		errs = append(errs, context.Cause(s.ctx))
	case cause != nil && !IsCleanStop(cause):
		errs = append(errs, cause)
		end = false
	}
	if live == nil {
		if broken := s.broken.Load(); broken != nil {
			errs = append(errs, *broken)
		}
		return joined(append(errs, s.closeHooks(s.hooks, joined(errs))...))
	}
	returned := false
	doAll(
		func() {
			if end {
				errs = append(errs, s.endHooks(live.raw)...)
			}
			returned = true
		},
		func() {
			if !returned {
				errs = append(errs, errPanicked)
			}
			errs = append(errs, s.closeLive(context.Background(), live)...)
			s.live.Store(nil)
		},
		func() { errs = append(errs, s.closeHooks(s.hooks, joined(errs))...) },
		func() { errs = append(errs, live.coord.stillRunning()) },
	)
	return joined(errs)
}

// doAll calls the functions in order, each even if those before it panic.
func doAll(functions ...func()) {
	if len(functions) > 0 {
		defer doAll(functions[1:]...)
		functions[0]()
	}
}

func (s *MonitoredSession) endHooks(raw Session) (errs []error) {
	ctx, cancel := s.graceContext()
	defer cancel()
	for i := range s.hooks {
		h := &s.hooks[i]
		errs = append(errs, h.failed(PhaseEnd, h.End(ctx, raw)))
	}
	return errs
}

// closeHooks calls CloseSession of those hooks that have it, the last first.
func (s *MonitoredSession) closeHooks(hooks []attachedHook, cause error) (errs []error) {
	ctx, cancel := s.graceContext()
	defer cancel()
	var calls []func()
	for i := range slices.Backward(hooks) {
		if h := &hooks[i]; h.closer != nil {
			calls = append(calls, func() {
				errs = append(errs, h.failed(PhaseCloseSession, h.closer.CloseSession(ctx, cause)))
			})
		}
	}
	doAll(calls...)
	return errs
}

// graceContext returns the context for what flushes: it outlives the session's
// own by the grace period.
func (s *MonitoredSession) graceContext() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.ctx))
	stop := context.AfterFunc(s.ctx, func() {
		grace := time.NewTimer(s.config.StopGracePeriod)
		defer grace.Stop()
		select {
		case <-grace.C:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		stop()
		cancel()
	}
}

// joined returns the errors that are not nil as one: a single one as it is.
func joined(errs []error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// closeLive stops and waits for the coordinator's goroutines, then closes the
// engine's session. That the session was lost is no news, but where nobody
// creates it again what a goroutine has reported is an error like others. A stop
// that was requested of the coordinator without an error outlives it. When ctx is
// done, goroutines are not waited for any longer.
func (s *MonitoredSession) closeLive(ctx context.Context, l *liveSession) []error {
	if context.Cause(l.coord.Context()) == ErrStopRequested {
		s.coordStop.Store(true)
	}
	l.coord.RequestStop(nil)
	reported, closed := l.coord.join(ctx, s.config.StopGracePeriod), l.raw.Close()
	if s.isLost(reported) {
		reported = nil
	}
	if IsLost(closed) {
		closed = nil
	}
	return []error{reported, closed}
}
