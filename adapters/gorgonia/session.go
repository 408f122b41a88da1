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

// take waits until no other session uses the engine.
func (e *Engine) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case e.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run implements [session.Session]. A step that has begun is made to its end,
// whatever becomes of ctx.
func (s *engineSession) Run(ctx context.Context, req *session.Request) (err error) {
	e := (*Engine)(s)
	if err := e.take(ctx); err != nil {
		return err
	}
	defer func() { <-e.busy }()
	p, err := e.plan(req.Fetches)
	if err != nil {
		return err
	}
	inputs, err := e.inputs(req.Feeds)
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
	defer e.unfeed(inputs)
	if err := e.feed(inputs); err != nil {
		return err
	}
	if !p.computes {
		if err := p.takeComputed(req.Values); err != nil {
			return err
		}
		return p.takeState(req.Values, e.step)
	}
	return e.compute(p, req)
}

// compute runs the graph, and makes a step if that is asked for.
func (e *Engine) compute(p *plan, req *session.Request) error {
	if err := e.checkInputs(); err != nil {
		return err
	}
	step := e.step
	start := time.Now()
	defer e.machine.Reset()
	err := e.machine.RunAll()
	if err == nil {
		err = p.takeComputed(req.Values)
	}
	if err != nil || !p.trains {
		e.clearGradients()
	} else if err = e.config.Solver.Step(e.grads); err == nil {
		e.step++
	}
	if err != nil {
		return fmt.Errorf("gorgonia: %w", err)
	}
	if req.Metadata != nil && req.Options != nil && req.Options.TraceLevel == session.FullTrace {
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
		if n.IsVar() && n.Value() == nil {
			return fmt.Errorf("gorgonia: input %q %w", n.Name(), errNoInput)
		}
	}
	return nil
}

// Close does nothing: the state and the machine are the engine's.
func (s *engineSession) Close() error { return nil }

// An input is a placeholder that is fed for one run.
type input struct {
	name   string
	node   *G.Node
	fed    G.Value
	before G.Value // nil: it had no value
}

// inputs makes ready what is fed, in order of the names.
func (e *Engine) inputs(feeds session.Feeds) ([]input, error) {
	if len(feeds) == 0 {
		return nil, nil
	}
	inputs := make([]input, 0, len(feeds))
	for _, name := range slices.Sorted(maps.Keys(feeds)) {
		n, err := e.find(name)
		if err != nil {
			return nil, fmt.Errorf("gorgonia: feed: %w", err)
		}
		if n == nil || !n.IsVar() || slices.Contains(e.config.Learnables, n) {
			return nil, fmt.Errorf("gorgonia: %q is no placeholder and cannot be fed", name)
		}
		v, err := fromValue(feeds[name], n)
		if err != nil {
			return nil, fmt.Errorf("gorgonia: feed %q: %w", name, err)
		}
		inputs = append(inputs, input{name: name, node: n, fed: v})
	}
	return inputs, nil
}

func (e *Engine) feed(inputs []input) error {
	for i := range inputs {
		in := &inputs[i]
		in.before = in.node.Value()
		if err := G.Let(in.node, in.fed); err != nil {
			return fmt.Errorf("gorgonia: feed %q: %w", in.name, err)
		}
	}
	return nil
}

// unfeed gives the inputs their values back.
func (e *Engine) unfeed(inputs []input) {
	for _, in := range inputs {
		if in.before != nil {
			_ = G.Let(in.node, in.before) // of the type and shape that it has had
		}
	}
}
