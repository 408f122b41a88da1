package tftrace

import (
	"io"
	"time"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// libraryHooks make the hooks of this library from what scenarios say of them:
// one entry a type. A scenario with a type that has none is not run.
var libraryHooks = map[string]func(l *library, h hookSpec) (session.SessionRunHook, error){
	"stop_at_step":     newStopAtStep,
	"logging":          newLogging,
	"summary_saver":    newSummarySaver,
	"checkpoint_saver": newCheckpointSaver,
	"step_counter":     newStepCounter,
}

func newStopAtStep(_ *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[struct {
		NumSteps int64 `json:"num_steps"`
		LastStep int64 `json:"last_step"`
	}](h)
	return hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{NumSteps: args.NumSteps, LastStep: args.LastStep})
}

func newLogging(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[struct {
		Tensors    any
		EveryNIter int64   `json:"every_n_iter"`
		EveryNSecs float64 `json:"every_n_secs"`
		AtEnd      bool    `json:"at_end"`
		Formatter  bool
		// The names come from a generator, which a Go program collects first.
		AsGenerator bool `json:"as_generator"`
	}](h)
	config := hooks.LoggingTensorHookConfig{
		EveryNIter: args.EveryNIter,
		EveryNSecs: seconds(args.EveryNSecs),
		AtEnd:      args.AtEnd,
		Output:     io.Discard,
	}
	if tagged, ok := args.Tensors.(map[string]any); ok {
		config.TaggedTensors = make(map[string]string)
		for tag, name := range tagged {
			config.TaggedTensors[tag] = name.(string)
		}
	} else {
		config.Tensors = append([]string{}, namesIn(args.Tensors)...) // an empty list is one
	}
	config.Formatter = func(log hooks.TensorLog) string {
		text := "formatted"
		if !args.Formatter {
			text = log.String()
		}
		values := make(map[string]any)
		for i, tag := range log.Tags {
			values[tag] = asJSON(log.Values.At(i))
		}
		e := l.add("log", "kind", "tensors", "hook", h.Name, "values", values, "text", text)
		if log.Runs > 0 && !args.Formatter { // TensorFlow's formatters are not told
			e["elapsed"] = log.Elapsed.Seconds()
		}
		return text
	}
	return hooks.NewLoggingTensorHook(config)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// A savedSummaries is how scenarios name the summaries of a saver.
type savedSummaries struct {
	SummaryOp any  `json:"summary_op"`
	AsTuple   bool `json:"as_tuple"` // Python's other kind of list
	Scaffold  *struct {
		SummaryOp any `json:"summary_op"`
	}
}

// saverArguments are those of a summary saver.
type saverArguments struct {
	SaveSteps int64   `json:"save_steps"`
	SaveSecs  float64 `json:"save_secs"`
	OutputDir string  `json:"output_dir"`
	Writer    string
	savedSummaries
}

func newSummarySaver(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[saverArguments](h)
	config := summary.SummarySaverHookConfig{
		SaveSteps: args.SaveSteps,
		SaveSecs:  seconds(args.SaveSecs),
		SummaryOp: l.summaryOp(args.SummaryOp),
	}
	if args.OutputDir != "" {
		config.OutputDir = l.folder(args.OutputDir)
	}
	if args.Scaffold != nil {
		config.Scaffold = new(session.Scaffold)
		if op := l.summaryOp(args.Scaffold.SummaryOp); op != nil {
			config.Scaffold.SummaryOp = op
		}
	}
	if args.Writer != "" {
		w, err := summary.NewFileWriter(l.folder(args.Writer), summary.FileWriterConfig{})
		if err != nil {
			return nil, err
		}
		l.writers = append(l.writers, w)
		config.SummaryWriter = w
	}
	return summary.NewSummarySaverHook(config)
}

// summaryOp makes the op for a name or a list of names; nil for neither.
func (l *library) summaryOp(names any) summary.Op {
	switch names := names.(type) {
	case string:
		var scalars []summary.Op
		for _, s := range l.graph.Summaries[names] {
			scalars = append(scalars, summary.Scalar(s.Tag, s.Tensor))
		}
		return summary.Merge(scalars...)
	case []any:
		list := summary.List{}
		for _, name := range names {
			list = append(list, l.summaryOp(name))
		}
		return list
	}
	return nil
}

// summariesOf are the names of what a saver records.
func summariesOf(h hookSpec) []string {
	args := argumentsOf[saverArguments](h)
	if args.Scaffold != nil {
		return namesIn(args.Scaffold.SummaryOp)
	}
	return namesIn(args.SummaryOp)
}
