package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

func TestEveryTestChecksForLeaks(t *testing.T) {
	leaktest.Check(t)
	leaktest.InEveryTest(t)
}

var errBroken = errors.New("broken")

// A journal is what was called, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// take returns the lines since the last take.
func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

// A scribe is a hook that enters each call in a journal and then does what at
// has for the phase.
type scribe struct {
	j    *journal
	name string
	args *session.SessionRunArgs
	at   map[session.Phase]func() error
	// seen is called by AfterRun.
	seen func(values *session.SessionRunValues)
	// ended is called by End.
	ended func(ctx context.Context, s session.Session)
	// cause is what CloseSession was told last, closeCtx the state of its context.
	cause    error
	closeCtx error
}

var (
	_ session.SessionRunHook = (*scribe)(nil)
	_ session.SessionCloser  = (*scribe)(nil)
	_ session.Namer          = (*scribe)(nil)
)

func (j *journal) hook(name string, fetches ...string) *scribe {
	h := &scribe{j: j, name: name, at: make(map[session.Phase]func() error)}
	if len(fetches) > 0 {
		h.args = &session.SessionRunArgs{Fetches: fetches}
	}
	return h
}

// failing makes the hook fail with err in a phase.
func (h *scribe) failing(phase session.Phase, err error) *scribe {
	h.at[phase] = func() error { return err }
	return h
}

// doing makes the hook call do in a phase.
func (h *scribe) doing(phase session.Phase, do func()) *scribe {
	h.at[phase] = func() error { do(); return nil }
	return h
}

func (h *scribe) enter(phase session.Phase) error {
	h.j.add("%s %s", h.name, phase)
	if f := h.at[phase]; f != nil {
		return f()
	}
	return nil
}

func (h *scribe) Name() string { return h.name }

func (h *scribe) Begin(context.Context, session.Graph) error { return h.enter(session.PhaseBegin) }

func (h *scribe) AfterCreateSession(context.Context, session.Session, *session.Coordinator) error {
	return h.enter(session.PhaseAfterCreateSession)
}

func (h *scribe) BeforeRun(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return h.args, h.enter(session.PhaseBeforeRun)
}

func (h *scribe) AfterRun(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
	if h.seen != nil {
		h.seen(values)
	}
	return h.enter(session.PhaseAfterRun)
}

func (h *scribe) End(ctx context.Context, s session.Session) error {
	if h.ended != nil {
		h.ended(ctx, s)
	}
	return h.enter(session.PhaseEnd)
}

func (h *scribe) CloseSession(ctx context.Context, cause error) error {
	h.cause, h.closeCtx = cause, ctx.Err()
	return h.enter(session.PhaseCloseSession)
}

// A tracedEngine enters the calls of a real engine in a journal, and does what
// at has for the call before the engine does its work.
type tracedEngine struct {
	session.Engine
	j  *journal
	at map[string]func(ctx context.Context) error
	// ran is called by each run that at lets through, before the engine's own.
	ran func(ctx context.Context, req *session.Request)
}

func (j *journal) engine(e session.Engine) *tracedEngine {
	return &tracedEngine{Engine: e, j: j, at: make(map[string]func(context.Context) error)}
}

// failing makes the engine fail with err in a call.
func (e *tracedEngine) failing(call string, err error) *tracedEngine {
	e.at[call] = func(context.Context) error { return err }
	return e
}

func (e *tracedEngine) enter(ctx context.Context, call, detail string) error {
	e.j.add("engine %s%s", call, detail)
	if f := e.at[call]; f != nil {
		return f(ctx)
	}
	return nil
}

func (e *tracedEngine) Finalize(ctx context.Context) error {
	if err := e.enter(ctx, "Finalize", ""); err != nil {
		return err
	}
	return e.Engine.Finalize(ctx)
}

func (e *tracedEngine) NewSession(ctx context.Context) (session.Session, error) {
	if err := e.enter(ctx, "NewSession", ""); err != nil {
		return nil, err
	}
	s, err := e.Engine.NewSession(ctx)
	if err != nil {
		return nil, err
	}
	return &tracedSession{engine: e, s: s}, nil
}

type tracedSession struct {
	engine *tracedEngine
	s      session.Session
}

var _ session.Initializer = (*tracedSession)(nil)

func (s *tracedSession) Uninitialized() []string {
	if i, ok := s.s.(session.Initializer); ok {
		return i.Uninitialized()
	}
	return nil
}

func (s *tracedSession) Init(ctx context.Context) error {
	if err := s.engine.enter(ctx, "Init", ""); err != nil {
		return err
	}
	return s.s.(session.Initializer).Init(ctx)
}

func (s *tracedSession) Run(ctx context.Context, req *session.Request) error {
	if err := s.engine.enter(ctx, "Run", " "+strings.Join(req.Fetches, ",")); err != nil {
		return err
	}
	if s.engine.ran != nil {
		s.engine.ran(ctx, req)
	}
	return s.s.Run(ctx, req)
}

func (s *tracedSession) Close() error {
	return errors.Join(s.engine.enter(context.Background(), "Close", ""), s.s.Close())
}

// lineGraph is a graph with a global step whose loss is w·x: w starts at 1 and
// grows by 1 a training step, x is 2 unless it is fed.
func lineGraph() *graph.Graph {
	g := graph.New()
	g.CreateGlobalStep()
	g.Variable("w", func() session.Value { return session.Float64(1) })
	g.Placeholder("x", session.Float64(2))
	g.Node("loss", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		x, _ := in[1].Float64()
		return session.Float64(w * x), nil
	}, "w", "x")
	g.Node("w+1", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		return session.Float64(w + 1), nil
	}, "w")
	g.Assign("grow", "w", "w+1")
	g.Train("train", "grow")
	return g
}

// hooks makes a hook list of scribes.
func hooks(scribes ...*scribe) []session.SessionRunHook {
	list := make([]session.SessionRunHook, len(scribes))
	for i, h := range scribes {
		list[i] = h
	}
	return list
}

// open opens a session that is closed at the end of the test.
func open(t *testing.T, e session.Engine, list ...session.SessionRunHook) *session.MonitoredSession {
	t.Helper()
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Hooks: list})
	require.NoError(t, err)
	t.Cleanup(func() { s.CloseWithError(errBroken) })
	return s
}

// collect returns names and values as text.
func collect(values session.Values) []string {
	var got []string
	for name, v := range values.All() {
		got = append(got, name+"="+v.String())
	}
	return got
}
