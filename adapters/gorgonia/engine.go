// Package gorgonia makes an engine of a Gorgonia graph: hooks fetch its nodes by
// name, gradients as "grad:<node>", and feed its placeholders.
//
//	session.Run ─▶ Next, feeds ─▶ RunAll ─▶ copy what is fetched ─▶ Solver.Step ─▶ Reset
//
// Nodes are known by the names that gorgonia.WithName gives them. What hooks
// resolve in Begin is read: the reads are put into the graph, and the machine is
// built, when the session is opened. So the engine makes the machine itself.
//
// "train" makes one step: it fetches the next batch, runs the graph and lets the
// solver update the learnables. "global_step" counts the steps. A learnable that
// is fetched with a step has its value after it, everything else is as the step
// has computed it. "learning_rate" is the solver's, if the config tells it. A run
// without "train" computes what is fetched from the inputs as they are, and leaves
// the learnables, their gradients and the solver alone.
package gorgonia

import (
	"context"
	"errors"
	"fmt"
	"strings"

	_ "go4.org/unsafe/assume-no-moving-gc" // the version that knows this Go; Gorgonia's own panics
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/runhook/runhook/session"
)

// gradPrefix begins the names of gradients.
const gradPrefix = "grad:"

// LearningRate is the name of the solver's learning rate, see Config.LearnRate.
const LearningRate = "learning_rate"

// Config describes an [Engine].
type Config struct {
	// Graph is complete, with its gradients. The engine adds reads to it. Required.
	Graph *G.ExprGraph
	// Learnables are the variables that the solver updates. They have names and
	// values, and gorgonia.Grad was called for them. Required.
	Learnables G.Nodes
	// Solver updates the learnables. Required.
	Solver G.Solver
	// LearnRate is that which Solver was made with. It makes the rate known as
	// [LearningRate], to be fetched, and to be fed for one step; it is one of the
	// solvers that gorgonia.WithLearnRate knows then. 0: the rate is not known.
	LearnRate float64
	// Next gives the inputs the values of the next batch, by gorgonia.Let, before
	// each step. It returns exactly io.EOF when there is none. nil: the inputs are
	// fed, or keep their values.
	Next func(ctx context.Context) error
}

func (c Config) validate() error {
	var errs []error
	if c.Graph == nil {
		errs = append(errs, errors.New("gorgonia: Config: Graph is nil"))
	}
	if c.Solver == nil {
		errs = append(errs, errors.New("gorgonia: Config: Solver is nil"))
	}
	if len(c.Learnables) == 0 {
		errs = append(errs, errors.New("gorgonia: Config: Learnables is empty"))
	}
	if c.LearnRate < 0 {
		errs = append(errs, fmt.Errorf("gorgonia: Config: LearnRate is %v, want a positive number or 0 (not known)", c.LearnRate))
	}
	taken := map[string]bool{"": true, session.TrainOp: true, session.GlobalStepName: true, LearningRate: c.LearnRate > 0}
	for i, n := range c.Learnables {
		if n == nil {
			errs = append(errs, fmt.Errorf("gorgonia: Config: Learnables[%d] is nil", i))
			continue
		}
		if taken[n.Name()] {
			errs = append(errs, fmt.Errorf("gorgonia: Config: Learnables[%d] has the name %q, want one of its own", i, n.Name()))
		}
		taken[n.Name()] = true
		switch {
		case n.Graph() != c.Graph:
			errs = append(errs, fmt.Errorf("gorgonia: Config: Learnables[%d] (%q) is not in Graph", i, n.Name()))
		case n.Value() == nil:
			errs = append(errs, fmt.Errorf("gorgonia: Config: Learnables[%d] (%q) has no value, give it one by WithInit or WithValue", i, n.Name()))
		}
	}
	return errors.Join(errs...)
}

// An Engine is a [session.Engine] over a Gorgonia graph. Its state, the values of
// the learnables and the global step, outlives sessions, which use it in turn.
//
// The solver's own state (moments, of Adam for example) cannot be read from
// Gorgonia: a checkpoint does not have it, and training that goes on from one
// begins with a new solver's.
type Engine struct {
	config  Config
	outputs map[string]*output // by name: what has been resolved and is computed
	machine G.VM
	stale   bool // the machine does not have all outputs
	step    int64
	grads   []G.ValueGrad       // the learnables
	fed     map[*G.Node]G.Value // what inputs without a value of their own were fed last
	plans   []*plan
	turn    session.Turn // of the sessions, which share the state
}

// An output is a node that is computed, and its value after each run.
type output struct {
	node  *G.Node
	read  bool // there is a read of it in the graph
	value G.Value
}

var (
	_ session.Engine         = (*Engine)(nil)
	_ session.GraphDescriber = (*Engine)(nil)
)

// New returns an engine, or all that is wrong with its config.
func New(config Config) (*Engine, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &Engine{
		config:  config,
		outputs: make(map[string]*output),
		stale:   true,
		grads:   G.NodesToValueGrads(config.Learnables),
		fed:     make(map[*G.Node]G.Value),
	}, nil
}

// GlobalStep returns "global_step".
func (e *Engine) GlobalStep() string { return session.GlobalStepName }

