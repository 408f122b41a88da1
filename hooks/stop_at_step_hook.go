package hooks

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// StopAtStepHookConfig describes a [StopAtStepHook]. Exactly one field is set.
type StopAtStepHookConfig struct {
	// NumSteps is how many steps to make from where the session begins. A session
	// that is lost and created again keeps its aim.
	NumSteps int64
	// LastStep is the global step to stop at.
	LastStep int64
}

func (c StopAtStepHookConfig) validate() error {
	var errs []error
	if c.NumSteps < 0 {
		errs = append(errs, fmt.Errorf("NumSteps is %d, want a positive number of steps", c.NumSteps))
	}
	if c.LastStep < 0 {
		errs = append(errs, fmt.Errorf("LastStep is %d, want a positive step", c.LastStep))
	}
	switch {
	case len(errs) > 0:
	case c.NumSteps == 0 && c.LastStep == 0:
		errs = append(errs, errors.New("neither NumSteps nor LastStep is set, want exactly one"))
	case c.NumSteps != 0 && c.LastStep != 0:
		errs = append(errs, fmt.Errorf("both NumSteps (%d) and LastStep (%d) are set, want exactly one", c.NumSteps, c.LastStep))
	}
	return faults.Join("hooks: StopAtStepHookConfig", errs...)
}

// A StopAtStepHook requests a stop when the global step has come to a target.
// It expects a run to make one step and looks at the real step when that is
// due, so where runs make many, the stop may come one run later. If a session
// begins at or beyond the target, it is asked to stop before its first run.
type StopAtStepHook struct {
	config StopAtStepHookConfig
	step   *session.GlobalStep
	last   int64 // the target; known is whether it is
	known  bool
	args   session.SessionRunArgs
}

var _ session.SessionRunHook = (*StopAtStepHook)(nil)

// NewStopAtStepHook returns a hook, or what is wrong with its config.
func NewStopAtStepHook(config StopAtStepHookConfig) (*StopAtStepHook, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &StopAtStepHook{config: config}, nil
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *StopAtStepHook) Begin(_ context.Context, graph session.Graph) error {
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.args.Fetches = []string{h.step.Name()}
	h.last, h.known = h.config.LastStep, h.config.LastStep > 0
	return nil
}

// AfterCreateSession finds out the target in a session's first life, and asks
// for a stop if it is reached already.
func (h *StopAtStepHook) AfterCreateSession(ctx context.Context, s session.Session, coord *session.Coordinator) error {
	step, err := h.step.Read(ctx, s)
	if err != nil {
		return err
	}
	if !h.known {
		h.last, h.known = math.MaxInt64, true
		if h.config.NumSteps < math.MaxInt64-step {
			h.last = step + h.config.NumSteps
		}
	}
	if step >= h.last {
		coord.RequestStop(nil)
	}
	return nil
}

// BeforeRun asks for the global step.
func (h *StopAtStepHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

// AfterRun requests a stop at the target.
func (h *StopAtStepHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	stale, err := h.step.Get(values.Results)
	if err != nil || stale+1 < h.last {
		return err
	}
	step, err := h.step.Read(ctx, rc.Session())
	if err != nil {
		return err
	}
	if step >= h.last {
		rc.RequestStop()
	}
	return nil
}

// End does nothing.
func (h *StopAtStepHook) End(context.Context, session.Session) error { return nil }
