package tftrace

import (
	"maps"
	"time"

	"github.com/runhook/runhook/session"
)

// A machine is the engine that a scenario describes: what it computes, how long
// that takes and when it fails. It writes the events that are seen at the
// engine. The library runs on it, and so does the model of TensorFlow.
type machine struct {
	*recorder
	graph graphSpec
	spec  engineSpec

	runs     int // hooked runs so far
	attempts int // to create a session
	rawRuns  map[string]int
	progress []bool // which entries of Others have been added
	last     *variables
	saved    *variables   // at the last successful save of a checkpoint hook, or of another process
	world    *world       // what other processes do; nil if there are none
	waits    func() error // what a new session waits for; nil: nothing

	// by is who makes raw runs at the moment: a hook, or "caller". A run is a
	// hooked one if it is "". summaries are those that the coming run is to
	// compute.
	by        string
	summaries []string
}

// variables are the state of a session.
type variables struct {
	step     int64
	counters map[string]int64
}

func (v *variables) clone() *variables {
	return &variables{step: v.step, counters: maps.Clone(v.counters)}
}

func newMachine(s *scenario, r *recorder) *machine {
	m := &machine{recorder: r, graph: s.Graph, spec: s.Engine, rawRuns: make(map[string]int)}
	if s.Graph.GlobalStep != nil {
		m.progress = make([]bool, len(s.Graph.GlobalStep.Others))
	}
	return m
}

// globalStep is the name of the global step, or "".
func (m *machine) globalStep() string {
	if m.graph.GlobalStep == nil {
		return ""
	}
	return session.GlobalStepName
}

// resolve reports a name that is not there to be fetched.
func (m *machine) resolve(name string) error {
	if _, ok := m.graph.Tensors[name]; ok || name == session.TrainOp || name != "" && name == m.globalStep() {
		return nil
	}
	return session.UnknownName(name, sortedKeys(m.graph.Tensors))
}

// doing says who makes raw runs until the function that it returns is called.
func (m *machine) doing(by string) (done func()) {
	before := m.by
	m.by = by
	return func() { m.by = before }
}

// A machineSession is one session of a machine.
type machineSession struct {
	machine *machine
	number  int
	vars    *variables
	closed  bool
}

// mostAttempts ends a job that would lose its sessions for ever.
const mostAttempts = 100

// create makes an attempt to create a session.
func (m *machine) create() (*machineSession, error) {
	m.attempts++
	s := &machineSession{machine: m, number: m.attempts, vars: m.newVariables()}
	e := m.add("create_session", "session", s.number)
	sleep(m.spec.CreateSecs)
	if m.attempts > mostAttempts {
		return nil, e.fail(&scriptedError{kind: "internal", message: "sessions without end"})
	}
	for _, f := range m.spec.CreateFaults {
		if f.At == m.attempts {
			return nil, e.fail(f.err())
		}
	}
	if m.waits != nil {
		if err := m.waits(); err != nil {
			return nil, e.fail(err)
		}
	}
	if m.globalStep() != "" {
		e.set("step", s.vars.step)
	}
	m.last = s.vars
	return s, nil
}

func (m *machine) newVariables() *variables {
	switch {
	case m.last != nil && m.spec.OnRecreate == "keep":
		return m.last.clone()
	case m.spec.OnRecreate == "checkpoint" && m.newest() != nil:
		return m.newest().clone()
	}
	v := &variables{counters: make(map[string]int64)}
	if m.graph.GlobalStep != nil {
		v.step = m.graph.GlobalStep.Initial
	}
	return v
}

