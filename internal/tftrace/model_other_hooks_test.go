package tftrace

import (
	"fmt"
	"math"

	"github.com/runhook/runhook/session"
)

func init() {
	for name, make := range map[string]func(m *model, h hookSpec) (modelCallbacks, error){
		"nan":                newModelNan,
		"final_ops":          newModelFinalOps,
		"feed_fn":            newModelFeedFn,
		"global_step_waiter": newModelWaiter,
		"profiler":           newModelProfiler,
	} {
		modelHooks[name] = make
	}
}

// A modelNan is TensorFlow's NanTensorHook.
type modelNan struct {
	noCallbacks
	model *model
	name  string
	nanSpec
}

func newModelNan(m *model, h hookSpec) (modelCallbacks, error) {
	return &modelNan{model: m, name: h.Name, nanSpec: argumentsOf[nanSpec](h)}, nil
}

func (h *modelNan) begin() error {
	if h.model.resolve(h.Tensor) != nil {
		return modelError("unknown_name")
	}
	return nil
}

func (h *modelNan) beforeRun(*modelContext) (*modelRequest, error) {
	return &modelRequest{runSpec: runSpec{Fetches: h.Tensor}}, nil
}

func (h *modelNan) afterRun(rc *modelContext, values map[string]session.Value) error {
	if loss, _ := values[h.Tensor].Number(); !math.IsNaN(loss) {
		return nil
	}
	if h.fails() {
		h.model.add("log", "kind", "nan", "hook", h.name, "level", "error")
		return modelError("nan_loss")
	}
	h.model.add("log", "kind", "nan", "hook", h.name, "level", "warning")
	rc.stop = true
	return nil
}

// A modelFinalOps is TensorFlow's FinalOpsHook.
type modelFinalOps struct {
	noCallbacks
	model *model
	name  string
	finalOpsSpec
}

func newModelFinalOps(m *model, h hookSpec) (modelCallbacks, error) {
	return &modelFinalOps{model: m, name: h.Name, finalOpsSpec: argumentsOf[finalOpsSpec](h)}, nil
}

func (h *modelFinalOps) end(s *machineSession) error {
	if h.FinalOps == nil {
		return nil
	}
	if s == nil {
		return modelError("attribute_error")
	}
	_, err := s.run(namesIn(h.FinalOps), h.Feeds, nil)
	if isClean(err) {
		h.model.add("log", "kind", "final_ops_input", "hook", h.name, "level", "warning")
	}
	return err
}

// A modelFeedFn is TensorFlow's FeedFnHook.
type modelFeedFn struct {
	noCallbacks
	feeds []map[string]any
	calls int
}

func newModelFeedFn(_ *model, h hookSpec) (modelCallbacks, error) {
	return &modelFeedFn{feeds: argumentsOf[feedFnSpec](h).Feeds}, nil
}

func (h *modelFeedFn) beforeRun(*modelContext) (*modelRequest, error) {
	return &modelRequest{runSpec: runSpec{Feeds: answerAt(h.feeds, &h.calls, nil)}}, nil
}

// A modelWaiter is TensorFlow's GlobalStepWaiterHook.
type modelWaiter struct {
	noCallbacks
	model  *model
	name   string
	target int64
	coord  *modelCoordinator
	waited bool
}

func newModelWaiter(m *model, h hookSpec) (modelCallbacks, error) {
	return &modelWaiter{model: m, name: h.Name, target: argumentsOf[waiterSpec](h).WaitUntilStep}, nil
}

func (h *modelWaiter) begin() error {
	h.waited = false
	if h.model.globalStep() == "" {
		return modelError("no_global_step")
	}
	return nil
}

func (h *modelWaiter) afterCreate(_ *machineSession, c *modelCoordinator) error {
	h.coord = c
	return nil
}

func (h *modelWaiter) beforeRun(rc *modelContext) (*modelRequest, error) {
	if h.waited || h.target <= 0 {
		h.waited = true
		return nil, nil
	}
	h.waited = true
	h.model.add("log", "kind", "waiting", "hook", h.name, "target", h.target)
	var told int64
	for {
		step, err := h.model.readStep(rc.raw)
		if err != nil || step >= h.target {
			return nil, err
		}
		if step-told > 1000 {
			told = step
			h.model.add("log", "kind", "waiting_progress", "hook", h.name, "target", h.target, "step", step)
		}
		if h.coord.stop && !h.model.makes("D-24") {
			return nil, nil
		}
		sleep(0.5)
	}
}

// A modelProfiler is TensorFlow's ProfilerHook.
type modelProfiler struct {
	noCallbacks
	model     *model
	name      string
	outputDir string
	timer     *modelTimer
	writer    *modelWriter
	begun     bool
	next      *int64
	due       bool
	seen      map[string]int
}

func newModelProfiler(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[profilerSpec](h)
	period := modelPeriod{args.SaveSteps, args.SaveSecs}
	if err := period.check(m); err != nil {
		return nil, err
	}
	return &modelProfiler{
		model: m, name: h.Name, outputDir: args.OutputDir, timer: &modelTimer{model: m, period: period}, seen: make(map[string]int),
	}, nil
}

func (h *modelProfiler) begin() error {
	h.next = nil
	if !h.model.makes("D-17") {
		h.timer.reset()
	}
	if h.model.globalStep() == "" {
		return modelError("no_global_step")
	}
	h.begun = true
	h.writer = h.model.cachedWriter(h.outputDir)
	h.writer.beginSession()
	return nil
}

func (h *modelProfiler) beforeRun(*modelContext) (*modelRequest, error) {
	h.due = h.next != nil && h.timer.shouldTrigger(*h.next)
	request := runSpec{Fetches: session.GlobalStepName}
	if h.due {
		request.Options = &optionsSpec{TraceLevel: 3}
	}
	return &modelRequest{runSpec: request}, nil
}

func (h *modelProfiler) afterRun(rc *modelContext, values map[string]session.Value) error {
	stale, _ := values[session.GlobalStepName].Int64()
	if h.next == nil {
		h.timer.update(stale)
	}
	step := stale + 1
	if h.due {
		var err error
		if step, err = h.model.readStep(rc.raw); err != nil {
			return err
		}
		h.timer.update(step)
		h.model.add("profile", "hook", h.name, "step", step)
		tag := fmt.Sprintf("step_%d", step)
		n := h.seen[tag]
		h.seen[tag]++
		switch {
		case n > 0 && h.model.makes("D-25"):
			return modelError("value_error")
		case n > 0:
			tag = fmt.Sprintf("%s_%d", tag, n)
		}
		h.writer.write(event{"event": "tagged_run_metadata", "tag": tag}, 0)
	}
	next := step + 1
	h.next = &next
	return nil
}

func (h *modelProfiler) closeSession() {
	if !h.begun {
		return
	}
	h.begun = false
	h.writer.endSession()
	h.model.release(h.writer)
}
