package session

import "context"

// A SingularMonitoredSession is a [MonitoredSession] that does not create a
// lost session again: [ErrAborted] and [ErrUnavailable] are returned like other
// errors.
type SingularMonitoredSession struct {
	MonitoredSession
}

// NewSingularMonitoredSession is [NewMonitoredSession] without recovery.
func NewSingularMonitoredSession(ctx context.Context, config Config) (*SingularMonitoredSession, error) {
	s := new(SingularMonitoredSession)
	s.singular = true
	if err := s.open(ctx, config); err != nil {
		return nil, err
	}
	return s, nil
}

// RawSession returns the engine's session, a run of which goes through no hook;
// nil once the monitored session is closed.
func (s *SingularMonitoredSession) RawSession() Session {
	live := s.live.Load()
	if live == nil {
		return nil
	}
	return live.raw
}
