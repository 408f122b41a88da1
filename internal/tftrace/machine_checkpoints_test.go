package tftrace

import "slices"

// save is what a scenario's saver does: it remembers. saves counts this save.
func (s *machineSession) save(hook, path string, step int64, saves int, faults []faultSpec) error {
	e := s.machine.add("save", "hook", hook, "path", path, "step", step)
	for _, f := range faults {
		if f.At == saves {
			return e.fail(f.err())
		}
	}
	s.machine.newest() // those of others are older
	s.machine.saved = s.vars.clone()
	return nil
}

// newest returns the variables in the newest checkpoint, or nil.
func (m *machine) newest() *variables {
	if m.world != nil {
		for _, step := range m.world.savedByOthers() {
			m.saved = &variables{step: step, counters: make(map[string]int64)}
		}
	}
	return m.saved
}

// A scriptedListener does what a scenario says and writes down its calls.
type scriptedListener struct {
	machine *machine
	hook    string
	spec    listenerSpec
	calls   map[string]int
}

func newScriptedListener(m *machine, hook string, spec listenerSpec) *scriptedListener {
	return &scriptedListener{machine: m, hook: hook, spec: spec, calls: make(map[string]int)}
}

// called writes down a call and returns its event and its error.
func (l *scriptedListener) called(callback string) (event, error) {
	l.calls[callback]++
	e := l.machine.add("listener", "hook", l.hook, "listener", l.spec.Name, "call", callback)
	for _, f := range l.spec.Faults {
		if f.In == callback && f.At == l.calls[callback] {
			return e, e.fail(&scriptedError{kind: f.Kind})
		}
	}
	return e, nil
}

func (l *scriptedListener) begin() error {
	_, err := l.called("begin")
	return err
}

func (l *scriptedListener) beforeSave(step int64) error {
	e, err := l.called("before_save")
	e.set("step", step)
	return err
}

func (l *scriptedListener) afterSave(step int64) (stop bool, err error) {
	e, err := l.called("after_save")
	e.set("step", step)
	if err == nil && slices.Contains(l.spec.StopAt, l.calls["after_save"]) {
		e["stop"] = true
		return true, nil
	}
	return false, err
}

func (l *scriptedListener) end(step int64) error {
	e, err := l.called("end")
	e.set("step", step)
	return err
}
