package tftrace

// A modelTimer is TensorFlow's SecondOrStepTimer; with neither period its
// NeverTriggerTimer.
type modelTimer struct {
	model     *model
	period    modelPeriod
	triggered bool
	lastStep  int64
	lastTime  float64
}

// A modelPeriod is how often something is done. nil was not passed, or as None.
type modelPeriod struct {
	steps *int64
	secs  *float64
}

// check refuses none and both. TensorFlow counts what was passed, 0 as well; here
// 0 is none, and a negative period is an error.
func (p modelPeriod) check(m *model) error {
	valid := (p.steps == nil) != (p.secs == nil)
	if !m.makes("D-14") {
		steps, secs := p.orZero()
		valid = steps >= 0 && secs >= 0 && (steps == 0) != (secs == 0)
	}
	if !valid {
		return modelError("value_error")
	}
	return nil
}

// none reports whether there is no period.
func (p modelPeriod) none(m *model) bool {
	if !m.makes("D-14") {
		steps, secs := p.orZero()
		return steps == 0 && secs == 0
	}
	return p == modelPeriod{}
}

func (p modelPeriod) orZero() (steps int64, secs float64) {
	if p.steps != nil {
		steps = *p.steps
	}
	if p.secs != nil {
		secs = *p.secs
	}
	return steps, secs
}

func (t *modelTimer) reset() { t.triggered = false }

func (t *modelTimer) shouldTrigger(step int64) bool {
	switch {
	case t.period.none(t.model):
		return false
	case !t.triggered:
		return true
	case step == t.lastStep:
		return false
	case step < t.lastStep && !t.model.makes("D-17"):
		return true
	}
	if steps, secs := t.period.orZero(); t.period.secs != nil && secs != 0 || t.period.steps == nil {
		return t.model.now() >= t.lastTime+secs
	} else {
		return step >= t.lastStep+steps
	}
}

// update returns the time and the steps since the last update; ok is false if
// there was none.
func (t *modelTimer) update(step int64) (secs float64, steps int64, ok bool) {
	if t.period.none(t.model) {
		return 0, 0, false
	}
	secs, steps, ok = t.model.now()-t.lastTime, step-t.lastStep, t.triggered
	t.triggered, t.lastStep, t.lastTime = true, step, t.model.now()
	return secs, steps, ok
}

func (t *modelTimer) last() (step int64, ok bool) { return t.lastStep, t.triggered }
