package hooks

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"sync"
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
// Signals are caught from Begin to CloseSession, by a goroutine of the hook's.
type SignalHook struct {
	session.BaseHook
	config SignalHookConfig
	caught chan os.Signal
	ending chan struct{} // closed by CloseSession
	ended  chan struct{} // closed when the goroutine has ended

	mu    sync.Mutex // guards what follows
	coord *session.Coordinator
	got   os.Signal
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

// Signal returns the signal that the session got; nil if it got none. It is safe
// for concurrent use.
func (h *SignalHook) Signal() os.Signal {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got
}

// Begin begins to catch the signals.
func (h *SignalHook) Begin(context.Context, session.Graph) error {
	h.mu.Lock()
	h.coord, h.got = nil, nil
	h.mu.Unlock()
	h.caught, h.ending, h.ended = make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(h.caught, h.config.Signals...)
	go h.wait()
	return nil
}

// wait waits for a signal, which stops the session that there is, or the next.
func (h *SignalHook) wait() {
	defer close(h.ended)
	select {
	case <-h.ending:
		signal.Stop(h.caught)
	case got := <-h.caught:
		signal.Stop(h.caught)
		h.config.Logger.LogAttrs(context.Background(), slog.LevelInfo, "stop because of a signal", slog.String("signal", got.String()))
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = got
		if h.coord != nil {
			h.coord.RequestStop(nil)
		}
	}
}

// AfterCreateSession takes the coordinator that a signal stops.
func (h *SignalHook) AfterCreateSession(_ context.Context, _ session.Session, coord *session.Coordinator) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.coord = coord
	if h.got != nil {
		coord.RequestStop(nil)
	}
	return nil
}

// CloseSession lets signals have their usual effect.
func (h *SignalHook) CloseSession(context.Context, error) error {
	if h.ending != nil {
		close(h.ending)
		<-h.ended
		h.ending = nil
	}
	return nil
}
