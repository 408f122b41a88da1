package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// everyEvalBelow is up to which number each evaluation is logged; from there on
// every tenth part is. TensorFlow's number.
const everyEvalBelow = 20

// StopAfterNEvalsHookConfig describes a [StopAfterNEvalsHook].
type StopAfterNEvalsHookConfig struct {
	// NumEvals is how many evaluations to make. 0: it never stops.
	NumEvals int64
	// EvalStep is the name of a counter of evaluations, an integer, that the runs
	// increase. "": the runs of the session are counted.
	EvalStep string
	// Logger is told of each evaluation, or from 20 on of every tenth part of them.
	// nil: nobody is.
	Logger *slog.Logger
}

func (c StopAfterNEvalsHookConfig) validate() error {
	var errs []error
	if c.NumEvals < 0 {
		errs = append(errs, fmt.Errorf("NumEvals is %d, want a positive number or 0 (no end)", c.NumEvals))
	}
	if c.NumEvals == 0 && c.Logger == nil {
		errs = append(errs, errors.New("neither NumEvals nor Logger is set, want one: the hook would do nothing"))
	}
	return faults.Join("hooks: StopAfterNEvalsHookConfig", errs...)
}

// A StopAfterNEvalsHook requests a stop after a number of evaluations.
type StopAfterNEvalsHook struct {
	session.BaseHook
	config StopAfterNEvalsHookConfig
	every  int64 // evaluations to a log
	args   *session.SessionRunArgs
	runs   int64
}

var _ session.SessionRunHook = (*StopAfterNEvalsHook)(nil)

// NewStopAfterNEvalsHook returns a hook, or all that is wrong with its config.
func NewStopAfterNEvalsHook(config StopAfterNEvalsHookConfig) (*StopAfterNEvalsHook, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	h := &StopAfterNEvalsHook{config: config, every: 1}
	if config.NumEvals >= everyEvalBelow {
		h.every = config.NumEvals / 10
	}
	if config.EvalStep != "" {
		h.args = &session.SessionRunArgs{Fetches: []string{config.EvalStep}}
	}
	return h, nil
}

// Begin resolves the name of the counter.
func (h *StopAfterNEvalsHook) Begin(_ context.Context, graph session.Graph) error {
	h.runs = 0
	if h.args == nil {
		return nil
	}
	return graph.Resolve(h.config.EvalStep)
}

// BeforeRun asks for the counter, if there is one.
func (h *StopAfterNEvalsHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return h.args, nil
}

// AfterRun requests a stop if there were enough evaluations.
func (h *StopAfterNEvalsHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	h.runs++
	done := h.runs
	if h.args != nil {
		var err error
		if done, err = session.Fetch[int64](h.config.EvalStep).Get(values.Results); err != nil {
			return err
		}
	}
	if h.config.Logger != nil && (done%h.every == 0 || done == h.config.NumEvals) {
		attrs := []slog.Attr{slog.Int64("done", done)}
		if h.config.NumEvals > 0 {
			attrs = append(attrs, slog.Int64("of", h.config.NumEvals))
		}
		h.config.Logger.LogAttrs(ctx, slog.LevelInfo, "evaluation", attrs...)
	}
	if h.config.NumEvals > 0 && done >= h.config.NumEvals {
		rc.RequestStop()
	}
	return nil
}
