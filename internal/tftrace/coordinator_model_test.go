package tftrace

import (
	"cmp"
	"slices"
)

// A coordModel computes what TensorFlow's coordinator answers and raises, with
// or without its mistakes. The times it takes from the trace.
//
//   - D-26: join and raise_requested_exception raise the error of the first stop,
//     if that came with one, and nothing of what else failed. Mended: all errors,
//     the first one first, then the threads that did not end.
//   - D-27: of an error that is not being handled, or not alone, request_stop
//     takes what Python happens to be handling, and fails if that is nothing.
//     Mended: the error that it was given.
type coordModel struct {
	scenario       *coordScenario
	mend26, mend27 bool

	stopped, joined bool
	errs            coordError
	reported        []coordReport      // of each of errs
	now             coordReport        // of an error that the event at hand reports
	registered      map[string]float64 // thread → since when
	started, ended  map[string]bool
	scripts         map[string][]coordStep // what each actor has before it
	main            float64                // the time that main's script has come to
}

// mend returns TensorFlow's trace as it is without the mistakes of these
// numbers.
func (s *coordScenario) mend(trace []coordEvent, mistakes []string) []coordEvent {
	m := &coordModel{
		scenario:   s,
		mend26:     slices.Contains(mistakes, "D-26"),
		mend27:     slices.Contains(mistakes, "D-27"),
		registered: make(map[string]float64),
		started:    make(map[string]bool),
		ended:      make(map[string]bool),
		scripts:    map[string][]coordStep{"main": flat(s.Ops)},
	}
	for name, thread := range s.Threads {
		m.scripts[name] = flat(thread.Script)
		if thread.registered() {
			m.registered[name] = 0
		}
	}
	var mended []coordEvent
	for _, e := range s.occurrence(trace) {
		m.event(&e)
		if e.Ev != "action" {
			mended = append(mended, e)
		}
	}
	return mended
}

// flat returns the steps in the order in which their events are written.
func flat(steps []coordStep) (out []coordStep) {
	for _, step := range steps {
		out = append(append(out, flat(step.Body)...), step)
	}
	return out
}

// occurrence brings events into the order in which they happened: of those at one
// moment first what the one actor does whose time it is, then what the others do
// about the stop that it asks for, at last joins. What loopers do at the end of a
// call gets an event of its own, "action".
func (s *coordScenario) occurrence(trace []coordEvent) []coordEvent {
	var events []coordEvent
	for _, e := range trace {
		looper := s.looper(e.By)
		if e.Ev == "call" && slices.ContainsFunc(looper.Actions, func(a coordAction) bool { return a.At == e.Call }) {
			end := e.T + looper.Secs.at(e.Call, 0)
			if end <= trace[len(trace)-1].T+precision {
				events = append(events, coordEvent{Ev: "action", T: end - precision, By: e.By, Call: e.Call})
			}
		}
	}
	events = append(events, trace...)
	slices.SortStableFunc(events, func(a, b coordEvent) int { return cmp.Compare(a.T, b.T) })
	for from := 0; from < len(events); {
		to := from
		for to < len(events) && events[to].T <= events[from].T+2*precision {
			to++
		}
		moment := events[from:to]
		reached := make(map[string]int)
		var stages [3][]coordEvent
		for _, e := range moment {
			reached[e.By] = max(reached[e.By], stageOf(e))
			stages[reached[e.By]] = append(stages[reached[e.By]], e)
		}
		copy(moment, slices.Concat(stages[:]...))
		from = to
	}
	return events
}

// stageOf is 0 for what may happen because it is time, 1 for what is due to a
// stop, and 2 for a join, which waits for the others.
func stageOf(e coordEvent) int {
	switch {
	case e.Op == "join":
		return 2
	case e.Op == "wait_for_stop" && *e.Value, e.Ev == "stop_loop":
		return 1
	}
	return 0
}

func (s *coordScenario) looper(name string) coordLooper {
	i := slices.IndexFunc(s.Ops, func(step coordStep) bool { return step.Looper == name })
	if i < 0 {
		return coordLooper{}
	}
	return s.Ops[i].coordLooper
}

