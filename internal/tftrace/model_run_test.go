package tftrace

import "github.com/runhook/runhook/session"

// coordinatedRun makes a hooked run. If it fails and the coordinator holds the
// loss of the session, that is the cause. stop tells whether a hook has asked.
func (s *modelSession) coordinatedRun(live *modelLive, r runSpec) (value any, stop bool, err error) {
	value, stop, err = s.hookedRun(live, r)
	if cause := live.coord.err(); err != nil && !isLost(err) && isLost(cause) {
		err = cause
	}
	return value, stop, err
}

func (s *modelSession) hookedRun(live *modelLive, r runSpec) (value any, stop bool, err error) {
	if live.stop {
		return nil, false, modelError("run_after_stop")
	}
	m := s.model
	m.summaries = nil
	rc := &modelContext{raw: live.raw, asked: r, options: s.optionsOf(r)}
	defer func() {
		stop = rc.stop
		if !m.makes("D-01") {
			s.wish = s.wish || rc.stop
		} else if err == nil {
			live.stop = live.stop || rc.stop
		}
	}()
	fetches, feeds, err := s.beforeRun(rc)
	if err != nil {
		return nil, false, err
	}
	values, err := live.raw.run(fetches, feeds, rc.options)
	if err != nil {
		return nil, false, err
	}
	for _, h := range s.hooks {
		if err := h.afterRun(rc, values); err != nil {
			return nil, false, err
		}
	}
	return inStructureOf(r.Fetches, func(name string) any { return asJSON(values[name]) }), false, nil
}

// optionsOf is where the options of a run are merged.
func (s *modelSession) optionsOf(r runSpec) *optionsSpec {
	if r.Options == nil {
		return new(optionsSpec)
	}
	if s.model.makes("D-03") {
		return r.Options
	}
	return r.Options.clone()
}

// beforeRun asks the hooks and merges what they want with what the caller wants.
func (s *modelSession) beforeRun(rc *modelContext) (fetches []string, feeds map[string]any, err error) {
	fetches, feeds = namesIn(rc.asked.Fetches), make(map[string]any)
	add := func(more map[string]any) error {
		for name, value := range more {
			if _, twice := feeds[name]; twice {
				return modelError("feed_conflict")
			}
			feeds[name] = value
		}
		return nil
	}
	for _, h := range s.hooks {
		if err := h.beforeRun(rc); err != nil {
			return nil, nil, err
		}
		if h.request == nil {
			continue
		}
		fetches = append(fetches, namesIn(h.request.Fetches)...)
		s.model.summaries = append(s.model.summaries, h.request.summaries...)
		if err := add(h.request.Feeds); err != nil {
			return nil, nil, err
		}
		if h.request.Options != nil {
			s.mergeOptions(rc.options, h.request.Options)
		}
	}
	return fetches, feeds, add(rc.asked.Feeds)
}

func (s *modelSession) mergeOptions(o, more *optionsSpec) {
	o.TraceLevel = max(o.TraceLevel, more.TraceLevel)
	if o.TimeoutMillis > 0 || s.model.makes("D-03") {
		o.TimeoutMillis = max(o.TimeoutMillis, more.TimeoutMillis)
	}
	o.InterOpThreadPool = max(o.InterOpThreadPool, more.InterOpThreadPool)
	o.PartitionGraphs = o.PartitionGraphs || more.PartitionGraphs
	o.ReportTensorsOnOOM = o.ReportTensorsOnOOM || more.ReportTensorsOnOOM
	o.ResetDebugDiskUsage = o.ResetDebugDiskUsage || more.ResetDebugDiskUsage
	o.Watch = append(o.Watch, more.Watch...)
}

func (s *modelSession) runStepFn(fn func(stepContext) (any, error)) (any, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	stopped, first := s.wish, s.raw
	return s.recovering(func(live *modelLive) (any, error) {
		c := &modelStep{session: s, live: live, raw: live.raw, stopped: stopped}
		if s.model.makes("D-08") {
			c.raw = first
		}
		return fn(c)
	})
}

// A modelStep is a StepContext.
type modelStep struct {
	session *modelSession
	live    *modelLive
	raw     *machineSession
	stopped bool // before this execution of the step function, or by a run in it
}

func (c *modelStep) run(r runSpec) (any, error) {
	if c.stopped {
		return nil, modelError("run_after_stop")
	}
	value, stop, err := c.session.coordinatedRun(c.live, r)
	c.stopped = stop && !c.session.model.makes("D-01")
	return value, err
}

func (c *modelStep) rawRun(r runSpec) (any, error) {
	defer c.session.model.doing("caller")()
	values, err := c.raw.run(namesIn(r.Fetches), nil, nil)
	if err != nil {
		return nil, err
	}
	return inStructureOf(r.Fetches, func(name string) any { return asJSON(values[name]) }), nil
}

func (c *modelStep) requestStop() error {
	if !c.session.model.makes("D-10") {
		c.session.wish = true
	}
	return modelError("stop_iteration")
}

// readStep reads the global step by a run of a hook.
func (m *model) readStep(s *machineSession) (int64, error) {
	if s == nil {
		return 0, modelError("attribute_error")
	}
	values, err := s.run([]string{session.GlobalStepName}, nil, nil)
	if err != nil {
		return 0, err
	}
	step, _ := values[session.GlobalStepName].Int64()
	return step, nil
}
