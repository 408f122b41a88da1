package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

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

func (c *engineCase) values() {
	s := c.trained()
	names := c.known()
	garbage := session.String("left over")
	req := &session.Request{Fetches: names, Values: make([]session.Value, len(names), len(names)+2)}
	for range 3 {
		all := req.Values[:cap(req.Values)]
		for i := range all {
			all[i] = garbage
		}
		if err := s.Run(c.ctx, req); err != nil {
			c.Fatalf("a run of %q: %v", names, err)
		}
		for i, name := range names {
			want, ok := c.Fetches[name]
			switch {
			case name == c.engine.GlobalStep():
				want, ok = session.KindInt64, true
			case name == c.Train:
				want, ok = session.KindNone, true
			}
			if kind := req.Values[i].Kind(); ok && kind != want {
				c.Errorf("Values has %v of kind %v for %q, want %v", req.Values[i], kind, name, want)
			}
			if t, ok := req.Values[i].Tensor(); ok {
				if err := t.Validate(); err != nil {
					c.Errorf("%q: %v", name, err)
				}
			}
		}
		for _, v := range all[len(names):] {
			if v != garbage {
				c.Errorf("Run writes %v behind the end of Values", v)
			}
		}
	}
}

func (c *engineCase) order() {
	s := c.trained()
	want := make(map[string]session.Value)
	for _, name := range c.stable {
		want[name] = s.eval(name)[0]
	}
	compare := func(names []string) {
		for i, v := range s.eval(names...) {
			if !same(want[names[i]], v) {
				c.Errorf("%q is %v by itself, and %v in a run of %q", names[i], want[names[i]], v, names)
			}
		}
	}
	names := slices.Clone(c.stable)
	for range names {
		compare(slices.Clone(names))
		names = append(names[1:], names[0])
	}
	slices.Reverse(names)
	compare(names)
}

func (c *engineCase) oneStep() {
	s := c.trained()
	steps := func(names ...string) int64 {
		before := s.step()
		s.eval(names...)
		return s.step() - before
	}
	alone := steps(c.Train)
	names := c.known()
	for range names {
		if n := steps(names...); n != alone {
			c.Errorf("a run of %q makes %d steps, one of %q makes %d", names, n, c.Train, alone)
		}
		names = append(names[1:], names[0])
	}
}

func (c *engineCase) plans() {
	if len(c.stable) == 0 {
		c.Skip("there is nothing to fetch")
	}
	s := c.trained()
	want := make(map[string]session.Value)
	for _, name := range c.stable {
		want[name] = s.eval(name)[0]
	}
	var lists [][]string
	forth, back := slices.Clone(c.stable), slices.Clone(c.stable)
	slices.Reverse(back)
	for n := 1; n <= len(forth); n++ { // same beginning, other lengths; same lengths, other names
		lists = append(lists, forth[:n], back[:n], forth[len(forth)-n:])
	}
	for range 40 { // more than are kept
		lists = append(lists, slices.Clone(forth))
		forth = append(forth[1:len(forth):len(forth)], forth[0])
	}
	for range 3 {
		for _, names := range lists {
			for i, v := range s.run(names...).Values {
				if !same(want[names[i]], v) {
					c.Fatalf("%q is %v, and %v in a run of %q after runs of other slices", names[i], want[names[i]], v, names)
				}
			}
		}
	}
}

func (c *engineCase) request() {
	s := c.trained()
	names := c.known()
	slices.Reverse(names)
	req := session.Request{
		Fetches: slices.Clone(names), Values: make([]session.Value, len(names)),
		Feeds: session.Feeds{}, Options: &session.RunOptions{DebugTensorWatches: []string{c.Train}},
	}
	feeds := make(session.Feeds)
	for name, v := range c.Feeds {
		req.Feeds[name], feeds[name] = v.Clone(), v.Clone()
	}
	given, options := req, *req.Options
	for range 2 {
		if err := s.Run(c.ctx, &req); err != nil {
			c.Fatalf("a run of %q with feeds: %v", names, err)
		}
	}
	if !slices.Equal(req.Fetches, names) {
		c.Errorf("Run changes Fetches from %q to %q", names, req.Fetches)
	}
	if len(req.Values) != len(names) || &req.Values[0] != &given.Values[0] {
		c.Errorf("Run replaces the slice of Values")
	}
	if !maps.EqualFunc(req.Feeds, feeds, same) {
		c.Errorf("Run changes Feeds from %v to %v", feeds, req.Feeds)
	}
	if req.Options != given.Options || !reflect.DeepEqual(*req.Options, options) {
		c.Errorf("Run changes Options")
	}
}

