package graph

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/runhook/runhook/session"
)

// graphSession is one set of variables, and the state of the run in progress.
type graphSession struct {
	graph     *Graph
	variables []session.Value // by node; IsNone: not initialised
	cells     []cell          // by node
	run       uint64          // number of the run in progress
	step      int64           // global step before this run
	changes   []int           // updates and assignments of this run, in order
	trains    bool
	trace     *session.RunMetadata // nil: not traced
	lookups   []lookup
}

// A cell is what a node has come to in the run of that number.
type cell struct {
	run    uint64
	value  session.Value
	inputs []session.Value
}

// A lookup is a list of fetches with the nodes that it names. The list is known
// by its first element and length, see [session.Request].
type lookup struct {
	fetches []string
	nodes   []int
}

// maxLookups is enough for the lists that a monitored session alternates
// between and the raw runs of its hooks.
const maxLookups = 16

var (
	_ session.Initializer = (*graphSession)(nil)
	_ session.Saveable    = (*graphSession)(nil)
)

// NewSession returns a session with variables of its own, not initialised.
func (g *Graph) NewSession(ctx context.Context) (session.Session, error) {
	if err := g.Finalize(ctx); err != nil {
		return nil, err
	}
	s := &graphSession{
		graph:     g,
		variables: make([]session.Value, len(g.nodes)),
		cells:     make([]cell, len(g.nodes)),
	}
	for i := range s.cells {
		s.cells[i].inputs = make([]session.Value, len(g.nodes[i].inputs))
	}
	return s, nil
}

// Uninitialized returns the names of variables without a value.
func (s *graphSession) Uninitialized() []string {
	var names []string
	for i := range s.variables {
		if n := &s.graph.nodes[i]; n.kind == variable && s.variables[i].IsNone() {
			names = append(names, n.name)
		}
	}
	return names
}

// Init gives every variable its initial value.
func (s *graphSession) Init(context.Context) error {
	if s.variables == nil {
		return session.ErrClosed
	}
	for i := range s.graph.nodes {
		n := &s.graph.nodes[i]
		if n.kind != variable {
			continue
		}
		v := n.initial()
		if v.IsNone() {
			return fmt.Errorf("graph: variable %q: its initial value is none", n.name)
		}
		if t, ok := v.Tensor(); ok {
			if err := t.Validate(); err != nil {
				return fmt.Errorf("graph: variable %q: %w", n.name, err)
			}
		}
		s.variables[i] = v.Clone() // updates change it in place
	}
	return nil
}

