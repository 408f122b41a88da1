package session

import (
	"context"
	"errors"
	"fmt"
)

// NewMonitoredSession calls Begin of the hooks, has a session created, which
// finalizes the engine, and calls AfterCreateSession of the hooks. If any of
// it fails, whatever was opened is closed again; if it fails because ctx is done,
// the error Is the cause of that. When ctx is done later, ShouldStop is true; a
// run is interrupted by the context that it was given itself.
func NewMonitoredSession(ctx context.Context, config Config) (*MonitoredSession, error) {
	s := new(MonitoredSession)
	if err := s.open(ctx, config); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *MonitoredSession) open(ctx context.Context, config Config) (err error) {
	s.ctx = ctx
	s.closing, s.endWaiting = context.WithCancel(context.WithoutCancel(ctx))
	if s.config, s.hooks, err = config.resolve(); err != nil {
		return err
	}
	begun, opened := 0, false
	defer func() {
		if opened {
			return
		}
		if isInterruption(ctx, err) {
			err = context.Cause(ctx)
		} else if ctx.Err() != nil {
			err = because(context.Cause(ctx), ctx.Err(), err)
		}
		cause := err
		if cause == nil {
			cause = errPanicked
		}
		err = joined(append([]error{err}, s.closeHooks(s.hooks[:begun], cause)...))
	}()
	for i := range s.hooks {
		begun++
		if err := s.hooks[i].Begin(s.ctx, s.config.Engine); err != nil {
			return s.hooks[i].failed(PhaseBegin, err)
		}
	}
	if _, err := s.session(s.ctx); err != nil {
		return err
	}
	opened = true
	return nil
}

// create has a session made and shows it to the hooks. run is whose context
// opening ends with, see [MonitoredSession.openingContext].
func (s *MonitoredSession) create(opening, run context.Context) (_ *liveSession, err error) {
	created, err := s.config.SessionCreator.CreateSession(opening)
	if err != nil {
		return nil, s.interrupted(opening, run, err)
	}
	if isNil(created) {
		return nil, fmt.Errorf("session: %T: CreateSession returned no session", s.config.SessionCreator)
	}
	raw, ok := created.(*rawSession)
	if !ok {
		raw = &rawSession{engine: created}
	}
	live := &liveSession{raw: raw, coord: NewCoordinator(s.ctx, CoordinatorConfig{CleanStop: IsCleanStop})}
	live.hooked = newHookedSession(live.raw, s.hooks)
	usable := false
	defer func() {
		if !usable {
			err = joined(append([]error{err}, s.closeLive(context.Background(), live)...))
		}
	}()
	for i := range s.hooks {
		h := &s.hooks[i]
		if err = h.failed(PhaseAfterCreateSession, h.AfterCreateSession(opening, live.raw, live.coord)); err != nil {
			return nil, s.interrupted(opening, run, err)
		}
	}
	usable = true
	return live, nil
}

// openingContext returns the context that a session is created with: it has the
// values of the session's own, and is done when that is, when run is, whoever
// waits for the session, or when somebody waits to close. It is for the opening
// alone, which end ends.
func (s *MonitoredSession) openingContext(run context.Context) (opening context.Context, end func()) {
	opening, cancel := context.WithCancel(s.ctx)
	notWithRun := context.AfterFunc(run, cancel)
	notWithClose := context.AfterFunc(s.closing, cancel)
	return opening, func() {
		notWithRun()
		notWithClose()
		cancel()
	}
}

// interruption is what has ended the context that a session is created with; nil
// if nothing has.
func (s *MonitoredSession) interruption(run context.Context) error {
	switch {
	case run.Err() != nil:
		return run.Err()
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	case s.closing.Err() != nil:
		return ErrClosed
	}
	return nil
}

// interrupted returns an error of creating a session. Where it is the news that
// opening is done, it Is what has ended that; one who closes does not ask how far
// it was.
func (s *MonitoredSession) interrupted(opening, run context.Context, err error) error {
	if opening.Err() == nil {
		return err
	}
	why := s.interruption(run)
	if why == ErrClosed && errors.Is(err, opening.Err()) {
		return ErrClosed
	}
	return because(why, opening.Err(), err)
}

// because returns err; where that Is news, it Is also why.
func because(why, news, err error) error {
	switch {
	case err == news:
		return why
	case !errors.Is(err, news) || errors.Is(err, why):
		return err
	}
	return fmt.Errorf("%w: %w", why, err)
}
