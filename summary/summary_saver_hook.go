package summary

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// SummarySaverHookConfig describes a [SummarySaverHook]. The fields are the
// arguments of tf.compat.v1.train.SummarySaverHook.
type SummarySaverHookConfig struct {
	// SaveSteps or SaveSecs, exactly one, is the period: steps of the global step,
	// or time between recorded steps.
	SaveSteps int64
	SaveSecs  time.Duration

	// SummaryWriter is where the summaries go, a [FileWriter] for example. The hook
	// flushes it at the end and does not close it. Without one, OutputDir is needed;
	// with one, it is not looked at.
	SummaryWriter Sink
	// OutputDir is the directory whose writer of [FileWriterCache] is used. All
	// hooks with this directory share one file.
	OutputDir string

	// SummaryOp makes the summaries: one event each time, or with a [List] an
	// event an op. Exactly one of SummaryOp and Scaffold is needed.
	SummaryOp Op
	// Scaffold has the summary op, which is looked up each time that the hook
	// records; nothing is recorded while there is none.
	Scaffold *session.Scaffold
}

func (c SummarySaverHookConfig) validate() error {
	var errs []error
	errs = append(errs, cadence.Check("SaveSteps", c.SaveSteps, "SaveSecs", c.SaveSecs))
	switch {
	case c.Scaffold == nil && c.SummaryOp == nil:
		errs = append(errs, errors.New("neither Scaffold nor SummaryOp is set, want exactly one"))
	case c.Scaffold != nil && c.SummaryOp != nil:
		errs = append(errs, errors.New("both Scaffold and SummaryOp are set, want exactly one"))
	}
	if c.OutputDir == "" && faults.IsNil(c.SummaryWriter) {
		errs = append(errs, errors.New("neither OutputDir nor SummaryWriter is set, want one: the summaries would be lost"))
	}
	if op, ok := c.SummaryOp.(checker); ok {
		if err := op.check(); err != nil {
			errs = append(errs, fmt.Errorf("SummaryOp: %w", err))
		}
	}
	return faults.Join("summary: SummarySaverHookConfig", errs...)
}

// A SummarySaverHook records summaries every SaveSteps steps or SaveSecs. The
// summary op's fetches are asked for on the runs that record, and only then.
//
// The first run of a session always records. After that the step is predicted
// from the last one, and the event gets the real step, which is read after the
// run: with SaveSteps 8 and a step a run, steps 1, 9, 17, 25 are recorded.
//
// Before the first value of a session, the file gets a session log START at its
// step: readers drop what an earlier session wrote of this and later steps.
// Hooks that share a file in one session share the START.
type SummarySaverHook struct {
	config SummarySaverHookConfig
	own    resolved          // of config.SummaryOp, or of looked
	looked session.SummaryOp // what the scaffold had last
	timer  *session.SecondOrStepTimer

	// In a session, from Begin to CloseSession.
	sink    HookSink
	started bool // the first run is over
	step    *session.GlobalStep
	next    int64 // the step that the coming run is expected to come to

	// Of the run in progress.
	requested bool
	idle      session.SessionRunArgs
	recording session.SessionRunArgs
	asked     resolved
	values    []Value
	ends      []int // of the ops' parts of values
}

var (
	_ session.SessionRunHook = (*SummarySaverHook)(nil)
	_ session.SessionCloser  = (*SummarySaverHook)(nil)
	_ session.Namer          = (*SummarySaverHook)(nil)
)

// NewSummarySaverHook returns a hook, or all that is wrong with its config.
func NewSummarySaverHook(config SummarySaverHookConfig) (*SummarySaverHook, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	timer, err := session.NewSecondOrStepTimer(config.SaveSecs, config.SaveSteps)
	if err != nil {
		return nil, err
	}
	return &SummarySaverHook{config: config, own: resolve(config.SummaryOp), timer: timer}, nil
}

// Name tells the hooks of several directories apart.
func (h *SummarySaverHook) Name() string {
	return "SummarySaverHook(" + logdirOf(h.config.SummaryWriter, h.config.OutputDir) + ")"
}

