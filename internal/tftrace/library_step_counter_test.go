package tftrace

import (
	"context"
	"log/slog"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// A stepCounterSpec is how scenarios describe a step_counter.
type stepCounterSpec struct {
	EveryNSteps optional[int64] `json:"every_n_steps"`
	EveryNSecs  *float64        `json:"every_n_secs"`
	OutputDir   string          `json:"output_dir"`
	Writer      string
}

// period is TensorFlow's, whose default is 100 steps.
func (s stepCounterSpec) period() modelPeriod {
	steps := s.EveryNSteps.value
	if !s.EveryNSteps.given {
		hundred := int64(100)
		steps = &hundred
	}
	return modelPeriod{steps: steps, secs: s.EveryNSecs}
}

func newStepCounter(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[stepCounterSpec](h)
	steps, secs := args.period().orZero()
	if steps == 0 && secs == 0 {
		steps = hooks.Off // not the default
	}
	config := hooks.StepCounterHookConfig{EveryNSteps: steps, EveryNSecs: seconds(secs), Logger: l.logger(h.Name)}
	if args.OutputDir != "" {
		config.OutputDir = l.folder(args.OutputDir)
	}
	if args.Writer != "" {
		w, err := summary.NewFileWriter(l.folder(args.Writer), summary.FileWriterConfig{})
		if err != nil {
			return nil, err
		}
		l.writers = append(l.writers, w)
		config.SummaryWriter = w
	}
	return hooks.NewStepCounterHook(config)
}

// logger returns a logger whose records become events.
func (l *library) logger(hook string) *slog.Logger { return slog.New(traceHandler{l, hook}) }

// A traceHandler makes events of what a StepCounterHook logs.
type traceHandler struct {
	library *library
	hook    string
}

func (traceHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h traceHandler) Handle(_ context.Context, r slog.Record) error {
	attrs := make(map[string]any)
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.Any()
		return true
	})
	switch {
	case r.Level == slog.LevelWarn:
		h.library.add("log", "kind", "step_not_increased", "hook", h.hook, "step", attrs["step"])
	case attrs["value"] != nil:
		h.library.add("log", "kind", "steps_per_sec", "hook", h.hook, "tag", r.Message, "value", attrs["value"])
	}
	return nil
}

func (h traceHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h traceHandler) WithGroup(string) slog.Handler      { return h }
