package hooks

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/runhook/runhook/session"
)

// SignalHookConfig describes a [SignalHook]. The zero value is ready for use.
type SignalHookConfig struct {
	// Signals are those to stop at. Default: SIGINT and SIGTERM.
	Signals []os.Signal
	// Logger is told of a signal. nil: nobody is.
	Logger *slog.Logger
}

// A SignalHook requests a stop when the process gets a signal: the run in
// progress is finished, End of all hooks is called, so that the last step is
// saved and everything is flushed. It is what a machine needs that may be taken
// away. A second signal has its usual effect, at once.
//
// Signals are caught from Begin to CloseSession.
type SignalHook struct {
	session.BaseHook
	config SignalHookConfig
	caught chan os.Signal
	got    atomic.Pointer[os.Signal]
}

var (
	_ session.SessionRunHook = (*SignalHook)(nil)
	_ session.SessionCloser  = (*SignalHook)(nil)
)

// NewSignalHook returns a hook.
func NewSignalHook(config SignalHookConfig) *SignalHook {
	if config.Signals = slices.Clone(config.Signals); len(config.Signals) == 0 {
		config.Signals = []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &SignalHook{config: config}
}

// Signal returns the signal that has stopped the session; nil if none has. It is
// safe for concurrent use.
func (h *SignalHook) Signal() os.Signal {
	if got := h.got.Load(); got != nil {
		return *got
	}
	return nil
}

// Begin begins to catch the signals.
func (h *SignalHook) Begin(context.Context, session.Graph) error {
	h.got.Store(nil)
	h.caught = make(chan os.Signal, 1)
	signal.Notify(h.caught, h.config.Signals...)
	return nil
}

// AfterCreateSession starts a goroutine of the coordinator, which waits for a
// signal.
func (h *SignalHook) AfterCreateSession(_ context.Context, _ session.Session, coord *session.Coordinator) error {
	caught := h.caught
	coord.Go("signals", func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case got := <-caught:
			signal.Stop(caught)
			h.got.Store(&got)
			h.config.Logger.LogAttrs(ctx, slog.LevelInfo, "stop because of a signal", slog.String("signal", got.String()))
			return coord.RequestStop(nil)
		}
	})
	return nil
}

// CloseSession lets signals have their usual effect.
func (h *SignalHook) CloseSession(context.Context, error) error {
	if h.caught != nil {
		signal.Stop(h.caught)
		h.caught = nil
	}
	return nil
}