// Resolve accepts "train", "global_step", "learning_rate", the names of nodes, and gradients of
// learnables. A node that is computed has to be resolved before the session that
// fetches it is opened.
func (e *Engine) Resolve(name string) error {
	n, err := e.find(name)
	if err != nil || n == nil || n.IsVar() {
		return err
	}
	if e.outputs[name] == nil {
		e.outputs[name] = &output{node: n}
		e.stale = true
	}
	return nil
}

// find returns the node of a name; nil for names that are no nodes.
func (e *Engine) find(name string) (*G.Node, error) {
	if name == session.TrainOp || name == session.GlobalStepName || e.isRate(name) {
		return nil, nil
	}
	if learnable, ok := strings.CutPrefix(name, gradPrefix); ok {
		if e.learnable(learnable) == nil {
			return nil, e.unknown(name)
		}
		return nil, nil
	}
	switch nodes := e.config.Graph.ByName(name); len(nodes) {
	case 0:
		return nil, e.unknown(name)
	case 1:
		return nodes[0], nil
	default:
		return nil, fmt.Errorf("gorgonia: %d nodes of the graph are named %q", len(nodes), name)
	}
}

// isRate reports whether name is that of the learning rate.
func (e *Engine) isRate(name string) bool { return name == LearningRate && e.config.LearnRate > 0 }

func (e *Engine) learnable(name string) *G.Node {
	for _, n := range e.config.Learnables {
		if n.Name() == name {
			return n
		}
	}
	return nil
}

// unknown is the error for a name that there is not.
func (e *Engine) unknown(name string) error {
	known := []string{session.TrainOp, session.GlobalStepName}
	if e.isRate(LearningRate) {
		known = append(known, LearningRate)
	}
	for _, n := range e.config.Learnables {
		known = append(known, gradPrefix+n.Name())
	}
	for _, n := range e.config.Graph.AllNodes() {
		if e.isNamed(n) {
			known = append(known, n.Name())
		}
	}
	return session.UnknownName(name, known)
}

// isNamed reports whether n has a name of its own that is no other's.
func (e *Engine) isNamed(n *G.Node) bool {
	return !isRead(n) && len(e.config.Graph.ByName(n.Name())) == 1
}

// isRead reports whether n is a read that an engine has put into the graph.
func isRead(n *G.Node) bool { return strings.HasPrefix(n.Name(), "read ") }

// Finalize puts the reads of what was resolved into the graph and builds the
// machine, again if there is something new.
func (e *Engine) Finalize(context.Context) (err error) {
	if !e.stale {
		return nil
	}
	defer recovered("building the machine", &err)
	if e.machine != nil {
		if err := e.machine.Close(); err != nil {
			return fmt.Errorf("gorgonia: closing the machine before: %w", err)
		}
		e.machine = nil
	}
	for _, o := range e.outputs {
		if !o.read {
			G.Read(o.node, &o.value)
			o.read = true
		}
	}
	e.plans = nil
	e.machine = G.NewTapeMachine(e.config.Graph, G.BindDualValues(e.config.Learnables...))
	e.stale = false
	return nil
}

// NewSession returns a session that goes on where the one before left off.
func (e *Engine) NewSession(ctx context.Context) (session.Session, error) {
	if err := e.Finalize(ctx); err != nil {
		return nil, err
	}
	return (*engineSession)(e), nil
}

// recovered makes an error of a panic: Gorgonia reports some mistakes so.
func recovered(doing string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("gorgonia: %s: panic: %v", doing, p)
	}
}

// DescribeGraph returns the nodes of the graph, without the reads. A node that
// has no name of its own is called after what it does.
func (e *Engine) DescribeGraph() []session.GraphNode {
	var described []session.GraphNode
	nodes := e.config.Graph.AllNodes()
	names := make(map[int64]string, len(nodes))
	for _, n := range nodes {
		names[n.ID()] = n.Name()
		if !e.isNamed(n) {
			names[n.ID()] = fmt.Sprintf("%s_%d", e.operation(n), n.ID())
		}
	}
	for _, n := range nodes {
		if isRead(n) {
			continue
		}
		d := session.GraphNode{Name: names[n.ID()], Op: e.operation(n), Outputs: outputs(n)}
		for children := e.config.Graph.From(n.ID()); children.Next(); {
			d.Inputs = append(d.Inputs, names[children.Node().ID()])
		}
		described = append(described, d)
	}
	return described
}

// outputs is the type of a node that is a number or a tensor of numbers.
func outputs(n *G.Node) []session.GraphOutput {
	element := n.Type()
	if t, ok := element.(G.TensorType); ok {
		element = t.Of
	}
	dtype, ok := element.(tensor.Dtype)
	if !ok {
		return nil
	}
	return []session.GraphOutput{{DType: dtype.String(), Shape: append([]int{}, n.Shape()...)}}
}

// operation names what a node does, as far as Gorgonia tells.
func (e *Engine) operation(n *G.Node) string {
	switch {
	case e.learnable(n.Name()) == n:
		return "Variable"
	case n.IsVar():
		return "Placeholder"
	case e.isNamed(n):
		return "Op"
	}
	name, _, _ := strings.Cut(n.Name(), "(")
	clean := func(r rune) rune {
		if r == ' ' || r == '/' {
			return '_'
		}
		return r
	}
	return strings.Map(clean, strings.TrimSpace(name))
}
