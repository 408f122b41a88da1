package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// ErrTimeout is the error of a [TimeoutHook].
var ErrTimeout = errors.New("a run takes too long")

// TimeoutHookConfig describes a [TimeoutHook].
type TimeoutHookConfig struct {
	// Timeout is how long a run may take, hooks behind this one included. Required.
	Timeout time.Duration
	// Cancel is called with the error: of the context that runs are made with, it
	// interrupts an engine that looks at its context. nil: the run is left alone.
	Cancel context.CancelCauseFunc
	// Logger is told. nil: nobody is.
	Logger *slog.Logger
}

func (c TimeoutHookConfig) resolve() (TimeoutHookConfig, error) {
	var errs []error
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("got a Timeout of %v, want a positive duration", c.Timeout))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, faults.Join("hooks: TimeoutHookConfig", errs...)
}

// A TimeoutHook is a watchdog: when a run takes too long it reports [ErrTimeout]
// to the coordinator, which stops the training as soon as the run is over and is
// what closing the session returns. A run that fails is watched until the next
// one begins, or the session is lost or closed.
type TimeoutHook struct {
	session.BaseHook
	config TimeoutHookConfig
	epoch  time.Time
	// began is when the run in progress began, since epoch; 0: there is none.
	began atomic.Int64

	mu    sync.Mutex           // guards what follows
	coord *session.Coordinator // of the session that is watched; nil: none is
	timer *time.Timer
}

var (
	_ session.SessionRunHook = (*TimeoutHook)(nil)
	_ session.SessionCloser  = (*TimeoutHook)(nil)
)

// NewTimeoutHook returns a hook, or what is wrong with its config.
func NewTimeoutHook(config TimeoutHookConfig) (*TimeoutHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	return &TimeoutHook{config: config}, nil
}

// AfterCreateSession begins to watch the runs of a session.
func (h *TimeoutHook) AfterCreateSession(_ context.Context, _ session.Session, coord *session.Coordinator) error {
	h.stop()
	h.began.Store(0)
	h.epoch = time.Now().Add(-1) // so that no run begins at 0
	h.mu.Lock()
	defer h.mu.Unlock()
	h.coord = coord
	h.timer = time.AfterFunc(h.config.Timeout, func() {
		if h.expired(coord) {
			h.expire(coord)
		}
	})
	return nil
}

// expired reports whether a run of the session of coord takes too long, when the
// timer has ended. If not, the timer is set to when one could.
func (h *TimeoutHook) expired(coord *session.Coordinator) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.coord != coord {
		return false
	}
	left := h.left()
	if left > 0 {
		h.timer.Reset(left)
	}
	return left <= 0
}

// left is how long no run can have taken too long. Setting a timer for each run
// would take longer than to look again when it could be.
func (h *TimeoutHook) left() time.Duration {
	began := h.began.Load()
	if began == 0 {
		return h.config.Timeout
	}
	return h.config.Timeout - (time.Since(h.epoch) - time.Duration(began))
}

func (h *TimeoutHook) expire(coord *session.Coordinator) {
	err := fmt.Errorf("hooks: %w: more than %v", ErrTimeout, h.config.Timeout)
	h.config.Logger.LogAttrs(context.Background(), slog.LevelError, "a run takes too long", slog.Duration("timeout", h.config.Timeout))
	if coord.RequestStop(err) == nil && h.config.Cancel != nil {
		h.config.Cancel(err)
	}
}

// stop ends the watch.
func (h *TimeoutHook) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.coord != nil {
		h.timer.Stop()
		h.coord, h.timer = nil, nil
	}
}

// BeforeRun looks at the clock.
func (h *TimeoutHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	h.began.Store(int64(time.Since(h.epoch)))
	return nil, nil
}

// AfterRun says that the run is over.
func (h *TimeoutHook) AfterRun(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
	h.began.Store(0)
	return nil
}

// CloseSession ends the watch.
func (h *TimeoutHook) CloseSession(context.Context, error) error {
	h.stop()
	return nil
}
