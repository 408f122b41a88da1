package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/runhook/runhook/internal/ruletest"
	"github.com/runhook/runhook/session"
)

var hookRules = []ruletest.Rule[*hookCase]{
	ruletest.New("session", "a hook takes part in a session from Begin to End without an error", (*hookCase).session),
	ruletest.New("method-names", "only the methods of SessionRunHook, SessionCloser and Namer are called, by their exact names", (*hookCase).methodNames),
	ruletest.New("resolve", "a hook resolves in Begin the names that it will fetch", (*hookCase).resolves),
	ruletest.New("unknown-name", "Begin returns the error of a name that there is not, or the hook does without the name", (*hookCase).unknownName),
	ruletest.New("no-global-step", "without a global step Begin returns ErrNoGlobalStep, or the hook does without", (*hookCase).noGlobalStep),
	ruletest.New("args", "what BeforeRun returns is the hook's own, and unchanged until AfterRun", (*hookCase).args),
	ruletest.New("original-args", "the caller's args are read-only", (*hookCase).originalArgs),
	ruletest.New("keeps-nothing", "contexts, the run context and values are valid only during the call; what is to be kept is cloned", (*hookCase).keepsNothing),
	ruletest.New("begins-anew", "Begin resets the state: a hook may be used by several sessions, one after the other, however they ended", (*hookCase).beginsAnew),
	ruletest.New("recovery", "AfterCreateSession is called again when a lost session is created again, and the hook goes on", (*hookCase).recovery),
	ruletest.New("every-ending", "a hook copes with every ending, and CloseSession with whatever came of Begin", (*hookCase).everyEnding),
	ruletest.New("goroutines", "no goroutine of a hook outlives the session; End is not called after a failure, CloseSession always", (*hookCase).goroutines),
	ruletest.New("one-at-a-time", "a session is for one goroutine at a time: a hook runs it during its own calls only", (*hookCase).oneAtATime),
	ruletest.New("engine-errors", "an error of the engine that a hook meets is returned", (*hookCase).engineErrors),
	ruletest.New("odd-values", "a value that a hook cannot use is an error, not a panic", (*hookCase).oddValues),
	ruletest.New("context", "a hook that waits gives up when its context is done, with nil or an error that Is ctx.Err()", (*hookCase).context),
	ruletest.New("idle-run", "a run in which a hook has nothing to do allocates nothing", (*hookCase).idleRun),
}

func (c *hookCase) session() { c.stay(c.new()).clean() }

// phases are the names that misspelt ones are compared with.
var phases = []session.Phase{
	session.PhaseBegin, session.PhaseAfterCreateSession, session.PhaseBeforeRun,
	session.PhaseAfterRun, session.PhaseEnd, session.PhaseCloseSession,
}

func (c *hookCase) methodNames() {
	hook := c.new()
	t := reflect.TypeOf(hook)
	if t.Kind() != reflect.Pointer {
		t = reflect.PointerTo(t) // it has the methods of both
	}
	if _, closes := hook.(session.SessionCloser); !closes {
		if m, has := t.MethodByName(string(session.PhaseCloseSession)); has {
			c.Errorf("%T is no SessionCloser, though %v has a method %s: %v", hook, t, m.Name, m.Type)
		}
	}
	for m := range t.NumMethod() {
		name := t.Method(m).Name
		if slices.Contains(phases, session.Phase(name)) || slices.Contains(c.Methods, name) {
			continue
		}
		for _, phase := range phases {
			edits := 2
			if len(phase) < 4 {
				edits = 1
			}
			if strings.EqualFold(name, string(phase)) || within(name, string(phase), edits) {
				c.Errorf("%v has a method %s, which looks like %s and is not called", t, name, phase)
			}
		}
	}
}

// within reports whether n edits, or fewer, make b of a: a letter more, less or
// another, or two swapped.
func within(a, b string, n int) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if a == "" || b == "" {
		return len(a)+len(b) <= n
	}
	swapped := len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0]
	return n > 0 && (within(a[1:], b, n-1) || within(a, b[1:], n-1) || within(a[1:], b[1:], n-1) ||
		swapped && within(a[2:], b[2:], n-1))
}

