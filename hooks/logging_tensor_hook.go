package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
)

// LoggingTensorHookConfig describes a [LoggingTensorHook].
type LoggingTensorHookConfig struct {
	// Tensors are the names to log, in this order; each is its own tag. Exactly
	// one of Tensors and TaggedTensors is needed; an empty one logs that there was a
	// run.
	Tensors []string
	// TaggedTensors maps tags to names. They are logged in the order of the tags.
	TaggedTensors map[string]string

	// EveryNIter or EveryNSecs is the period: runs of the session, whatever the
	// global step does, or time. One of them is needed, unless AtEnd is set.
	EveryNIter int64
	EveryNSecs time.Duration
	// AtEnd logs the values once more when the session ends.
	AtEnd bool

	// Formatter makes the text. Default: [TensorLog.String].
	Formatter func(TensorLog) string
	// Output, if set, gets the text as lines. An error of it fails the run.
	Output io.Writer
	// Logger is used where there is no Output. Without a Formatter it gets the
	// values as attributes. Default: slog.Default().
	Logger *slog.Logger
}

func (c LoggingTensorHookConfig) validate() error {
	var errs []error
	switch {
	case c.Tensors == nil && c.TaggedTensors == nil:
		errs = append(errs, errors.New("neither Tensors nor TaggedTensors is set, want exactly one"))
	case len(c.Tensors) > 0 && len(c.TaggedTensors) > 0:
		errs = append(errs, errors.New("both Tensors and TaggedTensors are set, want exactly one"))
	}
	if !c.atEndOnly() {
		errs = append(errs, cadence.Check("EveryNIter", c.EveryNIter, "EveryNSecs", c.EveryNSecs))
	}
	return faults.Join("hooks: LoggingTensorHookConfig", errs...)
}

func (c LoggingTensorHookConfig) atEndOnly() bool {
	return c.AtEnd && c.EveryNIter == 0 && c.EveryNSecs == 0
}

// A TensorLog is what a [LoggingTensorHook] logs at once. It is valid during
// the call of the formatter.
type TensorLog struct {
	Tags   []string
	Values session.Values // of the same order
	// First says that the session has logged nothing before. Otherwise Runs and
	// Elapsed are how many runs and how much time have passed since it did.
	First   bool
	Runs    int64
	Elapsed time.Duration
}

// Lookup returns the value of a tag; the zero Value if there is none.
func (l TensorLog) Lookup(tag string) session.Value {
	if i := slices.Index(l.Tags, tag); i >= 0 {
		return l.Values.At(i)
	}
	return session.Value{}
}

// RunsPerSec is the rate of runs since the log before, 0 if there was none.
func (l TensorLog) RunsPerSec() float64 {
	if l.Elapsed <= 0 {
		return 0
	}
	return float64(l.Runs) / l.Elapsed.Seconds()
}

// String is TensorFlow's text: "loss = 0.25, step = 100 (1.302 sec)".
func (l TensorLog) String() string {
	var b strings.Builder
	for i, tag := range l.Tags {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s = %s", tag, l.Values.At(i))
	}
	if !l.First {
		fmt.Fprintf(&b, " (%.3f sec)", l.Elapsed.Seconds())
	}
	return b.String()
}

// A LoggingTensorHook logs fetched values: at the first run of a session, then
// every EveryNIter runs or EveryNSecs. The values are fetched on those runs
// only.
type LoggingTensorHook struct {
	config LoggingTensorHookConfig
	tags   []string
	args   session.SessionRunArgs
	timer  session.Timer
	runs   int64 // of this session
	due    bool  // the run in progress is logged
}

var _ session.SessionRunHook = (*LoggingTensorHook)(nil)

// NewLoggingTensorHook returns a hook, or all that is wrong with its config.
func NewLoggingTensorHook(config LoggingTensorHookConfig) (*LoggingTensorHook, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	h := &LoggingTensorHook{config: config, timer: session.NeverTriggerTimer{}}
	h.tags = slices.Clone(config.Tensors)
	h.args.Fetches = slices.Clone(config.Tensors)
	for _, tag := range slices.Sorted(maps.Keys(config.TaggedTensors)) {
		h.tags = append(h.tags, tag)
		h.args.Fetches = append(h.args.Fetches, config.TaggedTensors[tag])
	}
	if !config.atEndOnly() {
		var err error
		if h.timer, err = session.NewSecondOrStepTimer(config.EveryNSecs, config.EveryNIter); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Begin resolves the names.
func (h *LoggingTensorHook) Begin(_ context.Context, graph session.Graph) error {
	h.timer.Reset()
	h.runs = 0
	for _, name := range h.args.Fetches {
		if err := graph.Resolve(name); err != nil {
			return err
		}
	}
	return nil
}

// AfterCreateSession does nothing.
func (h *LoggingTensorHook) AfterCreateSession(context.Context, session.Session, *session.Coordinator) error {
	return nil
}

// BeforeRun asks for the values if they are due.
func (h *LoggingTensorHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	h.due = h.timer.ShouldTriggerForStep(h.runs)
	if !h.due {
		return nil, nil
	}
	return &h.args, nil
}

// AfterRun logs the values if they were due.
func (h *LoggingTensorHook) AfterRun(ctx context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
	if h.due {
		if err := h.log(ctx, values.Results); err != nil {
			return err
		}
	}
	h.runs++
	return nil
}

// End logs the values once more if AtEnd is set. There may be none, before the
// first step.
func (h *LoggingTensorHook) End(ctx context.Context, s session.Session) error {
	if !h.config.AtEnd {
		return nil
	}
	values, err := session.Eval(ctx, s, h.args.Fetches...)
	if errors.Is(err, session.ErrNoValue) && h.runs == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return h.log(ctx, values)
}

func (h *LoggingTensorHook) log(ctx context.Context, values session.Values) error {
	l := TensorLog{Tags: h.tags, Values: values}
	var again bool
	l.Elapsed, l.Runs, again = h.timer.UpdateLastTriggeredStep(h.runs)
	l.First = !again
	if h.config.Output == nil && h.config.Formatter == nil {
		h.logger().LogAttrs(ctx, slog.LevelInfo, "tensors", l.attrs()...)
		return nil
	}
	format := TensorLog.String
	if h.config.Formatter != nil {
		format = h.config.Formatter
	}
	if h.config.Output == nil {
		h.logger().InfoContext(ctx, format(l))
		return nil
	}
	_, err := io.WriteString(h.config.Output, format(l)+"\n")
	return err
}

func (h *LoggingTensorHook) logger() *slog.Logger {
	if h.config.Logger != nil {
		return h.config.Logger
	}
	return slog.Default()
}

func (l TensorLog) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, len(l.Tags)+1)
	for i, tag := range l.Tags {
		attrs = append(attrs, attr(tag, l.Values.At(i)))
	}
	if !l.First {
		attrs = append(attrs, slog.Duration("elapsed", l.Elapsed))
	}
	return attrs
}

func attr(tag string, v session.Value) slog.Attr {
	switch v.Kind() {
	case session.KindTensor, session.KindNone:
		return slog.String(tag, v.String())
	case session.KindFloat32: // 0.1, not 0.10000000149011612
		if f, err := strconv.ParseFloat(v.String(), 64); err == nil {
			return slog.Float64(tag, f)
		}
	}
	return slog.Any(tag, v.Any())
}
