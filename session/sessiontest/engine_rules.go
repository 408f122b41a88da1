package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/runhook/runhook/internal/ruletest"
	"github.com/runhook/runhook/session"
)

var engineRules = []ruletest.Rule[*engineCase]{
	ruletest.New("resolve", "Resolve accepts every name that can be fetched, before Finalize and after it", (*engineCase).resolve),
	ruletest.New("resolve-unknown", "Resolve of a name that there is not returns an *UnknownNameError with that name", (*engineCase).resolveUnknown),
	ruletest.New("finalize", "Finalize is called before each session; all but the first call do nothing if the engine cannot compile again", (*engineCase).finalize),
	ruletest.New("sessions", "several sessions may use an engine in turn", (*engineCase).sessions),
	ruletest.New("opening", "the context of NewSession is for the opening: the session outlives it", (*engineCase).opening),
	ruletest.New("init", "Init gives every variable its initial value; after it none is uninitialized", (*engineCase).initialize),
	ruletest.New("uninitialized", "that a variable has no value yet is an error that Is ErrUninitialized", (*engineCase).uninitialized),
	ruletest.New("global-step", "the global step is an int64 that counts the updates of the trained state", (*engineCase).globalStep),
	ruletest.New("stale-step", "the global step fetched with a training op is the one before the update", (*engineCase).staleStep),
	ruletest.New("values", "Run fills Values, aligned with Fetches; an op without a value gives none", (*engineCase).values),
	ruletest.New("order", "the order of Fetches does not matter", (*engineCase).order),
	ruletest.New("one-step", "a run is one step of the engine, whatever is fetched with the training op", (*engineCase).oneStep),
	ruletest.New("plans", "a slice of Fetches promises the same names only while its first element and its length are the same", (*engineCase).plans),
	ruletest.New("request", "Run leaves the request as it is, but for the elements of Values, and Metadata", (*engineCase).request),
	ruletest.New("no-training", "a run that fetches no training op changes no trained state", (*engineCase).noTraining),
	ruletest.New("nothing", "a run of no fetches succeeds and changes nothing", (*engineCase).nothing),
	ruletest.New("unknown-fetch", "an unknown fetch is an error that Is ErrUnknownName, and nothing is trained", (*engineCase).unknownFetch),
	ruletest.New("unknown-feed", "an unknown feed is an error that Is ErrUnknownName, and nothing is trained", (*engineCase).unknownFeed),
	ruletest.New("feeds", "a feed is used in place of what would be computed, in this run only", (*engineCase).feeds),
	ruletest.New("context", "a run whose context is done trains nothing and fails with an error that Is ctx.Err()", (*engineCase).contextDone),
	ruletest.New("context-ends", "when ctx is done, Run returns as soon as it can, with an error that Is ctx.Err()", (*engineCase).contextEnds),
	ruletest.New("end-of-input", "at the end of the input Run returns exactly io.EOF, or ErrOutOfRange, and has trained nothing; runs without a training op go on", (*engineCase).endOfInput),
	ruletest.New("values-stay", "values stay valid until a run changes them: those of a hooked run outlive a raw run in AfterRun", (*engineCase).valuesStay),
	ruletest.New("metadata", "Metadata is filled as far as Options ask for a trace, not without", (*engineCase).metadata),
	ruletest.New("saveable", "SetVariables brings back what Variables gave, in this session and in another one, or, with an error, changes nothing", (*engineCase).saveable),
	ruletest.New("close", "Close ends the session: no goroutine of it is left", (*engineCase).close),
}

func (c *engineCase) resolve() {
	s := c.open()
	s.eval(c.Train)
	c.open() // resolves all names again
	for name := range c.Feeds {
		if err := c.engine.Resolve(name); err != nil {
			c.Errorf("Resolve(%q): %v", name, err)
		}
	}
}

func (c *engineCase) resolveUnknown() {
	check := func(when string) {
		err := c.engine.Resolve(c.Unknown)
		var unknown *session.UnknownNameError
		switch {
		case !errors.As(err, &unknown):
			c.Errorf("%s: Resolve(%q) returns %#v", when, c.Unknown, err)
		case unknown.Name != c.Unknown:
			c.Errorf("%s: the error for %q names %q", when, c.Unknown, unknown.Name)
		}
	}
	check("before Finalize")
	c.open()
	check("after Finalize")
}

func (c *engineCase) finalize() {
	s := c.trained()
	before := s.state()
	if err := c.engine.Finalize(c.ctx); err != nil {
		c.Errorf("the second Finalize: %v", err)
	}
	s.unchanged(before, "a second Finalize")
	s.eval(c.Train)
	s.end()
}