func (c *hookCase) resolves() {
	s := c.stay(c.new())
	var hooked []bool // by run of the engine
	askedFor := make(map[string]session.Phase)
	s.probe.asked = func(rc *session.SessionRunContext, args *session.SessionRunArgs) {
		for len(hooked) < s.engine.Count(OpRun) {
			hooked = append(hooked, false)
		}
		hooked = append(hooked, true)
		if args == nil {
			return
		}
		for _, name := range args.Fetches {
			if !slices.Contains(rc.OriginalArgs().Fetches, name) {
				askedFor[name] = session.PhaseBeforeRun
			}
		}
	}
	s.clean()
	resolved := make(map[string]bool)
	runs := 0
	for _, call := range s.engine.Calls() {
		switch call.Op {
		case OpResolve:
			resolved[call.Name] = true
		case OpRun:
			if call.Err == errTwoAtOnce {
				continue // it is not counted
			}
			if runs++; runs <= len(hooked) && hooked[runs-1] {
				continue
			}
			for _, name := range call.Fetches {
				if askedFor[name] == "" {
					askedFor[name] = "a run of its own"
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(askedFor)) {
		if !resolved[name] {
			c.Errorf("%q is asked for by %s and was not resolved", name, askedFor[name])
		}
	}
}

func (c *hookCase) unknownName() {
	for n := 1; n <= 100; n++ {
		s := c.stay(c.new(), Fault{Op: OpResolve, N: n, Err: session.UnknownName("gone", nil)})
		s.probe.during = func(ctx context.Context, phase session.Phase, call func(context.Context) error) error {
			err := call(ctx)
			if phase == session.PhaseBegin && err != nil && !errors.Is(err, session.ErrUnknownName) {
				c.Errorf("Begin returns %v, which is not the error of Resolve", err)
			}
			return err
		}
		err := s.run()
		if s.engine.Count(OpResolve) < n {
			return
		}
		if err != nil {
			continue
		}
		var gone string
		for _, call := range s.engine.Calls() {
			if call.Op == OpResolve && call.Err != nil {
				gone = call.Name
			}
			if call.Op == OpResolve && call.Err == nil && call.Name == gone {
				gone = "" // it has tried again
			}
			if call.Op == OpRun && gone != "" && gone != session.GlobalStepName && slices.Contains(call.Fetches, gone) {
				c.Errorf("Resolve(%q) fails in Begin, and the hook fetches it", gone)
				break
			}
		}
	}
}

func (c *hookCase) noGlobalStep() {
	s := c.stay(c.new())
	s.engine.NoGlobalStep = true
	err := s.run()
	if err == nil {
		return
	}
	failed, inHook := errors.AsType[*session.HookError](err)
	unknown, isUnknown := errors.AsType[*session.UnknownNameError](err)
	asked := isUnknown && unknown.Name == session.GlobalStepName // as a name like any other
	if !inHook || failed.Phase != session.PhaseBegin || !errors.Is(err, session.ErrNoGlobalStep) && !asked {
		c.Errorf("with an engine that has none: %v", err)
	}
}

func (c *hookCase) args() {
	s := c.stay(c.new())
	var given *session.SessionRunArgs
	var before string
	contents := func() string {
		if given == nil {
			return "nothing"
		}
		return describe(given) + fmt.Sprint(given.Feeds)
	}
	s.probe.asked = func(rc *session.SessionRunContext, args *session.SessionRunArgs) {
		if given = args; given == rc.OriginalArgs() {
			c.Errorf("BeforeRun returns the caller's args")
		}
		before = contents()
	}
	s.probe.values = func(*session.SessionRunContext, *session.SessionRunValues) {
		if now := contents(); now != before {
			c.Errorf("BeforeRun returned %s, which has become %s", before, now)
		}
	}
	s.clean()
}

func (c *hookCase) originalArgs() {
	s := c.stay(c.new())
	fetches := []string{session.TrainOp, session.GlobalStepName}
	check := func(rc *session.SessionRunContext, when string) {
		if args := rc.OriginalArgs(); !slices.Equal(args.Fetches, fetches) || len(args.Feeds) > 0 || args.Options != nil {
			c.Errorf("%s the caller's args have become %s", when, describe(args))
		}
	}
	s.probe.asked = func(rc *session.SessionRunContext, _ *session.SessionRunArgs) { check(rc, "after BeforeRun") }
	next := &session.HookFuncs{OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
		check(rc, "after AfterRun")
		return nil
	}}
	s.others = append(s.others, next)
	s.clean()
}

func (c *hookCase) everyEnding() {
	for _, e := range endings {
		err := c.end(c.new(), e)
		for _, leaf := range leaves(err) {
			if e.failure == nil || !errors.Is(leaf, e.failure) {
				c.Errorf("%s: %v", e.name, leaf)
			}
		}
	}
}

func (c *hookCase) beginsAnew() {
	fresh := c.stay(c.new()).next("a session of a new hook")
	fresh.clean()
	for _, e := range endings {
		hook := c.new()
		c.end(hook, e)
		again := c.stay(hook).next("a session after " + e.name)
		again.clean()
		if !slices.Equal(again.probe.log, fresh.probe.log) {
			c.Errorf("%s:\n%s\nwhere a new hook has\n%s", again.what,
				strings.Join(again.probe.log, "\n"), strings.Join(fresh.probe.log, "\n"))
		}
	}
}

func (c *hookCase) recovery() {
	for n := 1; n <= 100; n++ {
		for _, after := range []bool{false, true} {
			s := c.stay(c.new(), Fault{Op: OpRun, N: n, After: after, Err: session.ErrAborted})
			err := s.run()
			if s.engine.Count(OpRun) < n {
				return
			}
			phase := s.probe.phase()
			if ended := phase == session.PhaseEnd || phase == session.PhaseCloseSession; err != nil && !(ended && session.IsLost(err)) {
				c.Errorf("the session is lost in run %d, and: %v", n, err)
			}
		}
	}
}

func (c *hookCase) goroutines() {
	c.stay(c.new()).run() // what is started once and for all is none of a hook
	for _, e := range endings {
		hook := c.new()
		left := ruletest.GoroutinesOf(func() { c.end(hook, e) })
		if len(left) > 0 {
			c.Errorf("%d goroutines are left after %s:\n%s", len(left), e.name, strings.Join(left, "\n\n"))
		}
	}
}

func (c *hookCase) oneAtATime() {
	s := c.stay(c.new(), Fault{Op: OpRun, Delay: 2 * time.Millisecond}) // time to be met
	s.run()
	for _, call := range s.engine.Calls() {
		if errors.Is(call.Err, errTwoAtOnce) {
			c.Errorf("two runs at once, one of them of %q", call.Fetches)
			return
		}
	}
}

func (c *hookCase) engineErrors() {
	for n := 1; n <= 100; n++ {
		s := c.stay(c.new(), Fault{Op: OpRun, N: n, Err: errInjected})
		var met atomic.Value // of session.Phase
		s.engine.Faults[0].Do = func() { met.Store(s.probe.phase()) }
		err := s.run()
		if s.engine.Count(OpRun) < n {
			return
		}
		if !errors.Is(err, errInjected) {
			c.Errorf("run %d of the engine fails, made in or after %s, and the session ends with %v", n, met.Load(), err)
		}
	}
}

func (c *hookCase) oddValues() {
	odd := []session.Value{
		{}, session.Float32(1), session.Float64(math.NaN()), session.Float64(math.Inf(1)), session.Int64(-1), session.Bool(true), session.String(""),
		session.TensorOf([]float64{}), session.TensorOf([]float32{1, 2}, 3), session.TensorValue(session.Tensor{}), session.Any(struct{}{}),
	}
	for _, v := range odd {
		s := c.stay(c.new())
		s.what = fmt.Sprintf("a session in which all outputs are %v of kind %v", v, v.Kind())
		s.engine.Other = func(string, int64) session.Value { return v }
		if c.Outputs != nil {
			s.engine.Other, s.engine.Outputs = nil, make(map[string]Output)
			for name := range c.Outputs {
				s.engine.Outputs[name] = Always(v)
			}
		}
		s.run() // any error will do
	}
}

func (c *hookCase) context() {
	const soon = 20 * time.Millisecond
	check := func(s *stay, of func(phase session.Phase, ctx context.Context) (context.Context, context.CancelFunc)) {
		s.probe.during = func(ctx context.Context, phase session.Phase, call func(context.Context) error) error {
			limited, cancel := of(phase, ctx)
			defer cancel()
			err := call(limited)
			if err != nil && limited.Err() != nil && !errors.Is(err, limited.Err()) {
				c.Errorf("the context of %s is done, and it returns %v", phase, err)
			}
			return err
		}
		s.run()
	}
	check(c.stay(c.new()), func(_ session.Phase, ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, soon)
	})
	for _, done := range phases {
		check(c.stay(c.new()), func(phase session.Phase, ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithTimeout(ctx, soon)
			if phase == done {
				cancel()
			}
			return ctx, cancel
		})
	}
}

func (c *hookCase) idleRun() {
	if c.Allocates {
		c.Skip("HookOptions.Allocates is set")
	}
	hook := c.new()
	s := c.stay(hook)
	s.engine.Unrecorded = true
	allocations := 0.0
	c.Within(s.what, func() {
		defer s.cancel()
		config := session.Config{Engine: s.engine, Hooks: []session.SessionRunHook{hook}}
		err := session.With(s.ctx, config, func(m *session.MonitoredSession) error {
			runs := func(n int) error {
				for range n {
					if _, err := m.Run(s.ctx, session.TrainOp); err == session.ErrRunAfterStop {
						return session.ErrStop
					} else if err != nil {
						return err
					}
				}
				return nil
			}
			if err := runs(c.Runs); err != nil {
				return err
			}
			const measured, tries = 1000, 5
			for range tries { // others in this process may allocate meanwhile
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if err := runs(measured); err != nil {
					return err
				}
				runtime.ReadMemStats(&after)
				if allocations = float64(after.Mallocs-before.Mallocs) / measured; allocations < 0.5 {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			c.Errorf("%v", err)
		}
	})
	if allocations >= 0.5 {
		c.Errorf("%.1f allocations a run", allocations)
	}
}