// event takes in what happens, and sets what comes of it.
func (m *coordModel) event(e *coordEvent) {
	m.now = coordReport{e.T, e.By}
	looper := m.scenario.looper(e.By)
	switch e.Ev {
	case "start_loop":
		if looper.StartLoopError != "" {
			m.looperReports(coordStep{Kind: looper.StartLoopError})
		}
	case "stop_loop":
		if looper.StopLoopError != "" {
			m.looperReports(coordStep{Kind: looper.StopLoopError})
		}
	case "action":
		for _, action := range looper.Actions {
			if action.At == e.Call {
				m.looperReports(action.coordStep)
			}
		}
	case "thread_end":
		m.ended[e.By] = true
	case "return", "raise":
		step := m.nextStep(e.By)
		e.Error = m.step(step, e)
		if step.Op == "join" || step.Op == "raise_requested_exception" {
			e.reported = m.reported
		}
		e.Ev = "return"
		if len(e.Error) > 0 {
			e.Ev = "raise"
		}
		if e.By == "main" {
			m.main = e.T
		}
	}
}

// nextStep takes the actor's next step with an event; those before it are done.
func (m *coordModel) nextStep(by string) coordStep {
	for {
		step := m.scripts[by][0]
		m.scripts[by] = m.scripts[by][1:]
		switch {
		case step.Op == "start":
			m.started[step.Thread] = true
		case step.Op == "until" && by == "main":
			m.main = max(m.main, step.T)
		}
		if !step.silent() {
			return step
		}
	}
}

func (m *coordModel) step(step coordStep, e *coordEvent) coordError {
	switch step.Op {
	case "new_looper":
		m.started[step.Looper] = true
		m.registered[step.Looper] = e.T
	case "register_thread":
		m.registered[step.Thread] = e.T
	case "should_stop":
		stopped := m.stopped
		e.Value = &stopped
	case "joined":
		joined := m.joined
		e.Value = &joined
	case "clear_stop":
		m.stopped, m.joined, m.errs, m.reported = false, false, nil, nil
	case "raise_requested_exception":
		return m.errs
	case "join":
		return m.join(step)
	case "request_stop":
		return m.report(step)
	case "stop_on_exception":
		if step.Kind != "" {
			return m.report(step)
		}
	}
	return nil
}

// report is request_stop. It returns what it raises.
func (m *coordModel) report(step coordStep) coordError {
	if step.Kind == "" || m.scenario.isClean(step.Kind) {
		m.stopped = true
		return nil
	}
	if !m.mend27 {
		switch {
		case step.Form == "outside" && m.stopped && !m.joined:
			return nil // nobody looks at it
		case step.Form == "outside":
			failed := coordError{{kind: "type_error"}}
			if !m.stopped {
				m.keep(failed)
			}
			return failed
		case step.Form == "in_other_handler":
			step.Kind = step.Handled
		}
	}
	switch {
	case m.joined:
		return coordError{step.part()}
	case m.mend26, !m.stopped:
		m.keep(coordError{step.part()})
	}
	m.stopped = true
	return nil
}

// looperReports is report by a looper. What that raises, after a join, ends the
// looper and is seen by nobody. Mended: it is kept.
func (m *coordModel) looperReports(step coordStep) {
	if raised := m.report(step); m.mend26 {
		m.keep(raised)
	}
}

// keep keeps errors that are reported now; TensorFlow keeps one.
func (m *coordModel) keep(errs coordError) {
	if !m.mend26 {
		m.errs, m.reported = nil, nil
	}
	m.errs = append(slices.Clip(m.errs), errs...)
	for range errs {
		m.reported = append(slices.Clip(m.reported), m.now)
	}
}

func (m *coordModel) join(step coordStep) coordError {
	var alive []string
	for name := range m.started {
		since, registered := m.registered[name]
		if !m.ended[name] && (registered && since <= m.main || slices.Contains(step.Threads, name)) {
			alive = append(alive, name)
		}
	}
	m.joined = true
	clear(m.registered)
	if len(alive) == 0 || step.IgnoreAlive || len(m.errs) > 0 && !m.mend26 {
		return m.errs
	}
	return append(slices.Clip(m.errs), stillRunning(alive))
}
