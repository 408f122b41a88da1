package tftrace

import (
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

// logger returns a logger for a StepCounterHook.
func (l *library) logger(hook string) *slog.Logger {
	return l.logs(func(r slog.Record, attrs map[string]any) {
		switch {
		case r.Level == slog.LevelWarn:
			l.add("log", "kind", "step_not_increased", "hook", hook, "step", attrs["step"])
		case attrs["value"] != nil:
			l.add("log", "kind", "steps_per_sec", "hook", hook, "tag", r.Message, "value", attrs["value"])
		}
	})
}
