package hooks

import (
	"context"
	"log/slog"
	"time"

	"github.com/runhook/runhook/session"
)

// TensorFlow's numbers of a waiter.
const (
	waiterPoll     = 500 * time.Millisecond
	waiterProgress = 1000 // steps
)

// GlobalStepWaiterHookConfig describes a [GlobalStepWaiterHook].
type GlobalStepWaiterHookConfig struct {
	// WaitUntilStep is the global step to wait for. 0 or less: there is no wait.
	WaitUntilStep int64
	// Logger is told of the wait, and every 1000 steps of it. nil: nobody is.
	Logger *slog.Logger
}

// A GlobalStepWaiterHook delays the first run until the global step, which other
// workers increase, has come to a target: a worker that joins late has its
// learning rate decayed. A stop that is requested meanwhile ends the wait.
type GlobalStepWaiterHook struct {
	session.BaseHook
	config GlobalStepWaiterHookConfig
	step   *session.GlobalStep
	coord  *session.Coordinator
	waited bool
}

var (
	_ session.SessionRunHook = (*GlobalStepWaiterHook)(nil)
	_ session.SessionCloser  = (*GlobalStepWaiterHook)(nil)
)

// NewGlobalStepWaiterHook returns a hook.
func NewGlobalStepWaiterHook(config GlobalStepWaiterHookConfig) *GlobalStepWaiterHook {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &GlobalStepWaiterHook{config: config}
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *GlobalStepWaiterHook) Begin(_ context.Context, graph session.Graph) error {
	h.waited = false
	var err error
	h.step, err = session.NewGlobalStep(graph)
	return err
}

// AfterCreateSession takes the coordinator, whose stop ends the wait.
func (h *GlobalStepWaiterHook) AfterCreateSession(_ context.Context, _ session.Session, coord *session.Coordinator) error {
	h.coord = coord
	return nil
}

// BeforeRun waits, the first time.
func (h *GlobalStepWaiterHook) BeforeRun(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
	if h.waited {
		return nil, nil
	}
	h.waited = true
	if h.config.WaitUntilStep <= 0 {
		return nil, nil
	}
	return nil, h.wait(ctx, rc.Session())
}

func (h *GlobalStepWaiterHook) wait(ctx context.Context, s session.Session) error {
	target := slog.Int64("target", h.config.WaitUntilStep)
	h.config.Logger.LogAttrs(ctx, slog.LevelInfo, "waiting for the global step", target)
	ticker := time.NewTicker(waiterPoll)
	defer ticker.Stop()
	var told int64
	for {
		step, err := h.step.Read(ctx, s)
		if err != nil || step >= h.config.WaitUntilStep {
			return err
		}
		if step-told > waiterProgress {
			told = step
			h.config.Logger.LogAttrs(ctx, slog.LevelInfo, "still waiting for the global step", target, slog.Int64("step", step))
		}
		select {
		case <-ticker.C:
		case <-h.coord.Context().Done():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// CloseSession lets go of the coordinator.
func (h *GlobalStepWaiterHook) CloseSession(context.Context, error) error {
	h.coord = nil
	return nil
}
