package hooks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// LearningRateHookConfig describes a [LearningRateHook].
type LearningRateHookConfig struct {
	// Placeholder is the name to feed. Required.
	Placeholder string
	// Schedule gives the number for each run. Required.
	Schedule Schedule
	// Float32 feeds a float32 instead of a float64.
	Float32 bool
	// EverySteps or EverySecs is how often the number is written: by steps of the
	// global step, or by time. With neither it is not.
	EverySteps int64
	EverySecs  time.Duration
	// Tag is what it is written under. Default: Placeholder.
	Tag string
	// SummaryWriter is where it goes, or else the writer of
	// [summary.FileWriterCache] for OutputDir.
	SummaryWriter summary.Sink
	OutputDir     string
}

func (c LearningRateHookConfig) writes() bool { return c.EverySteps != 0 || c.EverySecs != 0 }

func (c LearningRateHookConfig) resolve() (LearningRateHookConfig, error) {
	var errs []error
	if c.Placeholder == "" {
		errs = append(errs, errors.New("no Placeholder is set"))
	}
	if c.Schedule == nil {
		errs = append(errs, errors.New("no Schedule is set"))
	}
	if c.writes() {
		errs = append(errs, cadence.Check("EverySteps", c.EverySteps, "EverySecs", c.EverySecs))
		if c.OutputDir == "" && faults.IsNil(c.SummaryWriter) {
			errs = append(errs, errNowhere)
		}
	}
	if c.Tag == "" {
		c.Tag = c.Placeholder
	}
	return c, faults.Join("hooks: LearningRateHookConfig", errs...)
}

// A LearningRateHook feeds each run a number that depends on the global step
// before it, and writes it from time to time. It expects a run to make one step.
// A schedule that gives no finite number ends the training with an error.
type LearningRateHook struct {
	config LearningRateHookConfig
	timer  *session.SecondOrStepTimer // nil: it does not write
	sink   summary.HookSink
	step   *session.GlobalStep
	coming int64   // the step before the coming run
	rate   float64 // of the run in progress
	args   session.SessionRunArgs
}

var (
	_ session.SessionRunHook = (*LearningRateHook)(nil)
	_ session.SessionCloser  = (*LearningRateHook)(nil)
	_ Flusher                = (*LearningRateHook)(nil)
)

// NewLearningRateHook returns a hook, or all that is wrong with its config.
func NewLearningRateHook(config LearningRateHookConfig) (*LearningRateHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	h := &LearningRateHook{config: config}
	h.args.Feeds = make(session.Feeds, 1)
	if config.writes() {
		if h.timer, err = session.NewSecondOrStepTimer(config.EverySecs, config.EverySteps); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *LearningRateHook) Begin(_ context.Context, graph session.Graph) error {
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.args.Fetches = []string{h.step.Name()}
	if h.timer == nil {
		return nil
	}
	h.timer.Reset()
	return h.sink.Begin(h.config.SummaryWriter, h.config.OutputDir)
}

// AfterCreateSession reads where the session begins.
func (h *LearningRateHook) AfterCreateSession(ctx context.Context, s session.Session, _ *session.Coordinator) error {
	var err error
	if h.coming, err = h.step.Read(ctx, s); err != nil || h.timer == nil {
		return err
	}
	h.sink.SessionAt(h.coming + 1)
	return nil
}

// BeforeRun feeds the number.
func (h *LearningRateHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	h.rate = h.config.Schedule(h.coming)
	if math.IsNaN(h.rate) || math.IsInf(h.rate, 0) {
		return nil, fmt.Errorf("hooks: LearningRateHook: the Schedule of %q gives %v for step %d, want a finite number", h.config.Placeholder, h.rate, h.coming)
	}
	if h.config.Float32 {
		h.args.Feeds[h.config.Placeholder] = session.Float32(float32(h.rate))
	} else {
		h.args.Feeds[h.config.Placeholder] = session.Float64(h.rate)
	}
	return &h.args, nil
}

// AfterRun writes what the run was fed, if it is time to.
func (h *LearningRateHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	stale, err := h.step.Get(values.Results)
	if err != nil {
		return err
	}
	h.coming = stale + 1
	if h.timer == nil || !h.timer.ShouldTriggerForStep(h.coming) {
		return nil
	}
	if h.coming, err = h.step.Read(ctx, rc.Session()); err != nil {
		return err
	}
	h.timer.UpdateLastTriggeredStep(h.coming)
	return h.sink.Add(h.coming, summary.ScalarValue(h.config.Tag, h.rate))
}

// End flushes the writer.
func (h *LearningRateHook) End(context.Context, session.Session) error {
	return h.Flush()
}

// Flush implements [Flusher].
func (h *LearningRateHook) Flush() error { return h.sink.Flush() }

// CloseSession gives the writer back.
func (h *LearningRateHook) CloseSession(context.Context, error) error { return h.sink.CloseSession() }
