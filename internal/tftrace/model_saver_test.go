package tftrace

import (
	"github.com/runhook/runhook/session"
)

// A modelSaver is TensorFlow's SummarySaverHook.
type modelSaver struct {
	noCallbacks
	model     *model
	summaries savedSummaries
	outputDir string
	writer    *modelWriter
	own       bool // the writer is the user's
	begun     bool
	timer     *modelTimer
	next      *int64 // the step that the coming run is expected to come to
	requested bool
}

func newModelSaver(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[struct {
		SaveSteps *int64   `json:"save_steps"`
		SaveSecs  *float64 `json:"save_secs"`
		OutputDir string   `json:"output_dir"`
		Writer    string
		savedSummaries
	}](h)
	period := modelPeriod{args.SaveSteps, args.SaveSecs}
	if err := period.check(m); err != nil {
		return nil, err
	}
	if (args.Scaffold == nil) == (args.SummaryOp == nil) {
		return nil, modelError("value_error")
	}
	if args.OutputDir == "" && args.Writer == "" && !m.makes("D-23") {
		return nil, modelError("value_error")
	}
	s := &modelSaver{
		model: m, summaries: args.savedSummaries,
		outputDir: args.OutputDir, timer: &modelTimer{model: m, period: period},
	}
	if args.Writer != "" {
		s.writer, s.own = m.ownWriter(args.Writer), true
	}
	return s, nil
}

// names are those of the summaries as they are at the moment.
func (s *modelSaver) names() []string {
	if s.summaries.Scaffold != nil {
		return namesIn(s.summaries.Scaffold.SummaryOp)
	}
	return namesIn(s.summaries.SummaryOp)
}

func (s *modelSaver) begin() error {
	s.next = nil
	if !s.model.makes("D-17") {
		s.timer.reset()
	}
	if s.model.globalStep() == "" {
		return modelError("no_global_step")
	}
	if !s.own && s.outputDir != "" {
		s.writer = s.model.cachedWriter(s.outputDir)
	}
	if s.writer != nil {
		s.begun = true
		s.writer.beginSession()
	}
	return nil
}

func (s *modelSaver) afterCreate(raw *machineSession, _ *modelCoordinator) error {
	if s.writer == nil {
		return nil
	}
	return s.writer.sessionAt(raw)
}

func (s *modelSaver) beforeRun(*modelContext) (*modelRequest, error) {
	s.requested = s.next == nil || s.timer.shouldTrigger(*s.next)
	fetches := []string{session.GlobalStepName}
	var names []string
	if s.requested {
		names = s.names()
		for _, name := range names {
			for _, value := range s.model.graph.Summaries[name] {
				fetches = append(fetches, value.Tensor)
			}
		}
	}
	return &modelRequest{runSpec: runSpec{Fetches: asJSON(fetches)}, summaries: names}, nil
}

func (s *modelSaver) afterRun(rc *modelContext, values map[string]session.Value) error {
	if s.writer == nil {
		return nil
	}
	stale, _ := values[session.GlobalStepName].Int64()
	step := stale + 1
	if s.next == nil || s.requested {
		var err error
		if step, err = s.model.readStep(rc.raw); err != nil {
			return err
		}
	}
	if s.next == nil {
		s.writer.startSession(step)
	}
	if s.requested {
		s.timer.update(step)
		if s.summaries.AsTuple && s.model.makes("D-23") {
			return modelError("attribute_error")
		}
		for _, name := range s.names() {
			s.writer.add(step, s.model.graph.Summaries[name], values)
		}
	}
	next := step + 1
	s.next = &next
	return nil
}

func (s *modelSaver) closeSession() {
	if !s.begun {
		return
	}
	s.begun = false
	s.writer.endSession()
	if !s.own {
		s.model.release(s.writer)
	}
}