func (c *engineCase) noTraining() {
	s := c.trained()
	before := s.state()
	for range 3 {
		s.eval(slices.DeleteFunc(c.known(), func(name string) bool { return name == c.Train })...)
	}
	s.unchanged(before, "a run without the training op")
}

func (c *engineCase) nothing() {
	s := c.trained()
	before := s.state()
	for _, req := range []session.Request{{}, {Fetches: []string{}, Values: []session.Value{}, Feeds: session.Feeds{}}} {
		if err := s.Run(c.ctx, &req); err != nil {
			c.Errorf("a run of nothing: %v", err)
		}
	}
	s.unchanged(before, "a run of nothing")
}

func (c *engineCase) unknownFetch() {
	s := c.trained()
	before := s.state()
	for _, names := range [][]string{{c.Unknown}, {c.Train, c.Unknown}, {c.Unknown, c.Train}} {
		if _, err := session.Eval(c.ctx, s.Session, names...); !errors.Is(err, session.ErrUnknownName) {
			c.Errorf("a run of %q returns %v", names, err)
		}
		s.unchanged(before, fmt.Sprintf("a run of %q", names))
	}
}

func (c *engineCase) unknownFeed() {
	s := c.trained()
	before := s.state()
	for _, names := range [][]string{{}, {c.Train}} {
		req := session.Request{
			Fetches: names, Values: make([]session.Value, len(names)), Feeds: session.Feeds{c.Unknown: session.Float64(1)},
		}
		if err := s.Run(c.ctx, &req); !errors.Is(err, session.ErrUnknownName) {
			c.Errorf("a run of %q that feeds %q returns %v", names, c.Unknown, err)
		}
		s.unchanged(before, fmt.Sprintf("a run of %q that feeds %q", names, c.Unknown))
	}
}

func (c *engineCase) feeds() {
	if len(c.Feeds) == 0 {
		c.Skip("EngineOptions.Feeds is empty")
	}
	s := c.trained()
	before := s.state()
	for _, name := range slices.Sorted(maps.Keys(c.Feeds)) {
		want := c.Feeds[name]
		req := session.Request{Fetches: []string{name}, Values: make([]session.Value, 1), Feeds: session.Feeds{name: want.Clone()}}
		for range 2 {
			if err := s.Run(c.ctx, &req); err != nil {
				c.Fatalf("a run that feeds %q: %v", name, err)
			}
			if !same(req.Values[0], want) {
				c.Errorf("%q is fed %v and gives %v", name, want, req.Values[0])
			}
		}
		req.Feeds = nil
		if err := s.Run(c.ctx, &req); err == nil && same(req.Values[0], want) {
			c.Errorf("%q gives the value fed in the run before", name)
		}
	}
	s.unchanged(before, "a run that feeds")
}

func (c *engineCase) contextDone() {
	s := c.trained()
	before := s.state()
	canceled, cancel := context.WithCancelCause(c.ctx)
	cancel(errors.New("a cause"))
	late, cancelLate := context.WithDeadline(c.ctx, time.Unix(0, 0))
	defer cancelLate()
	for _, ctx := range []context.Context{canceled, late} {
		if _, err := session.Eval(ctx, s.Session, c.Train); !errors.Is(err, ctx.Err()) {
			c.Errorf("a training run with a context that is done (%v) returns %v", ctx.Err(), err)
		}
		if _, err := session.Eval(ctx, s.Session, c.stable...); err != nil && !errors.Is(err, ctx.Err()) {
			c.Errorf("a run with a context that is done (%v) returns %v", ctx.Err(), err)
		}
		s.unchanged(before, "a run with a context that is done")
	}
}

func (c *engineCase) contextEnds() {
	if c.Block == nil {
		c.Skip("EngineOptions.Block is not set")
	}
	s := c.trained()
	c.Block(c.engine)
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Millisecond)
	defer cancel()
	c.Within("a run whose context has ended", func() {
		if _, err := session.Eval(ctx, s.Session, c.Train); !errors.Is(err, context.DeadlineExceeded) {
			c.Errorf("a run whose context ends meanwhile returns %v", err)
		}
	})
}

func (c *engineCase) endOfInput() {
	if c.EndInput == nil {
		c.Skip("EngineOptions.EndInput is not set")
	}
	s := c.trained()
	before := s.state()
	c.EndInput(c.engine)
	if _, err := session.Eval(c.ctx, s.Session, c.Train); err != io.EOF && !isOutOfRange(err) {
		c.Errorf("at the end of the input a training run returns %#v", err)
	}
	s.unchanged(before, "a training run at the end of the input")
}

// isOutOfRange reports whether err is nothing but the end of input.
func isOutOfRange(err error) bool {
	return errors.Is(err, session.ErrOutOfRange) && session.IsCleanStop(err)
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
