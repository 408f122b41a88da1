package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// A bentEngine is a good engine that is bent in one place: what is nil is as it
// should be.
type bentEngine struct {
	*sessiontest.Engine
	resolve  func(e *bentEngine, name string) error
	finalize func(e *bentEngine) error
	create   func(e *bentEngine) error
	init     func(ctx context.Context, s *bentSession) error
	run      func(ctx context.Context, s *bentSession, req *session.Request) error
	close    func(s *bentSession) error
	// variables and set change what is given and taken.
	variables func(s *bentSession, all []session.Variable) []session.Variable
	set       func(ctx context.Context, s *bentSession, values map[string]session.Value) error

	finalized, sessions int
}

type bentSession struct {
	session.Session
	e       *bentEngine
	opening context.Context // that NewSession was given
	runs    int
	// Memories of what a bent run has seen.
	plans  map[any]any
	buffer []float32
	fed    session.Feeds
}

func newBent() *bentEngine {
	return &bentEngine{Engine: &sessiontest.Engine{Outputs: map[string]sessiontest.Output{
		"loss": func(step int64) session.Value { return session.Float64(1 / float64(step+1)) },
		"name": sessiontest.Always(session.String("bent")),
		"w":    func(step int64) session.Value { return session.TensorOf([]float32{float32(step), -1}) },
	}}}
}

var bentOptions = sessiontest.EngineOptions{
	Fetches: map[string]session.Kind{"loss": session.KindFloat64, "name": session.KindString, "w": session.KindTensor},
	Feeds:   session.Feeds{"loss": session.Float64(-1)},
	EndInput: func(e session.Engine) {
		e.(*bentEngine).Faults = []sessiontest.Fault{{Op: sessiontest.OpTrain, Err: io.EOF}}
	},
	Block: func(e session.Engine) {
		e.(*bentEngine).Faults = []sessiontest.Fault{{Op: sessiontest.OpTrain, Delay: time.Hour}}
	},
}

func (e *bentEngine) Resolve(name string) error {
	if e.resolve != nil {
		return e.resolve(e, name)
	}
	return e.Engine.Resolve(name)
}

func (e *bentEngine) Finalize(ctx context.Context) error {
	e.finalized++
	if e.finalize != nil {
		return e.finalize(e)
	}
	return e.Engine.Finalize(ctx)
}

func (e *bentEngine) NewSession(ctx context.Context) (session.Session, error) {
	e.sessions++
	if e.create != nil {
		if err := e.create(e); err != nil {
			return nil, err
		}
	}
	s, err := e.Engine.NewSession(ctx)
	return &bentSession{Session: s, e: e, opening: ctx, plans: make(map[any]any)}, err
}

func (s *bentSession) Uninitialized() []string {
	return s.Session.(session.Initializer).Uninitialized()
}

func (s *bentSession) Init(ctx context.Context) error {
	if s.e.init != nil {
		return s.e.init(ctx, s)
	}
	return s.Session.(session.Initializer).Init(ctx)
}

func (s *bentSession) Run(ctx context.Context, req *session.Request) error {
	s.runs++
	if s.e.run != nil {
		return s.e.run(ctx, s, req)
	}
	return s.Session.Run(ctx, req)
}

func (s *bentSession) Variables(ctx context.Context) ([]session.Variable, error) {
	all, err := s.Session.(session.Saveable).Variables(ctx)
	if s.e.variables != nil {
		all = s.e.variables(s, all)
	}
	return all, err
}

func (s *bentSession) SetVariables(ctx context.Context, values map[string]session.Value) error {
	if s.e.set != nil {
		return s.e.set(ctx, s, values)
	}
	return s.Session.(session.Saveable).SetVariables(ctx, values)
}

func (s *bentSession) Close() error {
	if s.e.close != nil {
		return s.e.close(s)
	}
	return s.Session.Close()
}

// train makes a step that nobody has asked for.
func (s *bentSession) train(ctx context.Context) {
	s.Session.Run(ctx, &session.Request{Fetches: []string{session.TrainOp}, Values: make([]session.Value, 1)})
}

var errBent = errors.New("bent")