// Begin resolves the names to fetch and gets the writer. It returns
// [session.ErrNoGlobalStep] if the engine has none.
func (h *SummarySaverHook) Begin(ctx context.Context, graph session.Graph) error {
	h.started = false
	h.timer.Reset()
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.idle.Fetches = []string{h.step.Name()}
	h.recording.Fetches = nil
	op, err := h.op()
	if err != nil {
		return err
	}
	for _, name := range op.fetches {
		if err := graph.Resolve(name); err != nil {
			return fmt.Errorf("summary op: %w", err)
		}
	}
	return h.sink.Begin(h.config.SummaryWriter, h.config.OutputDir)
}

// op returns the summary op as it is at the moment.
func (h *SummarySaverHook) op() (resolved, error) {
	if h.config.Scaffold == nil {
		return h.own, nil
	}
	now := h.config.Scaffold.SummaryOp
	if now == nil {
		return resolved{}, nil
	}
	if reflect.TypeOf(now).Kind() == reflect.Pointer && now == h.looked {
		return h.own, nil
	}
	op, ok := now.(Op)
	if !ok {
		return resolved{}, fmt.Errorf("the scaffold's SummaryOp is a %T, which is no summary.Op", now)
	}
	h.own, h.looked = resolve(op), now
	return h.own, nil
}

// AfterCreateSession tells the writer where the session begins. A session that
// was created again goes on with the timer and the START that it has.
func (h *SummarySaverHook) AfterCreateSession(ctx context.Context, s session.Session, _ *session.Coordinator) error {
	step, err := h.step.Read(ctx, s)
	if err != nil {
		return err
	}
	h.sink.SessionAt(step + 1)
	return nil
}

// BeforeRun asks for the global step, and for what the op needs if this run
// records.
func (h *SummarySaverHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	h.requested = !h.started || h.timer.ShouldTriggerForStep(h.next)
	if !h.requested {
		return &h.idle, nil
	}
	var err error
	if h.asked, err = h.op(); err != nil {
		return nil, err
	}
	if fetches := h.recording.Fetches; len(fetches) == 0 || !slices.Equal(fetches[1:], h.asked.fetches) {
		h.recording.Fetches = append([]string{h.step.Name()}, h.asked.fetches...)
	}
	return &h.recording, nil
}

// AfterRun records if this run was to.
func (h *SummarySaverHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	stale, err := h.step.Get(values.Results)
	if err != nil {
		return err
	}
	step := stale + 1
	if h.requested {
		if step, err = h.step.Read(ctx, rc.Session()); err != nil {
			return err
		}
		if err := h.record(step, values.Results); err != nil {
			return err
		}
	}
	h.next = step + 1
	return nil
}

// record writes the events of step, or none if one cannot be made.
func (h *SummarySaverHook) record(step int64, fetched session.Values) error {
	h.values, h.ends = h.values[:0], h.ends[:0]
	for _, op := range h.asked.ops {
		var err error
		if h.values, err = op.AppendValues(h.values, fetched); err != nil {
			return err
		}
		h.ends = append(h.ends, len(h.values))
	}
	if !h.started {
		if err := h.sink.StartSession(step); err != nil {
			return err
		}
		h.started = true
	}
	h.timer.UpdateLastTriggeredStep(step)
	begin := 0
	for _, end := range h.ends {
		if err := h.sink.Add(step, h.values[begin:end]...); err != nil {
			return err
		}
		begin = end
	}
	clear(h.values) // images are not kept in memory until the next time
	return nil
}

// End flushes the writer.
func (h *SummarySaverHook) End(context.Context, session.Session) error { return h.Flush() }

// Flush flushes the writer: what was recorded has left the process.
func (h *SummarySaverHook) Flush() error { return h.sink.Flush() }

// CloseSession gives the writer back; the last hook of a directory closes it. A
// writer that was passed in is flushed: also after a failure, what was recorded
// is in the file.
func (h *SummarySaverHook) CloseSession(context.Context, error) error { return h.sink.CloseSession() }
