package tftrace

import (
	"math"

	"github.com/runhook/runhook/session"
)

// modelHooks make the hooks of the model: one entry a type. A scenario with a
// type that has none is not run.
var modelHooks = map[string]func(m *model, h hookSpec) (modelCallbacks, error){
	"probe":            newModelProbe,
	"stop_at_step":     newModelStopAtStep,
	"logging":          newModelLogging,
	"summary_saver":    newModelSaver,
	"checkpoint_saver": newModelCheckpoints,
	"step_counter":     newModelStepCounter,
}

// A modelStopAtStep is TensorFlow's StopAtStepHook.
type modelStopAtStep struct {
	noCallbacks
	model    *model
	numSteps *int64
	lastStep *int64
	target   *int64
}

func newModelStopAtStep(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[struct {
		NumSteps *int64 `json:"num_steps"`
		LastStep *int64 `json:"last_step"`
	}](h)
	return newModelStopAt(m, args.NumSteps, args.LastStep)
}

func newModelStopAt(m *model, numSteps, lastStep *int64) (modelCallbacks, error) {
	if err := exactlyOne(m, numSteps, lastStep); err != nil {
		return nil, err
	}
	if orZero(lastStep) == 0 && !m.makes("D-14") {
		lastStep = nil
	}
	return &modelStopAtStep{model: m, numSteps: numSteps, lastStep: lastStep, target: lastStep}, nil
}

func (h *modelStopAtStep) begin() error {
	if h.model.globalStep() == "" {
		return modelError("no_global_step")
	}
	if !h.model.makes("D-19") {
		h.target = h.lastStep
	}
	return nil
}

func (h *modelStopAtStep) afterCreate(s *machineSession, c *modelCoordinator) error {
	if h.target != nil && h.model.makes("D-19") {
		return nil
	}
	step, err := h.model.readStep(s)
	if err != nil {
		return err
	}
	if h.target == nil {
		target := step + min(*h.numSteps, math.MaxInt64-step)
		h.target = &target
	}
	if step >= *h.target && !h.model.makes("D-19") {
		return c.requestStop(nil, false)
	}
	return nil
}

func (h *modelStopAtStep) beforeRun(*modelContext) (*modelRequest, error) {
	return &modelRequest{runSpec: runSpec{Fetches: session.GlobalStepName}}, nil
}

func (h *modelStopAtStep) afterRun(rc *modelContext, values map[string]session.Value) error {
	if stale, _ := values[session.GlobalStepName].Int64(); stale+1 < *h.target {
		return nil
	}
	step, err := h.model.readStep(rc.raw)
	if err == nil && step >= *h.target {
		rc.stop = true
	}
	return err
}

// A modelLogging is TensorFlow's LoggingTensorHook.
type modelLogging struct {
	noCallbacks
	model     *model
	name      string
	tensors   map[string]string // tag → name
	timer     *modelTimer
	atEnd     bool
	formatter bool
	iteration int64
	due       bool
}

func newModelLogging(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[struct {
		Tensors    any
		EveryNIter *int64   `json:"every_n_iter"`
		EveryNSecs *float64 `json:"every_n_secs"`
		AtEnd      bool     `json:"at_end"`
		Formatter  bool
		// The names come from a generator, which is read once.
		AsGenerator bool `json:"as_generator"`
	}](h)
	period := modelPeriod{args.EveryNIter, args.EveryNSecs}
	onlyAtEnd := args.AtEnd && period.none(m)
	if err := period.check(m); err != nil && !onlyAtEnd {
		return nil, err
	}
	if args.EveryNIter != nil && *args.EveryNIter <= 0 && m.makes("D-14") {
		return nil, modelError("value_error")
	}
	tensors := make(map[string]string)
	if tagged, ok := args.Tensors.(map[string]any); ok {
		for tag, name := range tagged {
			tensors[tag] = name.(string)
		}
	} else {
		for _, name := range namesIn(args.Tensors) {
			tensors[name] = name
		}
	}
	return &modelLogging{
		model: m, name: h.Name, tensors: tensors, timer: &modelTimer{model: m, period: period},
		atEnd: args.AtEnd, formatter: args.Formatter,
	}, nil
}

func (h *modelLogging) names() []string { return sortedNames(valuesOf(h.tensors)) }

func (h *modelLogging) begin() error {
	h.timer.reset()
	h.iteration = 0
	for _, name := range h.names() {
		if h.model.resolve(name) != nil {
			return modelError("unknown_name")
		}
	}
	return nil
}

func (h *modelLogging) beforeRun(*modelContext) (*modelRequest, error) {
	h.due = h.timer.shouldTrigger(h.iteration)
	if !h.due {
		return nil, nil
	}
	return &modelRequest{runSpec: runSpec{Fetches: asJSON(h.names())}}, nil
}

func (h *modelLogging) afterRun(_ *modelContext, values map[string]session.Value) error {
	if h.due {
		h.log(values)
	}
	h.iteration++
	return nil
}

func (h *modelLogging) end(s *machineSession) error {
	if !h.atEnd {
		return nil
	}
	if s == nil {
		return modelError("attribute_error")
	}
	values, err := s.run(h.names(), nil, nil)
	if err == nil {
		h.log(values)
	}
	return err
}

func (h *modelLogging) log(values map[string]session.Value) {
	shown := make(map[string]any)
	for tag, name := range h.tensors {
		shown[tag] = asJSON(values[name])
	}
	e := h.model.add("log", "kind", "tensors", "hook", h.name, "values", shown)
	if elapsed, _, ok := h.timer.update(h.iteration); ok && !h.formatter {
		e["elapsed"] = elapsed
	}
}