// Run makes one run, in the four parts that the package comment lists.
func (s *graphSession) Run(ctx context.Context, req *session.Request) error {
	if s.variables == nil {
		return session.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	nodes, err := s.lookup(req.Fetches)
	if err != nil {
		return err
	}
	s.begin(req)
	if err := s.feed(req.Feeds); err != nil {
		return err
	}
	if err := s.readStep(); err != nil {
		return err
	}
	for _, i := range nodes {
		if err := s.prepare(ctx, i); err != nil {
			return err
		}
	}
	for _, i := range s.changes { // whatever becomes of ctx: no half steps
		if err := s.change(ctx, i); err != nil {
			return err
		}
	}
	if s.trains && s.graph.globalStep >= 0 {
		s.variables[s.graph.globalStep] = session.Int64(s.step + 1)
	}
	for at, i := range nodes {
		req.Values[at] = s.result(i)
	}
	return nil
}

func (s *graphSession) lookup(fetches []string) ([]int, error) {
	for _, l := range s.lookups {
		if len(l.fetches) == len(fetches) && (len(fetches) == 0 || &l.fetches[0] == &fetches[0]) {
			return l.nodes, nil
		}
	}
	l := lookup{fetches: fetches, nodes: make([]int, len(fetches))}
	for at, name := range fetches {
		i, err := s.graph.find(name)
		if err != nil {
			return nil, err
		}
		l.nodes[at] = i
	}
	if len(s.lookups) == maxLookups {
		s.lookups = append(s.lookups[:0], s.lookups[1:]...)
	}
	s.lookups = append(s.lookups, l)
	return l.nodes, nil
}

func (s *graphSession) begin(req *session.Request) {
	s.run++
	s.changes = s.changes[:0]
	s.trains = false
	s.trace = nil
	if req.Metadata != nil && req.Options != nil && req.Options.TraceLevel == session.FullTrace {
		s.trace = req.Metadata
	}
}

// feed puts the fed values in the cells, where nothing will compute them.
func (s *graphSession) feed(feeds session.Feeds) error {
	var refused string // the first by name
	var fault error
	for name, v := range feeds {
		if err := s.feedOne(name, v); err != nil && (fault == nil || name < refused) {
			refused, fault = name, err
		}
	}
	return fault
}

func (s *graphSession) feedOne(name string, v session.Value) error {
	i, err := s.graph.find(name)
	if err != nil {
		return fmt.Errorf("graph: feed: %w", err)
	}
	n := &s.graph.nodes[i]
	switch {
	case n.kind != placeholder && n.kind != computed:
		return fmt.Errorf("graph: feed %q: it is %s, which cannot be fed", name, n.kind.withArticle())
	case n.kind == placeholder && n.fallback.IsNone() && v.IsNone():
		return fmt.Errorf("graph: placeholder %q has to be fed", name)
	case v.IsNone() || !n.fallback.IsNone() && !sameType(v, n.fallback):
		want := "a value"
		if !n.fallback.IsNone() {
			want = typeOf(n.fallback)
		}
		return fmt.Errorf("graph: feed %q: got %s, want %s", name, typeOf(v), want)
	}
	if t, ok := v.Tensor(); ok {
		if err := t.Validate(); err != nil {
			return fmt.Errorf("graph: feed %q: %w", name, err)
		}
	}
	s.set(i, v)
	return nil
}

// sameType reports whether values are of one kind, and tensors of one element
// type. Shapes may differ.
func sameType(a, b session.Value) bool { return typeOf(a) == typeOf(b) }

// typeOf names the kind of v, and the element type of a tensor.
func typeOf(v session.Value) string {
	if t, ok := v.Tensor(); ok {
		return t.DType().String() + " tensor"
	}
	return v.Kind().String()
}

func (s *graphSession) set(i int, v session.Value) {
	c := &s.cells[i]
	c.run, c.value = s.run, v
}

// readStep keeps the global step as it is before this run. Not yet initialised
// it is 0, as in TensorFlow.
func (s *graphSession) readStep() error {
	s.step = 0
	i := s.graph.globalStep
	if i < 0 || s.variables[i].IsNone() {
		return nil
	}
	step, ok := s.variables[i].Int64()
	if !ok {
		return fmt.Errorf("graph: %q is a %s, want int64", session.GlobalStepName, s.variables[i].Kind())
	}
	s.step = step
	return nil
}

// prepare evaluates what a fetch of node i needs, and notes the changes that it
// asks for.
func (s *graphSession) prepare(ctx context.Context, i int) error {
	n := &s.graph.nodes[i]
	switch n.kind {
	case update, assign:
		return s.prepareChange(ctx, i)
	case train:
		s.trains = true
		for _, in := range n.inputs {
			if err := s.prepareChange(ctx, in); err != nil {
				return err
			}
		}
		return nil
	default:
		_, err := s.eval(ctx, i)
		return err
	}
}

func (s *graphSession) prepareChange(ctx context.Context, i int) error {
	if s.cells[i].run == s.run {
		return nil
	}
	s.set(i, session.Value{})
	s.changes = append(s.changes, i)
	return s.evalInputs(ctx, i)
}

func (s *graphSession) evalInputs(ctx context.Context, i int) error {
	for at, in := range s.graph.nodes[i].inputs {
		v, err := s.eval(ctx, in)
		if err != nil {
			return err
		}
		s.cells[i].inputs[at] = v
	}
	return nil
}

// eval returns the value of node i before the changes of this run.
func (s *graphSession) eval(ctx context.Context, i int) (session.Value, error) {
	n, c := &s.graph.nodes[i], &s.cells[i]
	if c.run == s.run {
		return c.value, nil
	}
	switch n.kind {
	case variable:
		if i == s.graph.globalStep {
			return session.Int64(s.step), nil
		}
		v := s.variables[i]
		if v.IsNone() {
			return v, fmt.Errorf("graph: variable %q is %w", n.name, session.ErrUninitialized)
		}
		return v, nil
	case placeholder:
		if n.fallback.IsNone() {
			return n.fallback, fmt.Errorf("graph: placeholder %q has to be fed", n.name)
		}
		return n.fallback, nil
	}
	if err := s.evalInputs(ctx, i); err != nil {
		return session.Value{}, err
	}
	if err := ctx.Err(); err != nil {
		return session.Value{}, err
	}
	err := s.call(n, func() (err error) {
		c.value, err = n.compute(ctx, c.inputs)
		return err
	})
	if err != nil {
		return session.Value{}, err
	}
	c.run = s.run
	return c.value, nil
}

// change makes the update or assignment i.
func (s *graphSession) change(ctx context.Context, i int) error {
	n, inputs := &s.graph.nodes[i], s.cells[i].inputs
	return s.call(n, func() error {
		if n.kind == assign {
			v, now := inputs[0], s.variables[n.target]
			if !now.IsNone() && !sameType(v, now) {
				return fmt.Errorf("the value is %s, the variable %q %s", typeOf(v), s.graph.nodes[n.target].name, typeOf(now))
			}
			s.variables[n.target] = v.Clone()
			return nil
		}
		for at, in := range n.inputs { // an assignment before may have replaced them
			if s.graph.nodes[in].kind == variable && in != s.graph.globalStep {
				inputs[at] = s.variables[in]
			}
		}
		return n.update(ctx, inputs)
	})
}

// call runs the function of a node.
func (s *graphSession) call(n *node, function func() error) error {
	var begin time.Time
	if s.trace != nil {
		begin = time.Now()
	}
	err := function()
	if s.trace != nil {
		s.trace.Nodes = append(s.trace.Nodes, session.NodeStats{Name: n.name, Start: begin, Duration: time.Since(begin)})
	}
	if err != nil && err != io.EOF {
		return fmt.Errorf("graph: %s %q: %w", n.kind, n.name, err)
	}
	return err
}

// result is the value of a fetched node after the run.
func (s *graphSession) result(i int) session.Value {
	switch n := &s.graph.nodes[i]; {
	case i == s.graph.globalStep:
		return session.Int64(s.step)
	case n.kind == variable:
		return s.variables[i]
	case n.kind == placeholder && s.cells[i].run != s.run:
		return n.fallback
	}
	return s.cells[i].value
}

// Close drops the variables.
func (s *graphSession) Close() error {
	s.variables, s.cells = nil, nil
	return nil
}
