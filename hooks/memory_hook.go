package hooks

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// MemoryHookConfig describes a [MemoryHook].
type MemoryHookConfig struct {
	// EverySteps or EverySecs, exactly one, is the period: steps of the global step,
	// or time.
	EverySteps int64
	EverySecs  time.Duration
	// SummaryWriter is where the values go, or else the writer of
	// [summary.FileWriterCache] for OutputDir. One of them is needed.
	SummaryWriter summary.Sink
	OutputDir     string
}

func (c MemoryHookConfig) validate() error {
	errs := []error{cadence.Check("EverySteps", c.EverySteps, "EverySecs", c.EverySecs)}
	if c.OutputDir == "" && faults.IsNil(c.SummaryWriter) {
		errs = append(errs, errNowhere)
	}
	return faults.Join("hooks: MemoryHookConfig", errs...)
}

var errNowhere = errors.New("neither OutputDir nor SummaryWriter is set, want one: the values would be lost")

// A MemoryHook writes what memory the process has, as one event of scalars:
//
//	memory/heap_bytes        live and not yet collected objects of the Go heap
//	memory/go_bytes          all memory that the Go runtime has from the system
//	memory/resident_bytes    of the process, C code included; on Linux only
//	memory/gc_cycles         collections since the process began
//	memory/gc_pause_seconds  an estimate of all their pauses together
type MemoryHook struct {
	session.BaseHook
	config   MemoryHookConfig
	periodic periodic
	sink     summary.HookSink
	samples  []metrics.Sample
}

var (
	_ session.SessionRunHook = (*MemoryHook)(nil)
	_ session.SessionCloser  = (*MemoryHook)(nil)
	_ Flusher                = (*MemoryHook)(nil)
)

// NewMemoryHook returns a hook, or all that is wrong with its config.
func NewMemoryHook(config MemoryHookConfig) (*MemoryHook, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	p, err := newPeriodic(config.EverySecs, config.EverySteps)
	if err != nil {
		return nil, err
	}
	return &MemoryHook{config: config, periodic: p, samples: []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/sched/pauses/total/gc:seconds"},
	}}, nil
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *MemoryHook) Begin(_ context.Context, graph session.Graph) error {
	if err := h.periodic.begin(graph); err != nil {
		return err
	}
	return h.sink.Begin(h.config.SummaryWriter, h.config.OutputDir)
}

// AfterCreateSession tells the writer where the session begins.
func (h *MemoryHook) AfterCreateSession(ctx context.Context, s session.Session, _ *session.Coordinator) error {
	return sessionAt(ctx, &h.sink, h.periodic.step, s)
}

// sessionAt tells a sink where a session begins.
func sessionAt(ctx context.Context, sink *summary.HookSink, global *session.GlobalStep, s session.Session) error {
	step, err := global.Read(ctx, s)
	if err != nil {
		return err
	}
	sink.SessionAt(step + 1)
	return nil
}

// BeforeRun asks for the global step.
func (h *MemoryHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return h.periodic.beforeRun(), nil
}

// AfterRun writes the values, if it is time to.
func (h *MemoryHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	step, due, err := h.periodic.afterRun(ctx, rc, values)
	if err != nil || !due {
		return err
	}
	metrics.Read(h.samples)
	memory := []summary.Value{
		summary.ScalarValue("memory/heap_bytes", float64(h.samples[0].Value.Uint64())),
		summary.ScalarValue("memory/go_bytes", float64(h.samples[1].Value.Uint64())),
		summary.ScalarValue("memory/gc_cycles", float64(h.samples[2].Value.Uint64())),
		summary.ScalarValue("memory/gc_pause_seconds", total(h.samples[3].Value.Float64Histogram())),
	}
	if resident, ok := residentBytes(); ok {
		memory = append(memory, summary.ScalarValue("memory/resident_bytes", resident))
	}
	return h.sink.Add(step, memory...)
}

// total estimates the sum of what a histogram has counted, by the lower edges of
// its buckets.
func total(h *metrics.Float64Histogram) (sum float64) {
	for i, count := range h.Counts {
		if count > 0 {
			sum += float64(count) * max(h.Buckets[i], 0)
		}
	}
	return sum
}

// residentBytes is the process's resident set, if the system tells.
func residentBytes() (float64, bool) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return float64(pages) * float64(os.Getpagesize()), err == nil
}

// End flushes the writer.
func (h *MemoryHook) End(context.Context, session.Session) error { return h.Flush() }

// Flush implements [Flusher].
func (h *MemoryHook) Flush() error { return h.sink.Flush() }

// CloseSession gives the writer back.
func (h *MemoryHook) CloseSession(context.Context, error) error { return h.sink.CloseSession() }
