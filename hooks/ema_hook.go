package hooks

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

const defaultDecay = 0.99

// EMAHookConfig describes an [EMAHook].
type EMAHookConfig struct {
	// Fetch is the name of the number to average. Required.
	Fetch string
	// Decay is how much of the average stays in a run: at least 0, below 1. Default
	// 0.99, an average over about the last 100 runs.
	Decay float64
	// EverySteps or EverySecs is how often the average is written: by steps of the
	// global step, or by time. With neither it is not.
	EverySteps int64
	EverySecs  time.Duration
	// Tag is what it is written under. Default: Fetch and "/ema".
	Tag string
	// SummaryWriter is where it goes, or else the writer of
	// [summary.FileWriterCache] for OutputDir.
	SummaryWriter summary.Sink
	OutputDir     string
}

func (c EMAHookConfig) writes() bool { return c.EverySteps != 0 || c.EverySecs != 0 }

func (c EMAHookConfig) resolve() (EMAHookConfig, error) {
	var errs []error
	if c.Fetch == "" {
		errs = append(errs, errors.New("no Fetch is set"))
	}
	if c.Decay == 0 {
		c.Decay = defaultDecay
	}
	if !(c.Decay >= 0 && c.Decay < 1) {
		errs = append(errs, fmt.Errorf("got a Decay of %v, want at least 0 and below 1", c.Decay))
	}
	if c.writes() {
		errs = append(errs, cadence.Check("EverySteps", c.EverySteps, "EverySecs", c.EverySecs))
		if c.OutputDir == "" && faults.IsNil(c.SummaryWriter) {
			errs = append(errs, errNowhere)
		}
	}
	if c.Tag == "" {
		c.Tag = c.Fetch + "/ema"
	}
	return c, faults.Join("hooks: EMAHookConfig", errs...)
}

// An EMAHook keeps the exponential moving average of a fetched number, corrected
// for its beginning as in Adam: after one run it is the number. Values that are
// not finite are left out. A session that is lost and created again goes on with
// the average.
type EMAHook struct {
	config   EMAHookConfig
	periodic periodic // if it writes
	sink     summary.HookSink
	args     session.SessionRunArgs
	sum      float64 // weighted with 1 - Decay
	weight   float64 // of what is in sum
	average  atomic.Uint64
}

var (
	_ session.SessionRunHook = (*EMAHook)(nil)
	_ session.SessionCloser  = (*EMAHook)(nil)
	_ Flusher                = (*EMAHook)(nil)
)

// NewEMAHook returns a hook, or all that is wrong with its config.
func NewEMAHook(config EMAHookConfig) (*EMAHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	h := &EMAHook{config: config}
	h.args.Fetches = []string{config.Fetch}
	h.average.Store(math.Float64bits(math.NaN()))
	if config.writes() {
		if h.periodic, err = newPeriodic(config.EverySecs, config.EverySteps); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Value returns the average; NaN before the first run. It is safe for concurrent
// use.
func (h *EMAHook) Value() float64 { return math.Float64frombits(h.average.Load()) }

// Begin resolves the name. If it is to write, it returns
// [session.ErrNoGlobalStep] if the engine has none.
func (h *EMAHook) Begin(_ context.Context, graph session.Graph) error {
	h.sum, h.weight = 0, 0
	h.average.Store(math.Float64bits(math.NaN()))
	if err := graph.Resolve(h.config.Fetch); err != nil || !h.config.writes() {
		return err
	}
	if err := h.periodic.begin(graph, h.config.Fetch); err != nil {
		return err
	}
	h.periodic.idle = &h.periodic.active // the number is fetched on every run
	return h.sink.Begin(h.config.SummaryWriter, h.config.OutputDir)
}

// AfterCreateSession tells the writer where the session begins.
func (h *EMAHook) AfterCreateSession(ctx context.Context, s session.Session, _ *session.Coordinator) error {
	if !h.config.writes() {
		return nil
	}
	return sessionAt(ctx, &h.sink, h.periodic.step, s)
}

// BeforeRun asks for the number.
func (h *EMAHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	if h.config.writes() {
		return h.periodic.beforeRun(), nil
	}
	return &h.args, nil
}

// AfterRun adds it to the average, which is written if it is time to.
func (h *EMAHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	v, _ := values.Results.Lookup(h.config.Fetch)
	x, ok := v.Number()
	if !ok {
		return fmt.Errorf("hooks: EMAHook: %q is %v, want a number", h.config.Fetch, v)
	}
	if !math.IsNaN(x) && !math.IsInf(x, 0) {
		h.sum = h.config.Decay*h.sum + (1-h.config.Decay)*x
		h.weight = h.config.Decay*h.weight + (1 - h.config.Decay)
		h.average.Store(math.Float64bits(h.sum / h.weight))
	}
	if !h.config.writes() {
		return nil
	}
	step, due, err := h.periodic.afterRun(ctx, rc, values)
	if err != nil || !due || h.weight == 0 {
		return err
	}
	return h.sink.Add(step, summary.ScalarValue(h.config.Tag, h.Value()))
}

// End flushes the writer.
func (h *EMAHook) End(context.Context, session.Session) error {
	return h.Flush()
}

// Flush implements [Flusher].
func (h *EMAHook) Flush() error { return h.sink.Flush() }

// CloseSession gives the writer back.
func (h *EMAHook) CloseSession(context.Context, error) error { return h.sink.CloseSession() }
