package sessiontest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/runhook/runhook/internal/ruletest"
	"github.com/runhook/runhook/session"
)

// HookOptions tell [TestHook] what it cannot find out. The zero value does for
// a hook that wants nothing but float64 scalars.
type HookOptions struct {
	// Outputs are what the hook can fetch and feed, besides [session.TrainOp] and
	// the global step. Default: every name there can be, a float64 each.
	Outputs map[string]Output
	// Runs is how many runs a session has. Default 6.
	Runs int
	// Allocates says that the runs after these Runs may allocate.
	Allocates bool
	// Methods are exported methods of the hook that look like a misspelt phase and
	// are none.
	Methods []string
}

// TestHook checks hooks by the rules of [session.SessionRunHook] and
// [session.SessionCloser], in a subtest each. newHook returns a new hook, alike
// and independent of the others, as often as it is called. It is attached to
// monitored sessions of an [Engine], whose global step begins at 100, and lower
// the second time.
//
// A hook that acts from time to time is best given a period longer than Runs,
// and tested once more with [HookOptions.Allocates] and a short one.
func TestHook(t *testing.T, newHook func(t *testing.T) session.SessionRunHook, options HookOptions) {
	ruletest.TestAll(t, hookRules, func(t *testing.T, v *ruletest.Verdict) *hookCase {
		return newHookCase(v, func() session.SessionRunHook { return newHook(t) }, options)
	})
}

// CheckHook is [TestHook] outside of a test. It returns a [RuleError] for each
// rule that is broken, joined, or nil.
func CheckHook(newHook func() session.SessionRunHook, options HookOptions) error {
	return ruletest.CheckAll(hookRules, func(v *ruletest.Verdict) *hookCase { return newHookCase(v, newHook, options) })
}

// errInjected is what fails in the checks.
var errInjected = errors.New("sessiontest: injected fault")

// A hookCase checks one rule.
type hookCase struct {
	*ruletest.Verdict
	HookOptions
	new func() session.SessionRunHook
}

func newHookCase(v *ruletest.Verdict, newHook func() session.SessionRunHook, options HookOptions) *hookCase {
	options.Runs = cmp.Or(options.Runs, 6)
	return &hookCase{Verdict: v, HookOptions: options, new: func() session.SessionRunHook {
		h := newHook()
		if h == nil {
			v.Fatalf("newHook returned nil")
		}
		return h
	}}
}

// The steps at which the first session of a check begins and the next one.
const firstStart, nextStart = 100, 10

// A stay is one hook in one monitored session.
type stay struct {
	c      *hookCase
	what   string
	probe  *probe
	engine *Engine
	faced  session.Engine // by the session, engine if nil
	others []session.SessionRunHook
	grace  time.Duration
	ctx    context.Context
	cancel context.CancelFunc
}

