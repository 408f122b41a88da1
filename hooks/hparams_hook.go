package hooks

import (
	"context"
	"errors"
	"maps"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// HParamsHookConfig describes an [HParamsHook].
type HParamsHookConfig struct {
	// Start has the hyperparameters. Without Started, the run begins with the
	// session.
	Start summary.HParamsStart
	// Status says what became of a session that has ended because of cause, nil for a
	// clean end. StatusRunning writes nothing: the run is to go on in another session.
	// Default: StatusSuccess for nil, StatusRunning when the session's context was
	// done, StatusFailure for everything else.
	Status func(cause error) summary.HParamsStatus
	// SummaryWriter is where both go, or else the writer of [summary.FileWriterCache]
	// for OutputDir. One of them is needed.
	SummaryWriter summary.Sink
	OutputDir     string
}

func (c HParamsHookConfig) validate() error {
	_, err := summary.HParamsStartValue(c.Start)
	errs := []error{err}
	if c.OutputDir == "" && faults.IsNil(c.SummaryWriter) {
		errs = append(errs, errNowhere)
	}
	return faults.Join("hooks: HParamsHookConfig", errs...)
}

// An HParamsHook writes the hyperparameters of a run before its session is
// created, and what became of the run when it is closed, also after a failure.
//
// TensorBoard shows the first status that a folder has: a run that has failed is
// shown as failed if it goes on in the same folder.
type HParamsHook struct {
	session.BaseHook
	config HParamsHookConfig
	sink   summary.HookSink
	coord  *session.Coordinator // of the newest session; nil before the first
}

var (
	_ session.SessionRunHook = (*HParamsHook)(nil)
	_ session.SessionCloser  = (*HParamsHook)(nil)
	_ Flusher                = (*HParamsHook)(nil)
)

// NewHParamsHook returns a hook, or all that is wrong with its config.
func NewHParamsHook(config HParamsHookConfig) (*HParamsHook, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	config.Start.HParams = maps.Clone(config.Start.HParams)
	return &HParamsHook{config: config}, nil
}

// Begin writes the hyperparameters.
func (h *HParamsHook) Begin(context.Context, session.Graph) error {
	h.coord = nil
	if err := h.sink.Begin(h.config.SummaryWriter, h.config.OutputDir); err != nil {
		return err
	}
	return h.sink.Writer().HParamsStart(h.config.Start)
}

// AfterCreateSession takes the coordinator, which knows of the session's context.
func (h *HParamsHook) AfterCreateSession(_ context.Context, _ session.Session, coord *session.Coordinator) error {
	h.coord = coord
	return nil
}

// End flushes the writer.
func (h *HParamsHook) End(context.Context, session.Session) error { return h.Flush() }

// Flush implements [Flusher].
func (h *HParamsHook) Flush() error { return h.sink.Flush() }

// CloseSession writes what became of the run, and gives the writer back.
func (h *HParamsHook) CloseSession(_ context.Context, cause error) error {
	if !h.sink.IsOn() {
		return nil
	}
	status := h.status(cause)
	if h.config.Status != nil {
		status = h.config.Status(cause)
	}
	var err error
	if status != summary.StatusRunning {
		err = h.sink.Writer().HParamsEnd(status)
	}
	return errors.Join(err, h.sink.CloseSession())
}

func (h *HParamsHook) status(cause error) summary.HParamsStatus {
	switch {
	case cause == nil:
		return summary.StatusSuccess
	case h.interrupted(cause):
		return summary.StatusRunning
	}
	return summary.StatusFailure
}

// interrupted reports whether cause is that the session's context was done, and
// nothing else.
func (h *HParamsHook) interrupted(cause error) bool {
	if h.coord == nil || h.coord.Err() != nil {
		return false
	}
	why := context.Cause(h.coord.Context())
	return errors.Is(cause, why) && errors.Is(why, cause)
}
