package hooks

import (
	"context"
	"errors"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// FuncEveryConfig describes a [FuncEveryHook].
type FuncEveryConfig struct {
	// EverySteps or EverySecs, exactly one, is the period: steps of the global step,
	// or time.
	EverySteps int64
	EverySecs  time.Duration
	// Fetches are names whose values Func gets. They are fetched on its runs only.
	Fetches []string
	// Func is called after a run, with the step that it has come to and the values
	// of Fetches, in their order, which are valid during the call; it may run the
	// session. An error ends the training. Required.
	Func func(ctx context.Context, s session.Session, step int64, values session.Values) error
}

func (c FuncEveryConfig) validate() error {
	errs := []error{cadence.Check("EverySteps", c.EverySteps, "EverySecs", c.EverySecs)}
	if c.Func == nil {
		errs = append(errs, errors.New("no Func is set"))
	}
	return faults.Join("hooks: FuncEveryConfig", errs...)
}

// A FuncEveryHook calls a function from time to time, first after the first run.
type FuncEveryHook struct {
	session.BaseHook
	config   FuncEveryConfig
	periodic periodic
}

var _ session.SessionRunHook = (*FuncEveryHook)(nil)

// FuncEvery returns a hook, or all that is wrong with its config.
func FuncEvery(config FuncEveryConfig) (*FuncEveryHook, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	p, err := newPeriodic(config.EverySecs, config.EverySteps)
	if err != nil {
		return nil, err
	}
	return &FuncEveryHook{config: config, periodic: p}, nil
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *FuncEveryHook) Begin(_ context.Context, graph session.Graph) error {
	return h.periodic.begin(graph, h.config.Fetches...)
}

// BeforeRun asks for the fetches, if the function is due.
func (h *FuncEveryHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return h.periodic.beforeRun(), nil
}

// AfterRun calls the function, if it is due.
func (h *FuncEveryHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	step, due, err := h.periodic.afterRun(ctx, rc, values)
	if err != nil || !due {
		return err
	}
	return h.config.Func(ctx, rc.Session(), step, values.Results)
}