// stay prepares a session with a hook.
func (c *hookCase) stay(hook session.SessionRunHook, faults ...Fault) *stay {
	e := &Engine{Outputs: c.Outputs, Starts: []int64{firstStart, nextStart}, Faults: faults}
	if c.Outputs == nil {
		e.Other = func(_ string, step int64) session.Value { return session.Float64(float64(step)) }
	}
	s := &stay{c: c, what: "a session", probe: newProbe(c, hook), engine: e, grace: ruletest.Patience / 2}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// next makes this the session after another one.
func (s *stay) next(what string) *stay {
	s.what, s.engine.Starts = what, []int64{nextStart}
	return s
}

// run runs the session and returns what it ended with.
func (s *stay) run() (err error) {
	s.c.Within(s.what, func() { err = s.with() })
	return err
}

func (s *stay) with() error {
	defer s.cancel()
	if s.faced == nil {
		s.faced = s.engine
	}
	config := session.Config{
		Engine:          s.faced,
		Hooks:           append([]session.SessionRunHook{s.probe}, s.others...),
		Recovery:        session.Recovery{Backoff: func(int) time.Duration { return 0 }, MaxAttempts: 3},
		StopGracePeriod: s.grace,
	}
	fetches := []string{session.TrainOp}
	if !s.engine.NoGlobalStep {
		fetches = append(fetches, session.GlobalStepName)
	}
	return session.With(s.ctx, config, func(m *session.MonitoredSession) error {
		for range s.c.Runs {
			if m.ShouldStop() {
				return nil
			}
			if _, err := m.Run(s.ctx, fetches...); err != nil {
				return err
			}
		}
		return nil
	})
}

// clean runs the session and reports an error.
func (s *stay) clean() {
	if err := s.run(); err != nil {
		s.c.Errorf("%s: %v", s.what, err)
	}
}

// A probe is the hook under test as the session sees it.
type probe struct {
	c      *hookCase
	hook   session.SessionRunHook
	closer session.SessionCloser // nil if it has no CloseSession

	mu      sync.Mutex
	current session.Phase // or the last one; under mu
	log     []string      // what the hook asked for and did, by run
	// during surrounds the call of a phase.
	during func(ctx context.Context, phase session.Phase, call func(ctx context.Context) error) error
	// asked is called with what BeforeRun returns, values with what AfterRun gets.
	asked  func(rc *session.SessionRunContext, args *session.SessionRunArgs)
	values func(rc *session.SessionRunContext, values *session.SessionRunValues)
}

var (
	_ session.SessionRunHook = (*probe)(nil)
	_ session.SessionCloser  = (*probe)(nil)
	_ session.Namer          = (*probe)(nil)
)

func newProbe(c *hookCase, hook session.SessionRunHook) *probe {
	p := &probe{c: c, hook: hook}
	p.closer, _ = hook.(session.SessionCloser)
	return p
}

// Name is that of the hook.
func (p *probe) Name() string {
	if n, ok := p.hook.(session.Namer); ok {
		return n.Name()
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", p.hook), "*")
}

// phase is the one in progress, or the last one. It is safe for concurrent use: a
// hook that runs the session from a goroutine of its own makes faults happen there.
func (p *probe) phase() session.Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

func (p *probe) enter(ctx context.Context, phase session.Phase, call func(ctx context.Context) error) error {
	p.mu.Lock()
	p.current = phase
	p.mu.Unlock()
	if p.during != nil {
		return p.during(ctx, phase, call)
	}
	return call(ctx)
}

func (p *probe) Begin(ctx context.Context, graph session.Graph) error {
	return p.enter(ctx, session.PhaseBegin, func(ctx context.Context) error { return p.hook.Begin(ctx, graph) })
}

func (p *probe) AfterCreateSession(ctx context.Context, s session.Session, coord *session.Coordinator) error {
	return p.enter(ctx, session.PhaseAfterCreateSession, func(ctx context.Context) error {
		err := p.hook.AfterCreateSession(ctx, s, coord)
		if coord.ShouldStop() {
			p.log = append(p.log, "AfterCreateSession stops")
		}
		return err
	})
}

func (p *probe) BeforeRun(ctx context.Context, rc *session.SessionRunContext) (args *session.SessionRunArgs, err error) {
	err = p.enter(ctx, session.PhaseBeforeRun, func(ctx context.Context) error {
		args, err = p.hook.BeforeRun(ctx, rc)
		return err
	})
	p.log = append(p.log, "BeforeRun "+describe(args)+stops(rc))
	if p.asked != nil && err == nil {
		p.asked(rc, args)
	}
	return args, err
}

func (p *probe) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	if p.values != nil {
		p.values(rc, values)
	}
	err := p.enter(ctx, session.PhaseAfterRun, func(ctx context.Context) error { return p.hook.AfterRun(ctx, rc, values) })
	p.log = append(p.log, "AfterRun"+stops(rc))
	return err
}

func (p *probe) End(ctx context.Context, s session.Session) error {
	return p.enter(ctx, session.PhaseEnd, func(ctx context.Context) error { return p.hook.End(ctx, s) })
}

func (p *probe) CloseSession(ctx context.Context, cause error) error {
	if p.closer == nil {
		return nil
	}
	return p.enter(ctx, session.PhaseCloseSession, func(ctx context.Context) error { return p.closer.CloseSession(ctx, cause) })
}

// describe tells what a hook asks for.
func describe(args *session.SessionRunArgs) string {
	if args == nil {
		return "nothing"
	}
	s := fmt.Sprintf("fetches %q", args.Fetches)
	if len(args.Feeds) > 0 {
		s += fmt.Sprintf(" feeds %q", slices.Sorted(maps.Keys(args.Feeds)))
	}
	if args.Options != nil {
		s += fmt.Sprintf(" options %+v", *args.Options)
	}
	return s
}

func stops(rc *session.SessionRunContext) string {
	if rc.StopRequested() {
		return " stops"
	}
	return ""
}
