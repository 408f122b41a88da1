package tftrace

import (
	"math"

	"github.com/runhook/runhook/session"
)

// A modelStepCounter is TensorFlow's StepCounterHook.
type modelStepCounter struct {
	noCallbacks
	model     *model
	name      string
	outputDir string
	writer    *modelWriter // nil: it only logs
	own       bool         // the writer is the user's
	begun     bool
	timer     *modelTimer
	last      *int64
	warned    int
}

func newModelStepCounter(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[stepCounterSpec](h)
	period := args.period()
	if err := period.check(m); err != nil {
		return nil, err
	}
	c := &modelStepCounter{model: m, name: h.Name, outputDir: args.OutputDir, timer: &modelTimer{model: m, period: period}}
	if args.Writer != "" {
		c.writer, c.own = m.ownWriter(args.Writer), true
	}
	return c, nil
}

func (h *modelStepCounter) begin() error {
	if !h.model.makes("D-17") {
		h.timer.reset()
		h.last = nil
	}
	if h.model.globalStep() == "" {
		return modelError("no_global_step")
	}
	if !h.own && h.outputDir != "" {
		h.writer = h.model.cachedWriter(h.outputDir)
	}
	if h.writer != nil {
		h.begun = true
		h.writer.beginSession()
	}
	return nil
}

func (h *modelStepCounter) afterCreate(raw *machineSession, _ *modelCoordinator) error {
	if h.writer == nil {
		return nil
	}
	return h.writer.sessionAt(raw)
}

func (h *modelStepCounter) beforeRun(*modelContext) (*modelRequest, error) {
	return &modelRequest{runSpec: runSpec{Fetches: session.GlobalStepName}}, nil
}

func (h *modelStepCounter) afterRun(rc *modelContext, values map[string]session.Value) error {
	stale, _ := values[session.GlobalStepName].Int64()
	if h.timer.shouldTrigger(stale + 1) {
		step, err := h.model.readStep(rc.raw)
		if err != nil {
			return err
		}
		if h.timer.shouldTrigger(step) {
			h.count(step)
		}
	}
	warned := &h.warned
	if h.model.makes("N-18") {
		warned = &h.model.warned
	}
	if h.last != nil && *h.last == stale && *warned < 5 {
		*warned++
		h.model.add("log", "kind", "step_not_increased", "hook", h.name, "step", stale)
	}
	h.last = &stale
	return nil
}

func (h *modelStepCounter) count(step int64) {
	secs, steps, ok := h.timer.update(step)
	if !ok {
		return
	}
	rate := math.Inf(1)
	if secs > 0 {
		rate = float64(steps) / secs
	} else if !h.model.makes("D-22") {
		return
	}
	if steps <= 0 && !h.model.makes("D-17") {
		return
	}
	tag := h.model.globalStep() + "/sec"
	h.model.add("log", "kind", "steps_per_sec", "hook", h.name, "tag", tag, "value", rate)
	if h.writer != nil {
		h.writer.addValues(step, []any{map[string]any{"tag": tag, "simple_value": asJSON(float32(rate))}})
	}
}

func (h *modelStepCounter) closeSession() {
	if !h.begun {
		return
	}
	h.begun = false
	h.writer.endSession()
	if !h.own {
		h.model.release(h.writer)
	}
}
