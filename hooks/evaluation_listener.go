package hooks

import (
	"context"
	"errors"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// EvaluationListenerConfig describes an [EvaluationListener].
type EvaluationListenerConfig struct {
	// Evaluate evaluates the checkpoint of step, which is the newest. An error ends
	// the training. Required.
	Evaluate func(ctx context.Context, step int64) error
	// EvalThrottleSteps or EvalThrottleSecs are the least steps, or the least time,
	// from the beginning of an evaluation to that of the next one while the training
	// goes on. Default, with neither, and Off: every checkpoint is evaluated.
	EvalThrottleSteps int64
	EvalThrottleSecs  time.Duration
	// BeforeEval and AfterEval, if not nil, are called around each evaluation, the
	// former also when a checkpoint is not evaluated because of the throttle.
	// If one returns false, the training is to stop, without the evaluation that was
	// to come.
	BeforeEval func(ctx context.Context, step int64) (goOn bool, err error)
	AfterEval  func(ctx context.Context, step int64) (goOn bool, err error)
}

// throttle returns the least period, or all that is wrong with c.
func (c EvaluationListenerConfig) throttle() (cadence.Period, error) {
	var errs []error
	if c.Evaluate == nil {
		errs = append(errs, errors.New("no Evaluate is set"))
	}
	p, err := cadence.Or("EvalThrottleSteps", c.EvalThrottleSteps, "EvalThrottleSecs", c.EvalThrottleSecs, cadence.Period{})
	if !p.IsOn() {
		p.Steps = 1 // whichever is another one
	}
	return p, faults.Join("hooks: EvaluationListenerConfig", append(errs, err)...)
}

// An EvaluationListener evaluates each checkpoint but the first of a session, of
// which nothing was trained, and the last one in any case. It is what
// tf.estimator.train_and_evaluate does in one process.
type EvaluationListener struct {
	BaseCheckpointSaverListener
	config EvaluationListenerConfig
	timer  *session.SecondOrStepTimer // of evaluations
	saved  bool                       // the first checkpoint of the session
}

var _ CheckpointSaverListener = (*EvaluationListener)(nil)

// NewEvaluationListener returns a listener, or all that is wrong with its config.
func NewEvaluationListener(config EvaluationListenerConfig) (*EvaluationListener, error) {
	p, err := config.throttle()
	if err != nil {
		return nil, err
	}
	timer, err := session.NewSecondOrStepTimer(p.Secs, p.Steps)
	if err != nil {
		return nil, err
	}
	return &EvaluationListener{config: config, timer: timer}, nil
}

// Begin begins a new job.
func (l *EvaluationListener) Begin(context.Context, session.Graph) error {
	l.timer.Reset()
	l.saved = false
	return nil
}

// AfterSave evaluates the checkpoint, if it is time to.
func (l *EvaluationListener) AfterSave(ctx context.Context, _ session.Session, step int64) (stop bool, err error) {
	if !l.saved {
		l.saved = true
		return false, nil
	}
	if goOn, err := ask(ctx, l.config.BeforeEval, step); !goOn || err != nil {
		return true, err
	}
	if !l.timer.ShouldTriggerForStep(step) {
		return false, nil
	}
	goOn, err := l.evaluate(ctx, step)
	return !goOn, err
}

// End evaluates the last checkpoint, if it was not.
func (l *EvaluationListener) End(ctx context.Context, _ session.Session, step int64) error {
	if evaluated, ok := l.timer.LastTriggeredStep(); ok && evaluated == step {
		return nil
	}
	if goOn, err := ask(ctx, l.config.BeforeEval, step); !goOn || err != nil {
		return err
	}
	_, err := l.evaluate(ctx, step)
	return err
}

func (l *EvaluationListener) evaluate(ctx context.Context, step int64) (goOn bool, err error) {
	l.timer.UpdateLastTriggeredStep(step)
	if err := l.config.Evaluate(ctx, step); err != nil {
		return false, err
	}
	return ask(ctx, l.config.AfterEval, step)
}

func ask(ctx context.Context, f func(context.Context, int64) (bool, error), step int64) (bool, error) {
	if f == nil {
		return true, nil
	}
	return f(ctx, step)
}
