package sessiontest

import (
	"context"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/runhook/runhook/session"
)

func (c *hookCase) keepsNothing() {
	hook := c.new()
	watched := new(kept)
	c.watchStay(hook, watched)
	if held := watched.held(); len(held) > 0 {
		slices.Sort(held)
		c.Errorf("after the session the hook holds %s", strings.Join(held, ", "))
	}
	runtime.KeepAlive(hook)
}

// watchStay runs a session of which nothing is left but what the hook keeps.
func (c *hookCase) watchStay(hook session.SessionRunHook, watched *kept) {
	s := c.stay(hook)
	e := &watchedEngine{Engine: s.engine, watched: watched}
	s.faced = e
	s.probe.asked = func(*session.SessionRunContext, *session.SessionRunArgs) { e.hooked.Store(true) }
	s.probe.values = func(rc *session.SessionRunContext, values *session.SessionRunValues) {
		watch(watched, "the run context", rc)
		watch(watched, "the values", values)
	}
	s.probe.during = func(ctx context.Context, phase session.Phase, call func(context.Context) error) error {
		lent := &lentContext{Context: ctx, phase: phase, late: c.Errorf}
		watch(watched, "the context of "+string(phase), lent)
		defer lent.over.Store(true)
		return call(lent)
	}
	s.clean()
}

// A lentContext is one that a phase has for the time of its call.
type lentContext struct {
	context.Context
	phase session.Phase
	over  atomic.Bool
	late  func(format string, args ...any)
}

func (l *lentContext) used() context.Context {
	if l.over.CompareAndSwap(true, false) { // told once
		l.late("the context of %s is used later", l.phase)
	}
	return l.Context
}

func (l *lentContext) Deadline() (time.Time, bool) { return l.used().Deadline() }
func (l *lentContext) Done() <-chan struct{}       { return l.used().Done() }
func (l *lentContext) Err() error                  { return l.used().Err() }
func (l *lentContext) Value(key any) any           { return l.used().Value(key) }

// A watchedEngine watches what hooked runs give.
type watchedEngine struct {
	*Engine
	watched *kept
	hooked  atomic.Bool // the next run is a hooked one
}

func (e *watchedEngine) NewSession(ctx context.Context) (session.Session, error) {
	s, err := e.Engine.NewSession(ctx)
	if err != nil {
		return nil, err
	}
	return &watchedSession{scriptedSession: s.(*scriptedSession), engine: e}, nil
}

type watchedSession struct {
	*scriptedSession
	engine *watchedEngine
}

func (s *watchedSession) Run(ctx context.Context, req *session.Request) error {
	err := s.scriptedSession.Run(ctx, req)
	e := s.engine
	if err != nil || !e.hooked.CompareAndSwap(true, false) {
		return err
	}
	watch(e.watched, "the values", &req.Values[0])
	for i := range req.Values {
		req.Values[i] = req.Values[i].Clone() // an output may always give the same tensor
		if t, ok := req.Values[i].Tensor(); ok {
			watchTensor(e.watched, t)
		}
	}
	return nil
}

func watchTensor(watched *kept, t session.Tensor) {
	const what = "a tensor"
	switch d := t.Data.(type) {
	case []float32:
		watchSlice(watched, what, d)
	case []float64:
		watchSlice(watched, what, d)
	case []int32:
		watchSlice(watched, what, d)
	case []int64:
		watchSlice(watched, what, d)
	case []uint8:
		watchSlice(watched, what, d)
	case []bool:
		watchSlice(watched, what, d)
	case []string:
		watchSlice(watched, what, d)
	}
}

func watchSlice[T any](watched *kept, what string, d []T) {
	const few = 16 // bytes; the allocator puts several such things together
	if len(d)*int(reflect.TypeFor[T]().Size()) >= few {
		watch(watched, what, &d[0])
	}
}
