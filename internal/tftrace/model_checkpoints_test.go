package tftrace

import (
	"path"

	"github.com/runhook/runhook/session"
)

// A modelListener is called around each checkpoint.
type modelListener interface {
	begin() error
	beforeSave(step int64) error
	afterSave(step int64) (stop bool, err error)
	end(step int64) error
}

// A modelCheckpoints is TensorFlow's CheckpointSaverHook.
type modelCheckpoints struct {
	model     *model
	name      string
	dir       string
	path      string
	faults    []faultSpec
	listeners []modelListener
	timer     *modelTimer
	writer    *modelWriter
	begun     bool
	saves     int
}

func newModelCheckpoints(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[checkpointsSpec](h)
	period := modelPeriod{args.SaveSteps, args.SaveSecs}
	if err := period.check(m); err != nil {
		return nil, err
	}
	if args.Scaffold {
		return nil, modelError("value_error") // it has a saver as well
	}
	basename := args.CheckpointBasename
	if basename == "" {
		basename = "model.ckpt"
	}
	c := &modelCheckpoints{
		model: m, name: h.Name, dir: args.CheckpointDir, path: path.Join(args.CheckpointDir, basename),
		faults: args.SaveFaults, timer: &modelTimer{model: m, period: period},
	}
	for _, spec := range args.Listeners {
		c.listeners = append(c.listeners, newScriptedListener(m.machine, h.Name, spec))
	}
	return c, nil
}

func (h *modelCheckpoints) begin() error {
	if !h.model.makes("D-17") {
		h.timer.reset()
	}
	if h.model.globalStep() == "" {
		return modelError("no_global_step")
	}
	h.begun = true
	h.writer = h.model.cachedWriter(h.dir)
	h.writer.beginSession()
	for _, l := range h.listeners {
		if err := l.begin(); err != nil {
			return err
		}
	}
	return nil
}

func (h *modelCheckpoints) afterCreate(s *machineSession, c *modelCoordinator) error {
	step, err := h.model.readStep(s)
	if err != nil {
		return err
	}
	h.writer.coming = step + 1
	stop, err := h.save(s, step)
	if err != nil {
		return err
	}
	if stop && !h.model.makes("D-20") {
		if err := c.requestStop(nil, false); err != nil {
			return err
		}
	}
	h.timer.update(step)
	return nil
}

func (h *modelCheckpoints) beforeRun(*modelContext) (*modelRequest, error) {
	return &modelRequest{runSpec: runSpec{Fetches: session.GlobalStepName}}, nil
}

func (h *modelCheckpoints) afterRun(rc *modelContext, values map[string]session.Value) error {
	stale, _ := values[session.GlobalStepName].Int64()
	if !h.timer.shouldTrigger(stale + 1_000_000) {
		return nil
	}
	step, err := h.model.readStep(rc.raw)
	if err != nil || !h.timer.shouldTrigger(step) {
		return err
	}
	h.timer.update(step)
	stop, err := h.save(rc.raw, step)
	rc.stop = rc.stop || stop
	return err
}

func (h *modelCheckpoints) end(s *machineSession) error {
	if s == nil {
		return modelError("attribute_error")
	}
	step, err := h.model.readStep(s)
	if err != nil {
		return err
	}
	if last, ok := h.timer.last(); !ok || last != step {
		if _, err := h.save(s, step); err != nil {
			return err
		}
	}
	var errs []error
	for _, l := range h.listeners {
		err := l.end(step)
		errs = append(errs, err)
		if err != nil && h.model.makes("D-12") {
			break
		}
	}
	return h.model.met(errs...)
}

func (h *modelCheckpoints) save(s *machineSession, step int64) (stop bool, err error) {
	for _, l := range h.listeners {
		if err := l.beforeSave(step); err != nil {
			return false, err
		}
	}
	h.saves++
	if err := s.save(h.name, h.path, step, h.saves, h.faults); err != nil {
		return false, err
	}
	h.writer.write(event{"event": "session_log", "status": "CHECKPOINT", "checkpoint_prefix": h.path}, step)
	for _, l := range h.listeners {
		asks, err := l.afterSave(step)
		if err != nil {
			return false, err
		}
		stop = stop || asks
	}
	return stop, nil
}

func (h *modelCheckpoints) closeSession() {
	if !h.begun {
		return
	}
	h.begun = false
	h.writer.endSession()
	h.model.release(h.writer)
}
