package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	timer  *time.Timer // nil before the first session
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

// AfterCreateSession makes the timer, which reports to the coordinator.
func (h *TimeoutHook) AfterCreateSession(_ context.Context, _ session.Session, coord *session.Coordinator) error {
	h.stop()
	h.timer = time.AfterFunc(h.config.Timeout, func() { h.expire(coord) })
	h.timer.Stop()
	return nil
}

func (h *TimeoutHook) expire(coord *session.Coordinator) {
	err := fmt.Errorf("hooks: %w: more than %v", ErrTimeout, h.config.Timeout)
	h.config.Logger.LogAttrs(context.Background(), slog.LevelError, "a run takes too long", slog.Duration("timeout", h.config.Timeout))
	if coord.RequestStop(err) == nil && h.config.Cancel != nil {
		h.config.Cancel(err)
	}
}

func (h *TimeoutHook) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
}

// BeforeRun starts the timer.
func (h *TimeoutHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	h.timer.Reset(h.config.Timeout)
	return nil, nil
}

// AfterRun stops it.
func (h *TimeoutHook) AfterRun(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
	h.timer.Stop()
	return nil
}

// CloseSession stops the timer.
func (h *TimeoutHook) CloseSession(context.Context, error) error {
	h.stop()
	return nil
}