// bentEngines break the rules named, and no other.
var bentEngines = []struct {
	name   string
	breaks []string
	bend   func(e *bentEngine)
}{
	{"a known name is refused after Finalize", []string{"close", "resolve", "saveable", "sessions"}, func(e *bentEngine) {
		e.resolve = func(e *bentEngine, name string) error {
			if e.finalized > 0 && e.Engine.Resolve(name) == nil {
				return errBent
			}
			return e.Engine.Resolve(name)
		}
	}},
	{"every name is accepted", []string{"resolve-unknown"}, func(e *bentEngine) {
		e.resolve = func(*bentEngine, string) error { return nil }
	}},
	{"the error for an unknown name has no type", []string{"resolve-unknown"}, func(e *bentEngine) {
		e.resolve = func(e *bentEngine, name string) error {
			if e.Engine.Resolve(name) != nil {
				return session.ErrUnknownName
			}
			return nil
		}
	}},
	{"the error for an unknown name names another", []string{"resolve-unknown"}, func(e *bentEngine) {
		e.resolve = func(e *bentEngine, name string) error {
			if e.Engine.Resolve(name) != nil {
				return session.UnknownName("it", nil)
			}
			return nil
		}
	}},
	{"Finalize works once", []string{"close", "finalize", "resolve", "saveable", "sessions"}, func(e *bentEngine) {
		e.finalize = func(e *bentEngine) error {
			if e.finalized > 1 {
				return errBent
			}
			return nil
		}
	}},
	{"there is one session only", []string{"close", "resolve", "saveable", "sessions"}, func(e *bentEngine) {
		e.create = func(e *bentEngine) error {
			if e.sessions > 1 {
				return errBent
			}
			return nil
		}
	}},
	{"a session ends with the context that it was opened with", []string{"opening"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if err := s.opening.Err(); err != nil {
				return err
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"variables get no values once the opening is over", []string{"opening"}, func(e *bentEngine) {
		e.init = func(ctx context.Context, s *bentSession) error {
			if err := s.opening.Err(); err != nil {
				return err
			}
			return s.Session.(session.Initializer).Init(ctx)
		}
	}},
	{"Init leaves what was trained", []string{"init"}, func(e *bentEngine) {
		e.init = func(ctx context.Context, s *bentSession) error {
			if s.runs > 0 {
				return nil
			}
			return s.Session.(session.Initializer).Init(ctx)
		}
	}},
	{"after Init variables have no value", []string{"init", "saveable"}, func(e *bentEngine) {
		e.init = func(context.Context, *bentSession) error { return nil }
	}},
	{"that a variable has no value is an error like any other", []string{"uninitialized"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(s.Uninitialized()) > 0 && slices.Contains(req.Fetches, "w") {
				return errBent
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"the global step is a float", []string{
		"global-step", "init", "one-step", "stale-step", "values",
	}, func(e *bentEngine) {
		e.Outputs[session.GlobalStepName] = nil
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			for i, name := range req.Fetches {
				if step, ok := req.Values[i].Int64(); ok && name == session.GlobalStepName {
					req.Values[i] = session.Float64(float64(step))
				}
			}
			return err
		}
	}},
	{"the global step stands still", []string{"global-step"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if i := slices.Index(req.Fetches, session.GlobalStepName); i >= 0 && err == nil {
				req.Values[i] = session.Int64(7)
			}
			return err
		}
	}},
	{"the global step fetched with a training op is the one after it", []string{"stale-step"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if i := slices.Index(req.Fetches, session.GlobalStepName); i >= 0 && err == nil && slices.Contains(req.Fetches, session.TrainOp) {
				step, _ := req.Values[i].Int64()
				req.Values[i] = session.Int64(step + 1)
			}
			return err
		}
	}},
	{"Values keeps what was in it for the training op", []string{"values"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			before := slices.Clone(req.Values)
			err := s.Session.Run(ctx, req)
			if i := slices.Index(req.Fetches, session.TrainOp); i >= 0 && err == nil {
				req.Values[i] = before[i]
			}
			return err
		}
	}},
	{"a value is appended to Values", []string{"values"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			_ = append(req.Values, session.Bool(true))
			return s.Session.Run(ctx, req)
		}
	}},
	{"a tensor has a wrong shape", []string{"values"}, func(e *bentEngine) {
		e.Outputs["w"] = sessiontest.Always(session.TensorOf([]float32{1}, 2))
	}},
	{"values come in the order of the alphabet", []string{"order", "plans", "stale-step", "values"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			sorted := *req
			sorted.Fetches = slices.Sorted(slices.Values(req.Fetches))
			return s.Session.Run(ctx, &sorted)
		}
	}},
	{"a value depends on what was fetched before it", []string{"order", "plans"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if i := slices.Index(req.Fetches, "name"); i > 0 && err == nil && !slices.Contains(req.Fetches, session.TrainOp) {
				req.Values[i] = session.String(req.Fetches[i-1])
			}
			return err
		}
	}},
	{"every fetch beside the training op makes a step", []string{"one-step"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if slices.Contains(req.Fetches, session.TrainOp) && slices.Contains(req.Fetches, "loss") && err == nil {
				s.train(ctx)
			}
			return err
		}
	}},
	{"a plan is kept by the first element only", []string{"plans"}, planned(func(names []string) any { return &names[0] })},
	{"a plan is kept by the first name and the length", []string{"order", "plans"}, planned(func(names []string) any {
		return fmt.Sprint(names[0], len(names))
	})},
	{"Fetches are sorted in place", []string{"order", "request"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Fetches) > 2 {
				slices.Sort(req.Fetches)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"Values is replaced", []string{"request"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			req.Values = slices.Clone(req.Values)
			return err
		}
	}},
	{"Feeds are used up", []string{"request"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if len(req.Fetches) > 1 {
				clear(req.Feeds)
			}
			return err
		}
	}},
	{"Options are changed", []string{"request"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if req.Options != nil {
				req.Options.TraceLevel = session.SoftwareTrace
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"asking for the loss trains", []string{
		"context", "feeds", "finalize", "no-training", "nothing", "one-step", "order", "plans", "unknown-feed", "unknown-fetch",
	}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if slices.Contains(req.Fetches, "loss") {
				s.train(ctx)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"a run of nothing is an error", []string{"nothing"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Fetches) == 0 && len(req.Feeds) == 0 {
				return errBent
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"a run of nothing trains", []string{"nothing"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Fetches) == 0 && len(req.Feeds) == 0 {
				s.train(ctx)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"an unknown fetch has no value", []string{"unknown-fetch"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if err := s.Session.Run(ctx, req); !errors.Is(err, session.ErrUnknownName) || len(req.Feeds) > 0 {
				return err
			}
			return nil
		}
	}},
	{"an unknown fetch is found after training", []string{"unknown-fetch"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if errors.Is(err, session.ErrUnknownName) && len(req.Feeds) == 0 && slices.Contains(req.Fetches, session.TrainOp) {
				s.train(ctx)
			}
			return err
		}
	}},
	{"an unknown feed is ignored", []string{"unknown-feed"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if _, unknown := req.Feeds["no such name"]; unknown {
				return nil
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"feeds are ignored", []string{"feeds"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			deaf := *req
			if _, fed := req.Feeds["loss"]; fed {
				deaf.Feeds = nil
			}
			return s.Session.Run(ctx, &deaf)
		}
	}},
	{"a feed lasts", []string{"feeds", "unknown-feed"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Feeds) > 0 {
				s.fed = req.Feeds
			} else {
				req.Feeds = s.fed
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"the context is not looked at", []string{"context", "context-ends"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			for i := range s.e.Faults {
				s.e.Faults[i].Delay = min(s.e.Faults[i].Delay, time.Millisecond)
			}
			return s.Session.Run(context.WithoutCancel(ctx), req)
		}
	}},
	{"a run does not give up", []string{"context-ends"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if len(s.e.Faults) > 0 && errors.Is(err, context.DeadlineExceeded) {
				time.Sleep(time.Hour)
			}
			return err
		}
	}},
	{"a run that gives up says so in its own words", []string{"context", "context-ends"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if ctx.Err() != nil && err != nil {
				return errBent
			}
			return err
		}
	}},
	{"the end of input is wrapped", []string{"end-of-input"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if err := s.Session.Run(ctx, req); err != nil {
				return fmt.Errorf("run: %w", err)
			}
			return nil
		}
	}},
	{"at the end of input the last batch is trained again", []string{"end-of-input"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			if err == io.EOF {
				s.e.Faults = nil
				s.train(ctx)
			}
			return err
		}
	}},
	{"after the end of input there is nothing more", []string{"end-of-input"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(s.e.Faults) > 0 && s.e.Faults[0].Err == io.EOF {
				return io.EOF
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"a buffer is used for all runs", []string{"values-stay"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			err := s.Session.Run(ctx, req)
			for i := range s.buffer {
				s.buffer[i] = -7 // scratch space
			}
			if i := slices.Index(req.Fetches, "w"); i >= 0 && err == nil {
				w, _ := req.Values[i].Tensor()
				s.buffer = append(s.buffer[:0], w.Data.([]float32)...)
				req.Values[i] = session.TensorOf(s.buffer)
			}
			return err
		}
	}},
	{"Values of an earlier run are written again", []string{"values-stay"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if old, ok := s.plans["values"].([]session.Value); ok && len(old) > 1 {
				old[1] = session.Bool(false)
			}
			err := s.Session.Run(ctx, req)
			s.plans["values"] = req.Values
			return err
		}
	}},
	{"every run is traced", []string{"metadata"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if req.Metadata != nil {
				req.Metadata.Nodes = make([]session.NodeStats, 1)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"Metadata is taken for granted", []string{"metadata"}, func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if req.Options != nil && req.Options.TraceLevel == session.FullTrace {
				req.Metadata.Nodes = make([]session.NodeStats, 1)
			}
			return s.Session.Run(ctx, req)
		}
	}},
	{"SetVariables does nothing", []string{"saveable"}, func(e *bentEngine) {
		e.set = func(ctx context.Context, s *bentSession, values map[string]session.Value) error {
			if _, unknown := values["no such name"]; unknown {
				return errBent
			}
			return nil
		}
	}},
	{"SetVariables passes over unknown names", []string{"saveable"}, func(e *bentEngine) {
		e.set = func(ctx context.Context, s *bentSession, values map[string]session.Value) error {
			delete(values, "no such name")
			return s.Session.(session.Saveable).SetVariables(ctx, values)
		}
	}},
	{"SetVariables sets what it can before it fails", []string{"saveable"}, func(e *bentEngine) {
		e.set = func(ctx context.Context, s *bentSession, values map[string]session.Value) error {
			known := session.Feeds{session.GlobalStepName: values[session.GlobalStepName]}
			err := s.Session.(session.Saveable).SetVariables(ctx, known)
			if len(values) > 1 {
				return errBent
			}
			return err
		}
	}},
	{"Variables gives a name twice", []string{"saveable"}, func(e *bentEngine) {
		e.variables = func(_ *bentSession, all []session.Variable) []session.Variable { return append(all, all...) }
	}},
	{"Variables says that nothing is initialised", []string{"saveable"}, func(e *bentEngine) {
		e.variables = func(_ *bentSession, all []session.Variable) []session.Variable {
			for i := range all {
				all[i].Initialized = false
			}
			return all
		}
	}},
	{"Variables changes its order", []string{"saveable"}, func(e *bentEngine) {
		calls := 0
		e.variables = func(_ *bentSession, all []session.Variable) []session.Variable {
			calls++
			all = append(all, session.Variable{Name: "zero", Value: session.Int64(0), Initialized: true})
			if calls%2 == 0 {
				slices.Reverse(all)
			}
			return all
		}
		e.set = func(ctx context.Context, s *bentSession, values map[string]session.Value) error {
			delete(values, "zero")
			return s.Session.(session.Saveable).SetVariables(ctx, values)
		}
	}},
	{"a goroutine of the session is left", []string{"close"}, func(e *bentEngine) {
		e.close = func(s *bentSession) error {
			go time.Sleep(time.Hour)
			return s.Session.Close()
		}
	}},
	{"Close fails", []string{"close", "finalize", "saveable", "sessions"}, func(e *bentEngine) {
		e.close = func(*bentSession) error { return errBent }
	}},
}

