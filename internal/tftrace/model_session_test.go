package tftrace

// A modelSession is TensorFlow's MonitoredSession, or SingularMonitoredSession.
type modelSession struct {
	model    *model
	hooks    []*modelHook
	recovers bool
	live     *modelLive      // nil: lost, or closed
	raw      *machineSession // the last one created
	over     bool
	closeErr error

	wish      bool // a stop was asked for, by a hook or a step function
	coordWish bool // a stop was asked for, of the coordinator of a lost session
}

// A modelLive is the layers over one session of the engine.
type modelLive struct {
	raw   *machineSession
	coord *modelCoordinator
	stop  bool // a hook has asked for it
}

func (m *model) open(p phaseSpec, hooks []string) (monitored, error) {
	s := &modelSession{model: m, recovers: !p.singular()}
	for _, name := range hooks {
		s.hooks = append(s.hooks, m.hooks[name])
	}
	if err := s.begin(p); err != nil {
		s.closeHooks()
		return nil, err
	}
	return s, nil
}

func (m *model) with(p phaseSpec, hooks []string, body func(monitored) error) error {
	s, err := m.open(p, hooks)
	if err != nil {
		return err
	}
	return s.(*modelSession).leave(body(s), true)
}

func (s *modelSession) begin(p phaseSpec) error {
	for _, h := range s.hooks {
		if err := h.begin(); err != nil {
			return err
		}
	}
	if p.HooksAsGenerator && s.model.makes("D-02") {
		s.hooks = nil
	}
	return s.createAgain()
}

// createAgain creates a session, as often as it takes.
func (s *modelSession) createAgain() error {
	for {
		err := s.create()
		if err == nil || !s.recovers || !isLost(err) {
			return err
		}
	}
}

func (s *modelSession) create() error {
	raw, err := s.model.create()
	if err != nil {
		return err
	}
	s.raw = raw
	live := &modelLive{raw: raw, coord: &modelCoordinator{model: s.model}}
	for _, h := range s.hooks {
		if err := h.afterCreate(raw, live.coord); err != nil {
			if s.model.makes("D-09") {
				return err
			}
			return s.model.met(err, s.closeLayers(live))
		}
	}
	s.live = live
	return nil
}

// closeLayers returns the error of the coordinator, unless it is a loss that
// somebody recovers from.
func (s *modelSession) closeLayers(live *modelLive) error {
	s.live = nil
	if live.coord.wished && !s.model.makes("D-01") {
		s.coordWish = true
	}
	live.coord.end()
	live.coord.joined = true
	live.raw.close()
	if err := live.coord.err(); !s.recovers || !isLost(err) {
		return err
	}
	return nil
}

// recovering calls fn with a live session, again if it was lost.
func (s *modelSession) recovering(fn func(live *modelLive) (any, error)) (any, error) {
	for {
		if s.live == nil {
			if err := s.createAgain(); err != nil {
				return nil, err
			}
		}
		value, err := fn(s.live)
		if err == nil || !s.recovers || !isLost(err) {
			return value, err
		}
		if err := s.closeLayers(s.live); err != nil {
			return nil, err
		}
	}
}

// usable refuses what comes after close.
func (s *modelSession) usable() error {
	switch {
	case s.over && s.model.makes("D-04"):
		return modelError("attribute_error")
	case s.over:
		return modelError("closed_session")
	}
	return nil
}

func (s *modelSession) run(r runSpec) (any, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	if s.wish {
		return nil, modelError("run_after_stop")
	}
	return s.recovering(func(live *modelLive) (any, error) {
		value, _, err := s.coordinatedRun(live, r)
		return value, err
	})
}

func (s *modelSession) shouldStop() (bool, error) {
	if s.over || s.wish || s.coordWish {
		return true, nil
	}
	created := false
	if s.recovers {
		if s.live == nil {
			return true, nil
		}
		if err := s.live.coord.err(); isLost(err) {
			if err := s.closeLayers(s.live); err != nil {
				return true, err
			}
			if err := s.createAgain(); err != nil {
				return true, err
			}
			created = true
		} else if err != nil {
			return true, nil
		}
	}
	if err := s.live.coord.err(); err != nil {
		if created && !s.model.makes("D-07") {
			return !isLost(err), nil
		}
		return true, err
	}
	return s.live.coord.stop || s.live.stop, nil
}

func (s *modelSession) close() error { return s.leave(nil, false) }

// leave closes the session, because the block is left with cause or for an
// explicit close.
func (s *modelSession) leave(cause error, block bool) error {
	if cause != nil && s.endsCleanly(cause) {
		cause = nil
	}
	if s.over {
		return s.leaveAgain(cause, block)
	}
	var errs []error
	if cause == nil && (s.live != nil || s.model.makes("N-01")) {
		errs = s.endHooks(s.raw)
	}
	s.over = true
	if s.live != nil {
		errs = append(errs, s.closeLayers(s.live))
	}
	s.closeHooks()
	s.closeErr = s.model.met(append([]error{cause}, errs...)...)
	return s.closeErr
}

func (s *modelSession) endsCleanly(cause error) bool {
	if s.model.makes("D-11") {
		return everyPart(cause, "out_of_range", "stop_iteration")
	}
	return isClean(cause)
}

func (s *modelSession) leaveAgain(cause error, block bool) error {
	if !s.model.makes("D-13") {
		return s.model.met(cause, s.closeErr)
	}
	if cause == nil {
		s.endHooks(nil)
	}
	return modelError("already_closed")
}

func (s *modelSession) endHooks(raw *machineSession) (errs []error) {
	for _, h := range s.hooks {
		err := h.end(raw)
		errs = append(errs, err)
		if err != nil && s.model.makes("D-12") {
			break
		}
	}
	return errs
}

func (s *modelSession) closeHooks() {
	for _, h := range s.hooks {
		h.closeSession()
	}
}
