package hooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// EvaluationListenerConfig describes an [EvaluationListener].
type EvaluationListenerConfig struct {
	// Evaluate evaluates the checkpoint of step, which is the newest. An error ends
	// the training. Required.
	Evaluate func(ctx context.Context, step int64) error
	// EvalThrottleSecs is the least time between the beginnings of two evaluations
	// while the training goes on. 0: every checkpoint is evaluated.
	EvalThrottleSecs time.Duration
	// BeforeEval and AfterEval, if not nil, are called around each evaluation, the
	// former also when a checkpoint is not evaluated because of EvalThrottleSecs.
	// If one returns false, the training is to stop, without the evaluation that was
	// to come.
	BeforeEval func(ctx context.Context, step int64) (goOn bool, err error)
	AfterEval  func(ctx context.Context, step int64) (goOn bool, err error)
}

func (c EvaluationListenerConfig) validate() error {
	var errs []error
	if c.Evaluate == nil {
		errs = append(errs, errors.New("no Evaluate is set"))
	}
	if c.EvalThrottleSecs < 0 {
		errs = append(errs, fmt.Errorf("EvalThrottleSecs is %v, want a positive duration or 0", c.EvalThrottleSecs))
	}
	return faults.Join("hooks: EvaluationListenerConfig", errs...)
}

// An EvaluationListener evaluates each checkpoint but the first of a session, of
// which nothing was trained, and the last one in any case. It is what
// tf.estimator.train_and_evaluate does in one process.
type EvaluationListener struct {
	BaseCheckpointSaverListener
	config    EvaluationListenerConfig
	saved     bool // the first checkpoint of the session
	evaluated bool
	lastStep  int64 // that was evaluated
	lastTime  time.Time
}

var _ CheckpointSaverListener = (*EvaluationListener)(nil)

// NewEvaluationListener returns a listener, or all that is wrong with its config.
func NewEvaluationListener(config EvaluationListenerConfig) (*EvaluationListener, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &EvaluationListener{config: config}, nil
}

// Begin begins a new job.
func (l *EvaluationListener) Begin(context.Context, session.Graph) error {
	l.saved, l.evaluated = false, false
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
	if !l.due(step) {
		return false, nil
	}
	goOn, err := l.evaluate(ctx, step)
	return !goOn, err
}

func (l *EvaluationListener) due(step int64) bool {
	return !l.evaluated || step != l.lastStep && time.Since(l.lastTime) >= l.config.EvalThrottleSecs
}

// End evaluates the last checkpoint, if it was not.
func (l *EvaluationListener) End(ctx context.Context, _ session.Session, step int64) error {
	if l.evaluated && step == l.lastStep {
		return nil
	}
	if goOn, err := ask(ctx, l.config.BeforeEval, step); !goOn || err != nil {
		return err
	}
	_, err := l.evaluate(ctx, step)
	return err
}

func (l *EvaluationListener) evaluate(ctx context.Context, step int64) (goOn bool, err error) {
	l.evaluated, l.lastStep, l.lastTime = true, step, time.Now()
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