// planned makes runs keep the names that were fetched first by a key.
func planned(key func(names []string) any) func(e *bentEngine) {
	return func(e *bentEngine) {
		e.run = func(ctx context.Context, s *bentSession, req *session.Request) error {
			if len(req.Fetches) == 0 {
				return s.Session.Run(ctx, req)
			}
			k := key(req.Fetches)
			if _, known := s.plans[k]; !known {
				s.plans[k] = slices.Clone(req.Fetches)
			}
			kept := *req
			kept.Fetches = s.plans[k].([]string)
			kept.Values = make([]session.Value, len(kept.Fetches))
			err := s.Session.Run(ctx, &kept)
			copy(req.Values, kept.Values)
			return err
		}
	}
}

// brokenRules returns the names of the rules in err, each once, sorted. Every
// error has to quote its rule.
func brokenRules(t *testing.T, err error, rules map[string]string) []string {
	t.Helper()
	var broken []string
	if err != nil {
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			e := err.(*sessiontest.RuleError)
			require.NotEmpty(t, e.Problems)
			require.Equal(t, rules[e.Rule], e.Text)
			require.ErrorContains(t, e, e.Rule+": "+e.Text+":\n\t"+strings.SplitN(e.Problems[0], "\n", 2)[0])
			broken = append(broken, e.Rule)
		}
	}
	slices.Sort(broken)
	return slices.Compact(broken)
}