// run makes one run.
func (s *machineSession) run(fetches []string, feeds map[string]any, options *optionsSpec) (map[string]session.Value, error) {
	m := s.machine
	summaries := m.summaries
	if m.by != "" {
		return s.rawRun(fetches, feeds)
	}
	m.summaries = nil
	m.runs++
	e := m.add("engine_run", "session", s.number, "run", m.runs, "fetches", sortedNames(fetches),
		"summaries", sortedNames(summaries), "feeds", feeds)
	if options != nil {
		e.set("options", options.event())
	}
	m.addProgress(s.vars)
	var fault *faultSpec
	for i := range m.spec.Faults {
		if m.spec.Faults[i].At == m.runs {
			fault = &m.spec.Faults[i]
			break
		}
	}
	var values map[string]session.Value
	if fault == nil || fault.When == "after" {
		var err error
		if values, err = s.evaluate(fetches, feeds); err != nil {
			return nil, e.fail(err)
		}
	}
	sleep(m.spec.RunSecs.at(m.runs, 0))
	ran := m.note("ran", "run", m.runs)
	if fault != nil {
		return nil, ran.fail(e.fail(fault.err()))
	}
	if m.globalStep() != "" {
		ran.set("step", s.vars.step)
	}
	return values, nil
}

func (s *machineSession) rawRun(fetches []string, feeds map[string]any) (map[string]session.Value, error) {
	m := s.machine
	e := m.add("raw_run", "session", s.number, "by", m.by, "fetches", sortedNames(fetches), "feeds", feeds)
	if s.closed {
		return nil, e.fail(&scriptedError{kind: "closed_session", message: "closed"})
	}
	m.rawRuns[m.by]++
	m.addProgress(s.vars)
	for _, f := range m.spec.RawFaults {
		if f.By == m.by && f.At == m.rawRuns[m.by] {
			return nil, e.fail(f.err())
		}
	}
	values, err := s.evaluate(fetches, feeds)
	if err != nil {
		return nil, e.fail(err)
	}
	shown := make(map[string]any)
	for name, v := range values {
		shown[name] = asJSON(v)
	}
	e["values"] = shown
	return values, nil
}

// addProgress adds what other workers have done meanwhile.
func (m *machine) addProgress(v *variables) {
	for i := range m.progress {
		if other := m.graph.GlobalStep.Others[i]; !m.progress[i] && other.at <= m.now() {
			m.progress[i] = true
			v.step += other.steps
		}
	}
}

// evaluate computes each name once, and trains if that is fetched.
func (s *machineSession) evaluate(fetches []string, feeds map[string]any) (map[string]session.Value, error) {
	m, step := s.machine, s.vars.step
	run := max(m.runs, 1)
	values := make(map[string]session.Value, len(fetches))
	trains := false
	for _, name := range sortedNames(fetches) {
		if err := m.resolve(name); err != nil {
			return nil, err
		}
		if fed, ok := feeds[name]; ok {
			values[name] = toValue(fed)
			continue
		}
		switch spec := m.graph.Tensors[name]; spec.Type {
		case "const":
			values[name] = toValue(spec.Value)
		case "series":
			values[name] = toValue(spec.Values[min(run, len(spec.Values))-1])
		case "trained":
			values[name] = session.Float32(float32(spec.Scale) * float32(s.vars.counters[name]))
		case "evaluations":
			s.vars.counters[name] += int64(spec.Scale)
			values[name] = session.Int64(s.vars.counters[name])
		case "counter":
			s.vars.counters[name]++
			values[name] = session.Int64(s.vars.counters[name])
		case "placeholder":
			values[name] = toValue(spec.Default)
		case "echo":
			value := m.graph.Tensors[spec.Of].Default
			if fed, ok := feeds[spec.Of]; ok {
				value = fed
			}
			values[name] = toValue(value)
		case "linear":
			values[name] = session.Float32(float32(spec.Scale)*float32(step) + float32(spec.Offset))
		default:
			trains = trains || name == session.TrainOp
			values[name] = session.Value{}
			if name == session.GlobalStepName {
				values[name] = session.Int64(step)
			}
		}
	}
	for name, spec := range m.graph.Tensors {
		if trains && spec.Type == "trained" {
			s.vars.counters[name]++
		}
	}
	if trains && m.graph.GlobalStep != nil {
		s.vars.step += m.graph.GlobalStep.Increment.at(run, 1)
	}
	return values, nil
}

func (s *machineSession) close() {
	if !s.closed {
		s.closed = true
		s.machine.add("close_session", "session", s.number)
	}
}

func sleep(secs float64) {
	if secs > 0 {
		time.Sleep(time.Duration(secs * float64(time.Second)))
	}
}
