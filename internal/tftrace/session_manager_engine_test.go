package tftrace

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/runhook/runhook/session"
)

// A scriptEngine has sessions that run functions by name, as a scenario says. It
// has collections, and pieces of its own for scaffolds, as a TensorFlow graph.
type scriptEngine struct {
	*recorder
	scenario *managerScenario

	seen        float64 // until when sleeps are written down
	attempts    int
	calls       map[string]int
	open        []*scriptSession
	finalized   bool
	collections map[string][]any
	restores    int
}

var (
	_ session.Engine           = (*scriptEngine)(nil)
	_ session.Collections      = (*scriptEngine)(nil)
	_ session.ScaffoldDefaults = (*scriptEngine)(nil)
)

func newScriptEngine(s *managerScenario, r *recorder) *scriptEngine {
	e := &scriptEngine{recorder: r, scenario: s, calls: make(map[string]int), collections: make(map[string][]any)}
	for _, piece := range pieces {
		for _, name := range s.Collections[piece.name] {
			e.AddToCollection(piece.key, e.piece(piece.key, name))
		}
	}
	return e
}

// pieces are what a scaffold has a collection for.
var pieces = []struct{ name, key string }{
	{"init_op", session.InitOpKey},
	{"ready_op", session.ReadyOpKey},
	{"ready_for_local_init_op", session.ReadyForLocalInitOpKey},
	{"local_init_op", session.LocalInitOpKey},
	{"summary_op", session.SummaryOpKey},
	{"saver", session.SaversKey},
}

// piece makes a piece with a name.
func (e *scriptEngine) piece(key, name string) any {
	switch key {
	case session.SummaryOpKey:
		return namedSummary(name)
	case session.SaversKey:
		return namedSaver{name: name}
	}
	return session.Ops{name}
}

// write adds an event, after the sleep before it.
func (e *scriptEngine) write(ev string, fields ...any) event {
	e.slept()
	return e.add(ev, fields...)
}

// slept writes down the time that went by since anything was seen to happen.
func (e *scriptEngine) slept() {
	if now := e.now(); now > e.seen {
		e.add("sleep", "secs", now-e.seen)["t"] = e.seen
		e.seen = now
	}
}

func (e *scriptEngine) Resolve(string) error { return nil }

func (e *scriptEngine) GlobalStep() string { return "" }

func (e *scriptEngine) Finalize(context.Context) error {
	e.finalized = true
	return nil
}

func (e *scriptEngine) Collection(key string) []any { return slices.Clone(e.collections[key]) }

func (e *scriptEngine) AddToCollection(key string, item any) {
	e.collections[key] = append(e.collections[key], item)
}

func (e *scriptEngine) ScaffoldDefault(key string) any {
	if key == session.SummaryOpKey && e.scenario.Graph.Summaries == 0 {
		return nil
	}
	for _, piece := range pieces {
		if piece.key == key {
			return e.piece(key, defaultPiece+piece.name)
		}
	}
	return nil
}

// defaultPiece begins the names of pieces that were not given.
const defaultPiece = "default "

func (e *scriptEngine) NewSession(context.Context) (session.Session, error) {
	e.attempts++
	opened := e.write("open_session", "session", e.attempts)
	for _, fault := range e.scenario.CreateFaults {
		if fault.At == e.attempts {
			return nil, opened.fail(fault.err())
		}
	}
	s := &scriptSession{engine: e, number: e.attempts}
	e.open = append(e.open, s)
	return s, nil
}

// numberOf is the number of a session, also of one that is wrapped.
func numberOf(s session.Session) int {
	own, ok := session.Ability[*scriptSession](s)
	if !ok {
		return 0
	}
	return own.number
}

type scriptSession struct {
	engine *scriptEngine
	number int
}

func (s *scriptSession) Run(_ context.Context, req *session.Request) error {
	e := s.engine
	e.slept()
	var function any = req.Fetches[0]
	if len(req.Fetches) > 1 {
		function = req.Fetches
	}
	ran := e.write("run", "session", s.number, "function", function, "feeds", shownFeeds(req.Feeds))
	for i, name := range req.Fetches {
		outcome := e.scenario.Functions[name].at(e.calls[name], e.now())
		e.calls[name]++
		value, err := toAnswer(outcome)
		if err != nil {
			ran["error"] = managerErrorParts(err)
			return err
		}
		if outcome != nil {
			ran["value"] = outcome
		}
		req.Values[i] = value
	}
	return nil
}

// toAnswer is an outcome as the engine's value or error.
func toAnswer(outcome any) (session.Value, error) {
	switch outcome := outcome.(type) {
	case []any:
		names := make([]string, len(outcome))
		for i, name := range outcome {
			names[i] = name.(string)
		}
		return session.TensorOf(names), nil
	case map[string]any:
		if number, ok := outcome["int32"].(float64); ok {
			return session.TensorValue(session.Tensor{Data: []int32{int32(number)}}), nil
		}
		message, _ := outcome["message"].(string)
		return session.Value{}, engineError(outcome["error"].(string), message)
	}
	return session.Value{}, nil
}

// engineError is an error of the engine. What TensorFlow's tells only by its
// text, that a variable has no value, an engine of this library tells by
// wrapping ErrUninitialized.
func engineError(kind, message string) error {
	err := error(&scriptedError{kind: kind, message: message})
	if kind == "failed_precondition" && strings.Contains(message, "uninitialized") {
		return errors.Join(err, session.ErrUninitialized)
	}
	return err
}

func (s *scriptSession) Close() error {
	e := s.engine
	e.open = slices.DeleteFunc(e.open, func(other *scriptSession) bool { return other == s })
	closed := e.write("close_session", "session", s.number)
	for _, fault := range e.scenario.CloseFaults {
		if fault.At == s.number {
			return closed.fail(fault.err())
		}
	}
	return nil
}

// A scriptSaver restores as the scenario says.
type scriptSaver struct {
	namedSaver
	engine *scriptEngine
}

var _ session.SaverBuilder = scriptSaver{}

func (s scriptSaver) Build(session.Graph) error {
	s.engine.write("build")
	return nil
}

func (s scriptSaver) Restore(_ context.Context, open session.Session, path string) error {
	e := s.engine
	restored := e.write("restore", "session", numberOf(open), "path", path)
	outcomes := e.scenario.Saver.Outcomes
	if len(outcomes) == 0 {
		return nil
	}
	kind := outcomes[min(e.restores, len(outcomes)-1)]
	e.restores++
	if kind == nil {
		return nil
	}
	return restored.fail(&scriptedError{kind: *kind})
}

func (s scriptSaver) CheckpointState(_ context.Context, dir string) (*session.CheckpointState, error) {
	s.engine.slept()
	return s.engine.scenario.state(dir, s.engine.now()), nil
}

func (s scriptSaver) RecoverLastCheckpoints(_ context.Context, paths []string) error {
	s.engine.write("recover_last_checkpoints", "paths", paths)
	return nil
}

// A namedSaver and a namedSummary are known by their names, and never used.
type namedSaver struct {
	session.Saver
	name string
}

type namedSummary string

func (s namedSummary) Fetches() []string { return nil }
