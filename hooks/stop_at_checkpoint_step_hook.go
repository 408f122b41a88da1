package hooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

// defaultWaitAfterFileCheck is TensorFlow's wait_after_file_check_secs.
const defaultWaitAfterFileCheck = 30 * time.Second

// StopAtCheckpointStepHookConfig describes a [StopAtCheckpointStepHook]. The
// fields are the arguments of
// tf.estimator.experimental.make_stop_at_checkpoint_step_hook.
type StopAtCheckpointStepHookConfig struct {
	// ModelDir is the folder of the chief's checkpoints. Required.
	ModelDir string
	// LastStep is the global step that a checkpoint has to have. Required.
	LastStep int64
	// WaitAfterFileCheckSecs is how long to wait before the next run when it has
	// not. Default 30 s.
	WaitAfterFileCheckSecs time.Duration
}

func (c StopAtCheckpointStepHookConfig) resolve() (StopAtCheckpointStepHookConfig, error) {
	var errs []error
	if c.ModelDir == "" {
		errs = append(errs, errors.New("no ModelDir is set"))
	}
	if c.LastStep <= 0 {
		errs = append(errs, fmt.Errorf("LastStep is %d, want a positive step", c.LastStep))
	}
	if c.WaitAfterFileCheckSecs < 0 {
		errs = append(errs, fmt.Errorf("WaitAfterFileCheckSecs is %v, want a positive duration or 0 (30s)", c.WaitAfterFileCheckSecs))
	}
	if c.WaitAfterFileCheckSecs == 0 {
		c.WaitAfterFileCheckSecs = defaultWaitAfterFileCheck
	}
	return c, faults.Join("hooks: StopAtCheckpointStepHookConfig", errs...)
}

// A StopAtCheckpointStepHook requests a stop of a worker when the global step
// and the newest checkpoint have come to the last step. Its chief, which saves
// the checkpoints, has a [StopAtStepHook] instead.
type StopAtCheckpointStepHook struct {
	config StopAtCheckpointStepHookConfig
	step   *session.GlobalStep
	args   session.SessionRunArgs
	coord  *session.Coordinator
}

var (
	_ session.SessionRunHook = (*StopAtCheckpointStepHook)(nil)
	_ session.SessionCloser  = (*StopAtCheckpointStepHook)(nil)
)

// NewStopAtCheckpointStepHook returns a hook, or all that is wrong with its
// config.
func NewStopAtCheckpointStepHook(config StopAtCheckpointStepHookConfig) (*StopAtCheckpointStepHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	return &StopAtCheckpointStepHook{config: config}, nil
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *StopAtCheckpointStepHook) Begin(_ context.Context, graph session.Graph) error {
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.args.Fetches = []string{h.step.Name()}
	return nil
}

// AfterCreateSession takes the coordinator, whose stop ends a wait.
func (h *StopAtCheckpointStepHook) AfterCreateSession(_ context.Context, _ session.Session, coord *session.Coordinator) error {
	h.coord = coord
	return nil
}

// BeforeRun asks for the global step.
func (h *StopAtCheckpointStepHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

// AfterRun looks for the checkpoint when the global step has come to the last
// one, and waits if it is not there.
func (h *StopAtCheckpointStepHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	stale, err := h.step.Get(values.Results)
	if err != nil || stale+1 < h.config.LastStep || rc.StopRequested() {
		return err
	}
	saved, err := h.saved()
	if err != nil {
		return err
	}
	if saved {
		rc.RequestStop()
		return nil
	}
	timer := time.NewTimer(h.config.WaitAfterFileCheckSecs)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-h.coord.Context().Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// saved reports whether the newest checkpoint has the last step.
func (h *StopAtCheckpointStepHook) saved() (bool, error) {
	path, err := checkpoint.LatestCheckpoint(h.config.ModelDir)
	if err != nil || path == "" {
		return false, err
	}
	step, err := checkpoint.GlobalStep(path)
	return step >= h.config.LastStep, err
}

// End does nothing.
func (h *StopAtCheckpointStepHook) End(context.Context, session.Session) error { return nil }

// CloseSession lets go of the coordinator.
func (h *StopAtCheckpointStepHook) CloseSession(context.Context, error) error {
	h.coord = nil
	return nil
}
