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

// check refuses none and both.
func (p modelPeriod) check(m *model) error { return exactlyOne(m, p.steps, p.secs) }

// exactlyOne refuses none and both of two arguments. TensorFlow counts what was
// passed, 0 as well; here 0 is none, and a negative number is an error.
func exactlyOne[A, B int64 | float64](m *model, a *A, b *B) error {
	valid := (a == nil) != (b == nil)
	if !m.makes("D-14") {
		a, b := orZero(a), orZero(b)
		valid = a >= 0 && b >= 0 && (a == 0) != (b == 0)
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

func (p modelPeriod) orZero() (steps int64, secs float64) { return orZero(p.steps), orZero(p.secs) }

func orZero[T any](argument *T) (value T) {
	if argument != nil {
		value = *argument
	}
	return value
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
