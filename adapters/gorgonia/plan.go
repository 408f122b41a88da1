package gorgonia

import (
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"

	"github.com/runhook/runhook/session"
)

// A plan is a list of fetches and where their values come from. The list is
// known by its first element and length, see [session.Request].
type plan struct {
	fetches  []string
	sources  []source // by fetch
	trains   bool
	computes bool
}

// A source is where the value of a fetch comes from. One of the fields is set, or
// none, for an op without a value.
type source struct {
	step     bool    // the global step before the run
	rate     bool    // the learning rate
	state    *G.Node // a learnable: its value after the update
	input    *G.Node
	output   *output
	gradient *G.Node // of this learnable
}

// maxPlans is enough for the lists that a monitored session alternates between
// and the raw runs of its hooks.
const maxPlans = 16

func (e *Engine) plan(fetches []string) (*plan, error) {
	for _, p := range e.plans {
		if len(p.fetches) == len(fetches) && (len(fetches) == 0 || &p.fetches[0] == &fetches[0]) {
			return p, nil
		}
	}
	p := &plan{fetches: fetches, sources: make([]source, len(fetches))}
	for i, name := range fetches {
		n, err := e.find(name)
		if err != nil {
			return nil, err
		}
		switch s := &p.sources[i]; {
		case name == session.TrainOp:
			p.trains, p.computes = true, true
		case name == session.GlobalStepName:
			s.step = true
		case e.isRate(name):
			s.rate = true
		case n == nil:
			s.gradient = e.learnable(strings.TrimPrefix(name, gradPrefix))
			p.computes = true
		case slices.Contains(e.config.Learnables, n):
			s.state = n
		case n.IsVar():
			s.input = n
		default:
			s.output = e.outputs[name]
			if s.output == nil || !s.output.read {
				return nil, fmt.Errorf("gorgonia: %q is computed, and was not resolved before the session was opened", name)
			}
			p.computes = true
		}
	}
	if len(e.plans) == maxPlans {
		e.plans = slices.Delete(e.plans, 0, 1)
	}
	e.plans = append(e.plans, p)
	return p, nil
}

// takeComputed stores what a run computes: it is gone after the update.
func (p *plan) takeComputed(e *Engine, values []session.Value, fed feeds) (err error) {
	for i, s := range p.sources {
		switch {
		case s.rate:
			values[i] = session.Float64(e.config.LearnRate)
			if fed.rate != nil {
				values[i] = *fed.rate
			}
		case s.output != nil:
			values[i], err = toValue(s.output.value)
		case s.gradient != nil:
			var grad G.Value
			if grad, err = s.gradient.Grad(); err == nil {
				values[i], err = toValue(grad)
			}
		case s.input != nil && !e.hasValue(s.input):
			err = errNoInput
		case s.input != nil:
			values[i], err = toValue(s.input.Value())
		}
		if err != nil {
			return fmt.Errorf("fetch %q: %w", p.fetches[i], err)
		}
	}
	return nil
}

// takeState stores what outlives runs.
func (p *plan) takeState(values []session.Value, step int64) (err error) {
	for i, s := range p.sources {
		switch {
		case s.step:
			values[i] = session.Int64(step)
		case s.state != nil:
			if values[i], err = toValue(s.state.Value()); err != nil {
				return fmt.Errorf("gorgonia: fetch %q: %w", p.fetches[i], err)
			}
		case s == (source{}):
			values[i] = session.Value{}
		}
	}
	return nil
}
