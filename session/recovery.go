package session

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/runhook/runhook/internal/cadence"
)

// Off, as a limit or a period, means none.
const Off = cadence.Off

// Recovery says what a [MonitoredSession] does about a session that was lost:
// when a run, a hook, a goroutine of the coordinator or the creation of a
// session fails with an error that is [IsLost]. The session is closed, another
// one is created, AfterCreateSession of the hooks is called again, and what
// failed is done again from its beginning.
type Recovery struct {
	// Backoff returns how long to wait before a session is created for the n-th
	// time since a run last succeeded; n is 1 or more. Default: doubling from
	// 100 ms to 30 s, each shortened at random by up to a half.
	Backoff func(n int) time.Duration
	// MaxAttempts is how many sessions may be lost, or fail to be created, before
	// a run succeeds again. Default 20, which is 5 minutes or so with the default
	// Backoff. Off sets no limit.
	MaxAttempts int
	// Recoverable decides which errors mean that the session was lost. Default:
	// [IsLost].
	Recoverable func(error) bool
}

func (r Recovery) resolve() (Recovery, error) {
	if r.MaxAttempts < 0 && r.MaxAttempts != Off {
		return r, fmt.Errorf("session: Recovery: MaxAttempts is %d, want a positive number, 0 (20) or Off", r.MaxAttempts)
	}
	if r.MaxAttempts == 0 {
		r.MaxAttempts = 20
	}
	if r.Backoff == nil {
		r.Backoff = backoff
	}
	if r.Recoverable == nil {
		r.Recoverable = IsLost
	}
	return r, nil
}

// backoff is the default of Recovery.Backoff. The random part keeps many workers
// from coming back at the same moment.
func backoff(n int) time.Duration {
	const first, longest = 100 * time.Millisecond, 30 * time.Second
	d := longest
	if n < 10 {
		d = min(first<<(n-1), longest)
	}
	return d - rand.N(d/2)
}

// session returns the live session, or creates one if it was lost. The caller
// has the turn.
func (s *MonitoredSession) session(ctx context.Context) (*liveSession, error) {
	if live := s.live.Load(); live != nil {
		return live, nil
	}
	opening, end := s.openingContext(ctx)
	defer end()
	for {
		if err := s.waitToCreate(opening, ctx); err != nil {
			return nil, err
		}
		live, err := s.create(opening, ctx)
		if err == nil {
			s.broken.Store(nil)
			s.live.Store(live)
			return live, nil
		}
		if err := s.countLoss(err); err != nil {
			return nil, err
		}
	}
}

// waitToCreate waits as long as Backoff says, if there was a loss.
func (s *MonitoredSession) waitToCreate(opening, run context.Context) error {
	if s.losses == 0 {
		return nil
	}
	timer := time.NewTimer(s.config.Recovery.Backoff(s.losses))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-opening.Done():
	}
	return s.interruption(run)
}

// countLoss returns nil if err is a loss after which to try again, else the
// error to give up with.
func (s *MonitoredSession) countLoss(err error) error {
	if !s.isLost(err) {
		return err
	}
	s.losses++
	if most := s.config.Recovery.MaxAttempts; most != Off && s.losses > most {
		return fmt.Errorf("session: given up after %d lost sessions: %w", s.losses, err)
	}
	return nil
}

func (s *MonitoredSession) isLost(err error) bool {
	return err != nil && !s.singular && s.config.Recovery.Recoverable(err)
}

// rootCause returns the error of a hooked run, or the loss that the coordinator
// holds: the run may have failed in another way because of it.
func (s *MonitoredSession) rootCause(live *liveSession, err error) error {
	if err == nil || IsLost(err) {
		return err
	}
	if cause := live.coord.Err(); s.isLost(cause) || s.singular && IsLost(cause) {
		return cause
	}
	return err
}

// lose looks at an error. If the session was lost, it is closed and lose returns
// nil: the caller tries again. Otherwise lose returns the error.
func (s *MonitoredSession) lose(ctx context.Context, live *liveSession, err error) error {
	if !s.isLost(err) {
		return err
	}
	s.live.Store(nil)
	if failed := joined(s.closeLive(ctx, live)); failed != nil {
		if errors.Is(failed, ErrStillRunning) {
			return joined([]error{err, failed}) // why they had to stop
		}
		return failed
	}
	return s.countLoss(err)
}

// CheckStop is [MonitoredSession.ShouldStop] with the error that it may run
// into: where a goroutine of the coordinator has lost the session and no run is
// in progress, the session is created again, and that may fail. In a
// [SingularMonitoredSession] the error is what a goroutine has reported.
func (s *MonitoredSession) CheckStop() (stop bool, err error) {
	if s.stop.Load() || s.coordStop.Load() || s.ctx.Err() != nil || s.over.Load() {
		return true, nil
	}
	live := s.live.Load()
	if live != nil && !live.coord.ShouldStop() {
		return false, nil
	}
	if live != nil && s.singular {
		return true, live.coord.Err()
	}
	if live != nil && !s.isLost(live.coord.Err()) && s.live.Load() == live {
		return true, nil
	}
	// The session was lost, or its coordinator was stopped because a run has lost
	// it. A run that is in progress creates it again.
	if !s.turn.tryTake() {
		return false, nil
	}
	defer s.turn.give()
	if live == nil || s.live.Load() != live {
		return s.live.Load() == nil, nil
	}
	if err := s.lose(s.ctx, live, live.coord.Err()); err != nil {
		return true, err
	}
	live, err = s.session(s.ctx)
	if err == ErrClosed && s.closing.Err() != nil {
		return true, nil // somebody closes it meanwhile
	}
	if err != nil {
		return true, err
	}
	stop = s.stop.Load() || s.coordStop.Load() || s.ctx.Err() != nil
	return stop || live.coord.ShouldStop() && !s.isLost(live.coord.Err()), nil
}

// ShouldStop reports whether the loop is to end: a stop was requested by a hook,
// a goroutine of the coordinator or RequestStop, the session's context is done,
// the session is closed, or it was lost and could not be created again. In the
// last case Close returns the error. It never waits for a run in progress, but
// it may create a session that was lost, which takes as long as Recovery allows.
func (s *MonitoredSession) ShouldStop() bool {
	stop, err := s.CheckStop()
	if err != nil && !s.singular && !isInterruption(s.ctx, err) {
		kept := err // err itself stays off the heap
		s.broken.Store(&kept)
	}
	return stop
}