func (c *engineCase) sessions() {
	for range 3 {
		s := c.trained()
		s.eval(c.known()...)
		s.end()
	}
}

func (c *engineCase) opening() {
	ctx, cancel := context.WithCancel(c.ctx)
	s := c.createUnder(ctx)
	cancel()
	s.initialize()
	s.eval(c.Train)
	s.eval(c.stable...)
}

func (c *engineCase) initialize() {
	s := c.create()
	i, ok := session.Ability[session.Initializer](s.Session)
	if !ok {
		c.Skip("sessions are no Initializers")
	}
	initialize := func() {
		if err := i.Init(c.ctx); err != nil {
			c.Fatalf("Init: %v", err)
		}
		if names := i.Uninitialized(); len(names) > 0 {
			c.Errorf("after Init %q are uninitialized", names)
		}
	}
	if len(i.Uninitialized()) > 0 {
		initialize()
	}
	if !s.hasStep() {
		return
	}
	first := s.step()
	s.eval(c.Train)
	initialize()
	if step := s.step(); step != first {
		c.Errorf("the global step begins at %d; after a step of training and another Init it is %d", first, step)
	}
}

func (c *engineCase) uninitialized() {
	s := c.create()
	if i, ok := session.Ability[session.Initializer](s.Session); !ok || len(i.Uninitialized()) == 0 {
		c.Skip("all variables have values from the beginning")
	}
	for _, name := range c.stable {
		if _, err := session.Eval(c.ctx, s.Session, name); err != nil && !errors.Is(err, session.ErrUninitialized) {
			c.Errorf("before Init a run of %q returns %v", name, err)
		}
	}
}

func (c *engineCase) globalStep() {
	s := c.open()
	before := s.step()
	for range 3 {
		s.eval(c.Train)
		after := s.step()
		if after <= before {
			c.Errorf("a training run takes the global step from %d to %d", before, after)
		}
		before = after
	}
}

func (c *engineCase) staleStep() {
	s := c.trained()
	step := c.engine.GlobalStep()
	for _, names := range [][]string{{c.Train, step}, {step, c.Train}} {
		before := s.step()
		at := slices.Index(names, step)
		if v := s.eval(names...)[at]; v != session.Int64(before) {
			c.Errorf("the global step is %d before a run of %q, which gives %v", before, names, v)
		}
	}
}

func (c *engineCase) valuesStay() {
	s := c.trained()
	run := s.run(c.known()...)
	kept := make([]session.Value, len(run.Values))
	for i, v := range run.Values {
		kept[i] = v.Clone()
	}
	compare := func(after string, tensors bool) {
		for i, v := range run.Values {
			if (tensors || v.Kind() != session.KindTensor) && !same(kept[i], v) {
				c.Errorf("%s changes the value of %q that an earlier run gave, from %v to %v", after, run.Fetches[i], kept[i], v)
			}
		}
	}
	for _, name := range c.stable {
		s.run(name)
		compare(fmt.Sprintf("a run of %q", name), true)
	}
	s.run(c.stable...)
	compare(fmt.Sprintf("a run of %q", c.stable), true)
	s.run(append([]string{c.Train}, c.names...)...)
	compare("a training run", false)
}

func (c *engineCase) metadata() {
	s := c.trained()
	for _, options := range []*session.RunOptions{nil, {}, {TraceLevel: session.FullTrace}} {
		metadata := new(session.RunMetadata)
		req := session.Request{
			Fetches: []string{c.Train}, Values: make([]session.Value, 1), Options: options, Metadata: metadata,
		}
		if err := s.Run(c.ctx, &req); err != nil {
			c.Errorf("a run with Metadata: %v", err)
		}
		if n := len(metadata.Nodes); n > 0 && (options == nil || options.TraceLevel == session.NoTrace) {
			c.Errorf("Metadata has %d nodes though nobody asked for a trace", n)
		}
		req.Metadata = nil
		if err := s.Run(c.ctx, &req); err != nil {
			c.Errorf("a run without Metadata: %v", err)
		}
	}
}

func (c *engineCase) close() {
	use := func() { c.trained().end() }
	use() // what the engine keeps for all its sessions comes with the first
	if left := ruletest.GoroutinesOf(use); len(left) > 0 {
		c.Errorf("%d goroutines are left of a closed session:\n%s", len(left), strings.Join(left, "\n\n"))
	}
}
