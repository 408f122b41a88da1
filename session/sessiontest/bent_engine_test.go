package sessiontest_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

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

// An engineBend makes an engine break the rules named, and no other.
type engineBend struct {
	name   string
	breaks []string
	bend   func(e *bentEngine)
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
