package hooks

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// defaultRunEverySecs is TensorFlow's run_every_secs of early stopping.
const defaultRunEverySecs = time.Minute

// A StopFlag is how the chief of a job tells its workers to stop. It is no
// variable of the model: a job that begins anew from a checkpoint has another.
// Its methods may be called by any number of goroutines.
type StopFlag interface {
	// Set sets the flag for good.
	Set(ctx context.Context) error
	// IsSet reports whether it is.
	IsSet(ctx context.Context) (bool, error)
}

// A LocalStopFlag is a [StopFlag] for workers in one process. The zero value is
// not set.
type LocalStopFlag struct{ set atomic.Bool }

var _ StopFlag = (*LocalStopFlag)(nil)

// Set implements [StopFlag].
func (f *LocalStopFlag) Set(context.Context) error {
	f.set.Store(true)
	return nil
}

// IsSet implements [StopFlag].
func (f *LocalStopFlag) IsSet(context.Context) (bool, error) { return f.set.Load(), nil }

// EarlyStoppingHookConfig describes an [EarlyStoppingHook]. The fields are the
// arguments of tf.estimator.experimental.make_early_stopping_hook.
type EarlyStoppingHookConfig struct {
	// ShouldStop is asked whether the training is to stop. An error ends it.
	// Required, but for a worker.
	ShouldStop func(ctx context.Context) (bool, error)
	// RunEverySecs or RunEverySteps is how often: by time, or by steps of the global
	// step. Not both may be set, but RunEverySecs may be Off. Default, with
	// neither: 60 s. A worker has no use for them.
	RunEverySecs  time.Duration
	RunEverySteps int64
	// Flag is set when ShouldStop has said so. nil: there are no workers to tell.
	Flag StopFlag
	// IsWorker makes a hook that asks for a stop when Flag, which then is required,
	// is set, and does nothing else.
	IsWorker bool
}

// resolve returns a private copy with defaults filled in, or all that is wrong.
func (c EarlyStoppingHookConfig) resolve() (EarlyStoppingHookConfig, error) {
	var errs []error
	if c.ShouldStop == nil && !c.IsWorker {
		errs = append(errs, errors.New("no ShouldStop is set"))
	}
	if faults.IsNil(c.Flag) && c.IsWorker {
		errs = append(errs, errors.New("no Flag is set, which a worker looks at"))
	}
	switch {
	case c.RunEverySteps == 0 && (c.RunEverySecs == 0 || c.RunEverySecs == Off && c.IsWorker):
		c.RunEverySecs = defaultRunEverySecs
	case c.RunEverySecs == Off:
		c.RunEverySecs = 0
	}
	errs = append(errs, cadence.Check("RunEverySteps", c.RunEverySteps, "RunEverySecs", c.RunEverySecs))
	return c, faults.Join("hooks: EarlyStoppingHookConfig", errs...)
}

// An EarlyStoppingHook requests a stop when a function says so, which is asked
// after the first run of a session and then from time to time. [StopIfHigher] and
// its like are such functions.
type EarlyStoppingHook struct {
	config EarlyStoppingHookConfig
	timer  *session.SecondOrStepTimer
	step   *session.GlobalStep
	args   session.SessionRunArgs
}

var _ session.SessionRunHook = (*EarlyStoppingHook)(nil)

// NewEarlyStoppingHook returns a hook, or all that is wrong with its config.
func NewEarlyStoppingHook(config EarlyStoppingHookConfig) (*EarlyStoppingHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	timer, err := session.NewSecondOrStepTimer(config.RunEverySecs, config.RunEverySteps)
	if err != nil {
		return nil, err
	}
	return &EarlyStoppingHook{config: config, timer: timer}, nil
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *EarlyStoppingHook) Begin(_ context.Context, graph session.Graph) error {
	h.timer.Reset()
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.args.Fetches = []string{h.step.Name()}
	return nil
}

// AfterCreateSession does nothing.
func (h *EarlyStoppingHook) AfterCreateSession(context.Context, session.Session, *session.Coordinator) error {
	return nil
}

// BeforeRun asks for the global step.
func (h *EarlyStoppingHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

// AfterRun asks the function, if it is time to, or looks at the flag.
func (h *EarlyStoppingHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	step, err := h.step.Get(values.Results)
	if err != nil {
		return err
	}
	ask := h.config.ShouldStop
	if h.config.IsWorker {
		ask = h.config.Flag.IsSet
	} else if !h.timer.ShouldTriggerForStep(step) {
		return nil
	}
	h.timer.UpdateLastTriggeredStep(step)
	stop, err := ask(ctx)
	if err != nil || !stop {
		return err
	}
	rc.RequestStop()
	if h.config.IsWorker || faults.IsNil(h.config.Flag) {
		return nil
	}
	return h.config.Flag.Set(ctx)
}

// End does nothing.
func (h *EarlyStoppingHook) End(context.Context, session.Session) error { return nil }