// letStragglersEnd waits, in a bubble, for what takes an hour.
func letStragglersEnd() { time.Sleep(2 * time.Hour) }

// Time is that of a bubble: what never ends is found out at once, and nothing is
// late because the machine is busy.
func TestEachRuleForEnginesIsBrokenByABentOne(t *testing.T) {
	leaktest.Check(t)
	rules := sessiontest.EngineRules()
	missed := sessiontest.EngineRules()
	for _, bent := range bentEngines {
		t.Run(bent.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer letStragglersEnd()
				err := sessiontest.CheckEngine(func() session.Engine {
					e := newBent()
					bent.bend(e)
					return e
				}, bentOptions)
				slices.Sort(bent.breaks)
				require.Equal(t, bent.breaks, brokenRules(t, err, rules), "%v", err)
			})
		})
		for _, name := range bent.breaks {
			delete(missed, name)
		}
	}
	require.Empty(t, missed, "rules that nothing breaks")
	require.NoError(t, sessiontest.CheckEngine(func() session.Engine { return newBent() }, bentOptions))
}

func TestAPanicOfAnEngineIsAFault(t *testing.T) {
	leaktest.Check(t)
	err := sessiontest.CheckEngine(func() session.Engine {
		e := newBent()
		e.run = func(_ context.Context, _ *bentSession, req *session.Request) error { panic("overboard") }
		return e
	}, bentOptions)
	require.ErrorContains(t, err, sessiontest.EngineRules()["one-step"]+":\n\tthe check: panic: overboard\n")
	require.ErrorContains(t, err, "engine_rules_test.go", "the stack is told")
}

func TestNoEngineIsAFault(t *testing.T) {
	leaktest.Check(t)
	err := sessiontest.CheckEngine(func() session.Engine { return nil }, bentOptions)
	require.ErrorContains(t, err, "resolve: "+sessiontest.EngineRules()["resolve"]+":\n\tnewEngine returned nil")
}

// A shell is an engine whose sessions show their abilities only to who unwraps
// them.
type shell struct{ session.Engine }

type shellSession struct{ session.Session }

func (s shellSession) Unwrap() session.Session { return s.Session }

func (e shell) NewSession(ctx context.Context) (session.Session, error) {
	s, err := e.Engine.NewSession(ctx)
	return shellSession{s}, err
}

func TestAbilitiesOfAnEngineMayBeBehindWrappings(t *testing.T) {
	leaktest.Check(t)
	saved := false
	newEngine := func() session.Engine {
		e := newBent()
		e.variables = func(_ *bentSession, all []session.Variable) []session.Variable {
			saved = true
			return all
		}
		return shell{e}
	}
	require.NoError(t, sessiontest.CheckEngine(newEngine, sessiontest.EngineOptions{Fetches: bentOptions.Fetches}))
	require.True(t, saved)
}
