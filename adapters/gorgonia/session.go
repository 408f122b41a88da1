package gorgonia

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	G "gorgonia.org/gorgonia"

	"github.com/runhook/runhook/session"
)

var errNoInput = errors.New("has no value: feed it, or let Config.Next give it one")

// An engineSession has no state of its own.
type engineSession Engine

// Run implements [session.Session]. A step that has begun is made to its end,
// whatever becomes of ctx.
func (s *engineSession) Run(ctx context.Context, req *session.Request) (err error) {
	e := (*Engine)(s)
	if err := e.turn.Take(ctx); err != nil {
		return err
	}
	defer e.turn.Give()
	p, err := e.plan(req.Fetches)
	if err != nil {
		return err
	}
	fed, err := e.feeds(req.Feeds)
	if err != nil {
		return err
	}
	defer recovered("a run", &err)
	if p.trains && e.config.Next != nil {
		switch err := e.config.Next(ctx); {
		case err == io.EOF:
			return io.EOF
		case err != nil:
			return fmt.Errorf("gorgonia: the next batch: %w", err)
		}
	}
	defer e.unfeed(fed)
	if err := e.feed(fed); err != nil {
		return err
	}
	if !p.computes {
		if err := p.takeComputed(e, req.Values, fed); err != nil {
			return fmt.Errorf("gorgonia: %w", err)
		}
		return p.takeState(req.Values, e.step)
	}
	return e.compute(p, req, fed)
}

// compute runs the graph, and makes a step if that is asked for.
func (e *Engine) compute(p *plan, req *session.Request, fed feeds) error {
	if err := e.checkInputs(); err != nil {
		return err
	}
	step := e.step
	start := time.Now()
	defer e.machine.Reset()
	err := e.machine.RunAll()
	if err == nil {
		err = p.takeComputed(e, req.Values, fed)
	}
	if err != nil || !p.trains {
		e.clearGradients()
	} else if err = e.config.Solver.Step(e.grads); err == nil {
		e.step++
	}
	if err != nil {
		return fmt.Errorf("gorgonia: %w", err)
	}
	if req.Metadata != nil && req.Options != nil && req.Options.TraceLevel != session.NoTrace {
		// Gorgonia tells no more than this.
		req.Metadata.Nodes = append(req.Metadata.Nodes, session.NodeStats{Name: "RunAll", Start: start, Duration: time.Since(start)})
	}
	return p.takeState(req.Values, step)
}

// clearGradients takes away what a run has added to the gradients.
func (e *Engine) clearGradients() {
	for _, n := range e.config.Learnables {
		if grad, err := n.Grad(); err == nil && grad != nil {
			G.ZeroValue(grad)
		}
	}
}

// checkInputs names an input without a value.
func (e *Engine) checkInputs() error {
	for _, n := range e.config.Graph.Inputs() {
		if n.IsVar() && !e.hasValue(n) {
			return fmt.Errorf("gorgonia: input %q %w", n.Name(), errNoInput)
		}
	}
	return nil
}

// Close does nothing: the state and the machine are the engine's.
func (s *engineSession) Close() error { return nil }

// hasValue reports whether an input has a value that is more than what an earlier
// run was fed, which Gorgonia cannot take away again.
func (e *Engine) hasValue(n *G.Node) bool { return n.Value() != nil && n.Value() != e.fed[n] }

// feeds are what a run is fed.
type feeds struct {
	inputs []input
	rate   *session.Value // nil: it is not fed
}

// An input is a placeholder that is fed for one run.
type input struct {
	name   string
	node   *G.Node
	fed    G.Value
	before G.Value // nil: it had no value
}

// feeds makes ready what is fed, in order of the names.
func (e *Engine) feeds(given session.Feeds) (fed feeds, err error) {
	if len(given) == 0 {
		return fed, nil
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		v := given[name]
		n, err := e.find(name)
		if err != nil {
			return fed, fmt.Errorf("gorgonia: feed: %w", err)
		}
		if e.isRate(name) {
			if _, ok := v.Float64(); !ok {
				return fed, fmt.Errorf("gorgonia: feed %q: got a %v, want a float", name, v.Kind())
			}
			fed.rate = &v
			continue
		}
		if n == nil || !n.IsVar() || slices.Contains(e.config.Learnables, n) {
			return fed, fmt.Errorf("gorgonia: %q is no placeholder and cannot be fed", name)
		}
		value, err := fromValue(v, n)
		if err != nil {
			return fed, fmt.Errorf("gorgonia: feed %q: %w", name, err)
		}
		fed.inputs = append(fed.inputs, input{name: name, node: n, fed: value})
	}
	return fed, nil
}

func (e *Engine) feed(fed feeds) error {
	if fed.rate != nil {
		rate, _ := fed.rate.Float64()
		G.WithLearnRate(rate)(e.config.Solver)
	}
	for i := range fed.inputs {
		in := &fed.inputs[i]
		if e.hasValue(in.node) {
			in.before = in.node.Value()
		}
		delete(e.fed, in.node)
		if err := G.Let(in.node, in.fed); err != nil {
			return fmt.Errorf("gorgonia: feed %q: %w", in.name, err)
		}
	}
	return nil
}

// unfeed gives the inputs and the solver their values back.
func (e *Engine) unfeed(fed feeds) {
	if fed.rate != nil {
		G.WithLearnRate(e.config.LearnRate)(e.config.Solver)
	}
	for _, in := range fed.inputs {
		switch {
		case in.node.Value() != in.fed: // feed has not come to it
		case in.before == nil:
			e.fed[in.node] = in.fed
		default:
			_ = G.Let(in.node, in.before) // of the type and shape that it has had
		}
	}
}
