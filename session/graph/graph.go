package graph

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/runhook/runhook/session"
)

// A Func computes the value of a node from the values of its inputs, in the
// order in which they were named. It leaves the inputs unchanged and does not
// keep them. A tensor that it returns may be used again by its next call; one
// that it has from a variable changes with that when the run updates it.
//
// io.EOF ends the input: the run returns it as it is.
type Func func(ctx context.Context, in []session.Value) (session.Value, error)

// An UpdateFunc changes variables. Those among its inputs it may change in
// place, by writing to the data of their tensors; other inputs are as for
// [Func]. Storing in the slice in changes nothing, so that a variable that is
// no tensor but a number or a string is changed by [Graph.Assign].
type UpdateFunc func(ctx context.Context, in []session.Value) error

// A Graph is an engine built of named Go functions. Build it by one goroutine;
// mistakes are gathered and returned by Finalize. After that it may serve any
// number of sessions at once, as far as the functions allow it.
type Graph struct {
	nodes      []node
	index      map[string]int
	globalStep int // index, -1: none
	finalized  bool
	faults     []error

	collections map[string][]any
}

type kind uint8

const (
	variable kind = iota
	placeholder
	computed
	update
	assign
	train
)

func (k kind) String() string {
	return [...]string{"variable", "placeholder", "node", "update", "assignment", "training op"}[k]
}

func (k kind) withArticle() string {
	if k == update || k == assign {
		return "an " + k.String()
	}
	return "a " + k.String()
}

// A node is anything with a name.
type node struct {
	name       string
	kind       kind
	inputNames []string
	inputs     []int // found by Finalize

	initial  func() session.Value // variable
	fallback session.Value        // placeholder
	compute  Func                 // computed
	update   UpdateFunc           // update
	target   int                  // assign: the variable, found by Finalize
}

var _ session.Engine = (*Graph)(nil)

// New returns an empty graph.
func New() *Graph {
	return &Graph{index: make(map[string]int), globalStep: -1}
}

// Variable adds state. Each session has its own, which starts as what initial
// returns.
func (g *Graph) Variable(name string, initial func() session.Value) {
	if initial == nil {
		g.fault("variable %q has no initial value", name)
	}
	g.add(node{name: name, kind: variable, initial: initial})
}

// Placeholder adds a value to be fed. fallback is used by runs that do not feed
// it, and fixes its kind; the zero Value means that every run that needs it has
// to feed it.
func (g *Graph) Placeholder(name string, fallback session.Value) {
	g.add(node{name: name, kind: placeholder, fallback: fallback})
}

// Node adds a computed value. The inputs may be named before they are added.
func (g *Graph) Node(name string, compute Func, inputs ...string) {
	if compute == nil {
		g.fault("node %q has no function", name)
	}
	g.add(node{name: name, kind: computed, compute: compute, inputNames: inputs})
}

// Update adds an op that changes variables among its inputs. It has no value.
func (g *Graph) Update(name string, change UpdateFunc, inputs ...string) {
	if change == nil {
		g.fault("update %q has no function", name)
	}
	g.add(node{name: name, kind: update, update: change, inputNames: inputs})
}

// Assign adds an op that stores a copy of the value named from in a variable.
// It has no value.
func (g *Graph) Assign(name, variable, from string) {
	g.add(node{name: name, kind: assign, inputNames: []string{variable, from}})
}

// Train adds a training op: it makes the updates and assignments named, then
// advances the global step, if there is one, by 1. It has no value.
func (g *Graph) Train(name string, updates ...string) {
	g.add(node{name: name, kind: train, inputNames: updates})
}

// CreateGlobalStep adds the global step: an int64 variable "global_step" that
// starts at 0 and is advanced by training ops.
func (g *Graph) CreateGlobalStep() {
	if g.globalStep >= 0 {
		g.fault("%q already exists", session.GlobalStepName)
		return
	}
	if !g.finalized {
		g.globalStep = len(g.nodes)
	}
	g.Variable(session.GlobalStepName, func() session.Value { return session.Int64(0) })
}

func (g *Graph) add(n node) {
	switch _, taken := g.index[n.name]; {
	case g.finalized:
		g.fault("%s %q is added after the graph was finalized", n.kind, n.name)
		return
	case n.name == "":
		g.fault("%s has no name", n.kind.withArticle())
	case taken:
		g.fault("name %q is used twice", n.name)
	}
	n.inputNames = slices.Clone(n.inputNames)
	g.index[n.name] = len(g.nodes)
	g.nodes = append(g.nodes, n)
}

func (g *Graph) fault(format string, args ...any) {
	g.faults = append(g.faults, fmt.Errorf("graph: "+format, args...))
}

// Resolve accepts every name in the graph.
func (g *Graph) Resolve(name string) error {
	_, err := g.find(name)
	return err
}

func (g *Graph) find(name string) (int, error) {
	i, ok := g.index[name]
	if !ok {
		return 0, session.UnknownName(name, g.names())
	}
	return i, nil
}

func (g *Graph) names() []string {
	names := make([]string, len(g.nodes))
	for i, n := range g.nodes {
		names[i] = n.name
	}
	return names
}

// GlobalStep returns "global_step", or "" if there is none.
func (g *Graph) GlobalStep() string {
	if g.globalStep < 0 {
		return ""
	}
	return session.GlobalStepName
}

// Finalize connects the inputs and returns all mistakes made in building: names
// used twice or unknown, inputs of the wrong kind, cycles, and what was added
// after an earlier Finalize.
func (g *Graph) Finalize(context.Context) error {
	if !g.finalized {
		g.finalized = true
		for i := range g.nodes {
			g.connect(&g.nodes[i])
		}
		g.findCycles()
	}
	return errors.Join(g.faults...)
}

// connect finds the inputs of n and checks their kinds.
func (g *Graph) connect(n *node) {
	for _, name := range n.inputNames {
		i, err := g.find(name)
		if err != nil {
			g.fault("%s %q: input: %w", n.kind, n.name, err)
			continue
		}
		changes := g.nodes[i].kind >= update
		switch {
		case n.kind == train && (!changes || g.nodes[i].kind == train):
			g.fault("training op %q: %q is %s, want updates and assignments", n.name, name, g.nodes[i].kind.withArticle())
		case n.kind != train && changes:
			g.fault("%s %q: input %q is %s, which has no value", n.kind, n.name, name, g.nodes[i].kind.withArticle())
		}
		n.inputs = append(n.inputs, i)
	}
	if n.kind == assign && len(n.inputs) == 2 {
		n.target, n.inputs = n.inputs[0], n.inputs[1:]
		if target := g.nodes[n.target]; target.kind != variable {
			g.fault("assignment %q: %q is %s, want a variable", n.name, target.name, target.kind.withArticle())
		}
	}
}

// findCycles reports the nodes that need themselves.
func (g *Graph) findCycles() {
	const inProgress, done = 1, 2
	state := make([]uint8, len(g.nodes))
	var path []string
	var visit func(i int)
	visit = func(i int) {
		path = append(path, g.nodes[i].name)
		defer func() { path = path[:len(path)-1] }()
		switch state[i] {
		case done:
			return
		case inProgress:
			start := slices.Index(path, g.nodes[i].name)
			g.fault("cycle: %s", strings.Join(path[start:], " needs "))
			return
		}
		state[i] = inProgress
		for _, in := range g.nodes[i].inputs {
			visit(in)
		}
		state[i] = done
	}
	for i := range g.nodes {
		visit(i)
	}
}
