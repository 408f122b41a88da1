package hooks

import (
	"context"
	"fmt"
	"time"

	"github.com/runhook/runhook/session"
)

// A StopAtSecsHook requests a stop after the first run that ends when some time
// has passed since the session began. A session that is lost and created again
// does not begin anew.
type StopAtSecsHook struct {
	session.BaseHook
	stopAfter time.Duration
	began     time.Time
}

var _ session.SessionRunHook = (*StopAtSecsHook)(nil)

// NewStopAtSecsHook returns a hook. With 0 it stops after the first run; a
// negative time is an error.
func NewStopAtSecsHook(stopAfterSecs time.Duration) (*StopAtSecsHook, error) {
	if stopAfterSecs < 0 {
		return nil, fmt.Errorf("hooks: NewStopAtSecsHook: stopAfterSecs is %v, want 0 or more", stopAfterSecs)
	}
	return &StopAtSecsHook{stopAfter: stopAfterSecs}, nil
}

// Begin looks at the clock.
func (h *StopAtSecsHook) Begin(context.Context, session.Graph) error {
	h.began = time.Now()
	return nil
}

// AfterRun requests a stop if it is time to.
func (h *StopAtSecsHook) AfterRun(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
	if time.Since(h.began) >= h.stopAfter {
		rc.RequestStop()
	}
	return nil
}
