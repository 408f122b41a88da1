package session

import (
	"context"
	"errors"
)

// errPanicked is the cause that CloseSession is told when a panic, or
// runtime.Goexit, ends the session.
var errPanicked = errors.New("session: panic")

var errNoBody = errors.New("session: With: the function is nil")

// With opens a monitored session, calls body, and closes the session with what
// body returned: Python's with block. It returns nil after a clean end; the
// cause of ctx if that ended the loop; otherwise body's error, joined with what
// failed in closing.
//
// If body panics, the session is closed without End, and the panic goes on.
func With(ctx context.Context, config Config, body func(s *MonitoredSession) error) error {
	if body == nil {
		return errNoBody
	}
	s, err := NewMonitoredSession(ctx, config)
	if err != nil {
		return err
	}
	return s.leave(func() error { return body(s) })
}

// WithSingular is [With] for a [SingularMonitoredSession].
func WithSingular(ctx context.Context, config Config, body func(s *SingularMonitoredSession) error) error {
	if body == nil {
		return errNoBody
	}
	s, err := NewSingularMonitoredSession(ctx, config)
	if err != nil {
		return err
	}
	return s.leave(func() error { return body(s) })
}

// leave calls the body of a block and closes the session with what became of it.
func (s *MonitoredSession) leave(body func() error) error {
	returned := false
	defer func() {
		if !returned {
			s.CloseWithError(errPanicked)
		}
	}()
	err := body()
	returned = true
	alreadyClosed := s.over.Load()
	closeErr := s.CloseWithError(err)
	if alreadyClosed && err != nil && !IsCleanStop(err) && !errors.Is(closeErr, err) {
		return joined([]error{err, closeErr}) // body has closed the session itself and failed after that
	}
	return closeErr
}
