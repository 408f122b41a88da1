package session

import (
	"context"
	"errors"
)

// errPanicked is the cause that CloseSession is told when a panic, or
// runtime.Goexit, ends the session.
var errPanicked = errors.New("session: panic")

// With opens a monitored session, calls body, and closes the session with what
// body returned: Python's with block. It returns nil after a clean end; the
// cause of ctx if that ended the loop; otherwise body's error, joined with what
// failed in closing.
//
// If body panics, the session is closed without End, and the panic goes on.
func With(ctx context.Context, config Config, body func(s *MonitoredSession) error) error {
	s, err := NewMonitoredSession(ctx, config)
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned {
			s.CloseWithError(errPanicked)
		}
	}()
	err = body(s)
	returned = true
	alreadyClosed := s.live.Load() == nil
	closeErr := s.CloseWithError(err)
	if alreadyClosed && !IsCleanStop(err) && !errors.Is(closeErr, err) {
		return joined([]error{err, closeErr}) // body has closed the session itself and failed after that
	}
	return closeErr
}
