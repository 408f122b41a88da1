package hooks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// mostWarnings is how often a [StepCounterHook] warns of a step that stands
// still: TensorFlow's number.
const mostWarnings = 5

// StepCounterHookConfig describes a [StepCounterHook]. The fields are the
// arguments of tf.compat.v1.train.StepCounterHook.
type StepCounterHookConfig struct {
	// EveryNSteps or EveryNSecs is the period: steps of the global step, or time.
	// Not both may be set. Default, with neither: 100 steps.
	EveryNSteps int64
	EveryNSecs  time.Duration
	// StepsPerRun is how many steps a run is expected to make: the real step is read
	// after a run that could end the period. Default 1.
	StepsPerRun int64
	// SummaryWriter is where the rate goes, or else the writer of
	// [summary.FileWriterCache] for OutputDir. With neither it is only logged.
	SummaryWriter summary.Sink
	OutputDir     string
	// Logger is told the rate, and when the global step stands still. nil: nobody
	// is.
	Logger *slog.Logger
}

// resolve returns a private copy with defaults filled in, or all that is wrong.
func (c StepCounterHookConfig) resolve() (StepCounterHookConfig, error) {
	if c.EveryNSteps == 0 && c.EveryNSecs == 0 {
		c.EveryNSteps = defaultLogStepCountSteps
	}
	errs := []error{cadence.Check("EveryNSteps", c.EveryNSteps, "EveryNSecs", c.EveryNSecs)}
	if c.OutputDir == "" && faults.IsNil(c.SummaryWriter) && c.Logger == nil {
		errs = append(errs, errors.New("none of SummaryWriter, OutputDir and Logger is set, want one: the rate would be lost"))
	}
	if c.StepsPerRun < 0 {
		errs = append(errs, fmt.Errorf("StepsPerRun is %d, want a positive number of steps or 0 (1)", c.StepsPerRun))
	}
	c.StepsPerRun = cmp.Or(c.StepsPerRun, 1)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, faults.Join("hooks: StepCounterHookConfig", errs...)
}

// defaultLogStepCountSteps is TensorFlow's every_n_steps, and its
// log_step_count_steps.
const defaultLogStepCountSteps = 100

// A StepCounterHook tells how many steps a second the training makes, under the
// tag "<global step>/sec". The first run of a session begins the first period.
type StepCounterHook struct {
	config StepCounterHookConfig
	timer  *session.SecondOrStepTimer
	step   *session.GlobalStep
	tag    string
	args   session.SessionRunArgs
	sink   summary.HookSink
	last   int64
	known  bool // whether last is the step of the run before
	warned int
}

var (
	_ session.SessionRunHook = (*StepCounterHook)(nil)
	_ session.SessionCloser  = (*StepCounterHook)(nil)
	_ Flusher                = (*StepCounterHook)(nil)
)

// NewStepCounterHook returns a hook, or all that is wrong with its config.
func NewStepCounterHook(config StepCounterHookConfig) (*StepCounterHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	timer, err := session.NewSecondOrStepTimer(config.EveryNSecs, config.EveryNSteps)
	if err != nil {
		return nil, err
	}
	return &StepCounterHook{config: config, timer: timer}, nil
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *StepCounterHook) Begin(_ context.Context, graph session.Graph) error {
	h.timer.Reset()
	h.known = false
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.tag = h.step.Name() + "/sec"
	h.args.Fetches = []string{h.step.Name()}
	return h.sink.Begin(h.config.SummaryWriter, h.config.OutputDir)
}

// AfterCreateSession tells the writer where the session begins.
func (h *StepCounterHook) AfterCreateSession(ctx context.Context, s session.Session, _ *session.Coordinator) error {
	if !h.sink.IsOn() {
		return nil
	}
	return sessionAt(ctx, &h.sink, h.step, s)
}

// BeforeRun asks for the global step.
func (h *StepCounterHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

// AfterRun tells the rate, if it is time to.
func (h *StepCounterHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	stale, err := h.step.Get(values.Results)
	if err != nil {
		return err
	}
	if h.timer.ShouldTriggerForStep(atMost(stale, h.config.StepsPerRun)) {
		if err := h.count(ctx, rc.Session()); err != nil {
			return err
		}
	}
	if h.known && stale == h.last && h.warned < mostWarnings {
		h.warned++
		h.config.Logger.LogAttrs(ctx, slog.LevelWarn, "the global step has not been increased since the run before", slog.Int64("step", stale))
	}
	h.last, h.known = stale, true
	return nil
}

// atMost is the step that a run from stale comes to at most, if it makes steps.
func atMost(stale, steps int64) int64 { return stale + min(steps, math.MaxInt64-max(stale, 0)) }

func (h *StepCounterHook) count(ctx context.Context, s session.Session) error {
	step, err := h.step.Read(ctx, s)
	if err != nil || !h.timer.ShouldTriggerForStep(step) {
		return err
	}
	elapsed, steps, ok := h.timer.UpdateLastTriggeredStep(step)
	if !ok || elapsed <= 0 || steps <= 0 { // training may have gone back
		return nil
	}
	rate := float64(steps) / elapsed.Seconds()
	h.config.Logger.LogAttrs(ctx, slog.LevelInfo, h.tag, slog.Float64("value", rate), slog.Int64("step", step))
	return h.sink.Add(step, summary.ScalarValue(h.tag, rate))
}

// End flushes the writer.
func (h *StepCounterHook) End(context.Context, session.Session) error {
	return h.Flush()
}

// Flush implements [Flusher].
func (h *StepCounterHook) Flush() error { return h.sink.Flush() }

// CloseSession gives the writer back.
func (h *StepCounterHook) CloseSession(context.Context, error) error { return h.sink.CloseSession() }
