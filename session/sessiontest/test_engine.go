package sessiontest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/runhook/runhook/internal/ruletest"
	"github.com/runhook/runhook/session"
)

// EngineOptions tell [TestEngine] what it cannot find out.
type EngineOptions struct {
	// Train is the training op. Default [session.TrainOp].
	Train string
	// Fetches are names that can be fetched after a training run, with the kinds
	// of their values. The global step need not be among them.
	Fetches map[string]session.Kind
	// Volatile are those of Fetches whose values change without training: random
	// numbers, the input, an evaluation counter.
	Volatile []string
	// Feeds has names that can be fed and fetched, with a value to feed that they
	// do not have by themselves. None: nothing can be fed.
	Feeds session.Feeds
	// Unknown is a name that there is not. Default "no such name".
	Unknown string
	// EndInput makes the input end: the next training run of engine fails. nil:
	// the input does not end.
	EndInput func(engine session.Engine)
	// Block makes the next training run of engine last as long as its context is
	// not done. nil: it is not checked that a run gives up.
	Block func(engine session.Engine)
}

// TestEngine checks engines by the rules of [session.Engine],
// [session.Session], [session.Request], [session.Initializer] and
// [session.Saveable], in a subtest each. newEngine returns a new engine for each.
func TestEngine(t *testing.T, newEngine func(t *testing.T) session.Engine, options EngineOptions) {
	ruletest.TestAll(t, engineRules, func(t *testing.T, v *ruletest.Verdict) *engineCase {
		return newEngineCase(v, newEngine(t), options)
	})
}

// CheckEngine is [TestEngine] outside of a test. It returns a [RuleError] for
// each rule that is broken, joined, or nil.
func CheckEngine(newEngine func() session.Engine, options EngineOptions) error {
	return ruletest.CheckAll(engineRules, func(v *ruletest.Verdict) *engineCase {
		return newEngineCase(v, newEngine(), options)
	})
}

// An engineCase checks one rule.
type engineCase struct {
	*ruletest.Verdict
	EngineOptions
	engine session.Engine
	ctx    context.Context
	names  []string // Fetches in order
	stable []string // without the volatile ones, with the global step
}

func newEngineCase(v *ruletest.Verdict, engine session.Engine, options EngineOptions) *engineCase {
	c := &engineCase{Verdict: v, EngineOptions: options, engine: engine, ctx: context.Background()}
	c.Train = cmp.Or(c.Train, session.TrainOp)
	c.Unknown = cmp.Or(c.Unknown, "no such name")
	if engine == nil {
		v.Fatalf("newEngine returned nil")
	}
	c.names = slices.Sorted(maps.Keys(options.Fetches))
	for _, name := range c.names {
		if !slices.Contains(options.Volatile, name) {
			c.stable = append(c.stable, name)
		}
	}
	if step := engine.GlobalStep(); step != "" && !slices.Contains(c.stable, step) {
		c.stable = append(c.stable, step)
	}
	return c
}

// known returns every name that the suite knows of, the training op first.
func (c *engineCase) known() []string {
	known := append([]string{c.Train}, c.stable...)
	for _, name := range c.names {
		if !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	return known
}

// An openSession is a session in the check of a rule.
type openSession struct {
	session.Session
	c *engineCase
}

// create opens a session, which is not initialised.
func (c *engineCase) create() openSession { return c.createUnder(c.ctx) }

// createUnder is create with a context for NewSession.
func (c *engineCase) createUnder(ctx context.Context) openSession {
	for _, name := range c.known() {
		if err := c.engine.Resolve(name); err != nil {
			c.Fatalf("Resolve(%q): %v", name, err)
		}
	}
	if err := c.engine.Finalize(c.ctx); err != nil {
		c.Fatalf("Finalize: %v", err)
	}
	s, err := c.engine.NewSession(ctx)
	if err != nil {
		c.Fatalf("NewSession: %v", err)
	}
	if s == nil {
		c.Fatalf("NewSession returns no session")
	}
	return openSession{s, c}
}

// open opens a session and initialises it if need be.
func (c *engineCase) open() openSession {
	s := c.create()
	s.initialize()
	return s
}

// initialize gives the variables values if need be.
func (s openSession) initialize() {
	if i, ok := session.Ability[session.Initializer](s.Session); ok && len(i.Uninitialized()) > 0 {
		if err := i.Init(s.c.ctx); err != nil {
			s.c.Fatalf("Init: %v", err)
		}
	}
}

// trained opens a session and makes two steps.
func (c *engineCase) trained() openSession {
	s := c.open()
	s.eval(c.Train)
	s.eval(c.Train)
	return s
}

// eval fetches names and returns copies of their values.
func (s openSession) eval(names ...string) []session.Value {
	values, err := session.Eval(s.c.ctx, s.Session, names...)
	if err != nil {
		s.c.Fatalf("a run of %q: %v", names, err)
	}
	out := make([]session.Value, len(names))
	for i := range names {
		out[i] = values.At(i)
	}
	return out
}

// run makes one run with a request of its own.
func (s openSession) run(names ...string) *session.Request {
	req := &session.Request{Fetches: names, Values: make([]session.Value, len(names))}
	if err := s.Run(s.c.ctx, req); err != nil {
		s.c.Fatalf("a run of %q: %v", names, err)
	}
	return req
}

// hasStep reports whether there is a global step.
func (s openSession) hasStep() bool { return s.c.engine.GlobalStep() != "" }

// step reads the global step; without one it ends the check of a rule about it.
func (s openSession) step() int64 {
	name := s.c.engine.GlobalStep()
	if name == "" {
		s.c.Skip("the engine has no global step")
	}
	v := s.eval(name)[0]
	step, ok := v.Int64()
	if !ok {
		s.c.Fatalf("the global step is %v of kind %v", v, v.Kind())
	}
	return step
}

// state is what training changes and nothing else.
func (s openSession) state() []session.Value { return s.eval(s.c.stable...) }

// unchanged reports where the state is not what it was before what.
func (s openSession) unchanged(before []session.Value, what string) {
	for i, now := range s.state() {
		if !same(before[i], now) {
			s.c.Errorf("%s changes %q from %v to %v", what, s.c.stable[i], before[i], now)
		}
	}
}

// end closes the session.
func (s openSession) end() {
	if err := s.Close(); err != nil {
		s.c.Errorf("Close: %v", err)
	}
}

// same reports whether two values are equal; NaN is itself.
func same(a, b session.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case session.KindTensor:
		x, _ := a.Tensor()
		y, _ := b.Tensor()
		return slices.Equal(x.Shape, y.Shape) && x.DType() == y.DType() && fmt.Sprint(x.Data) == fmt.Sprint(y.Data)
	case session.KindAny:
		return reflect.DeepEqual(a.Any(), b.Any())
	}
	return a == b
}
