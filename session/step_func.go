package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// The names that every [StepEngine] has.
const (
	TrainOp        = "train"
	GlobalStepName = "global_step"
)

// A StepEngine is an [Engine] made of one closure: see [StepFunc].
type StepEngine struct {
	step    func(ctx context.Context, out []Value) error
	names   []string // train, global_step, then the outputs
	invalid error

	kept   []Variable
	turn   Turn // several sessions share the state
	count  int64
	latest []Value // the outputs of the latest step; nil before the first
	next   []Value
	asked  []int // by the run in progress, indexes in names
}

var _ Engine = (*StepEngine)(nil)

// StepFunc makes an engine of a closure that does one training step: the body
// of somebody's loop. outputs are the names of what it computes; it stores
// their values in out, which has their length and order. It returns io.EOF when
// the input has ended.
//
// Fetching "train" runs the closure, once, and adds 1 to "global_step"; fetched
// with it, the outputs are those of this step and the global step is the one
// before. Without it they are answered from the latest step, and before the
// first step outputs are an error. A step that fails counts for nothing. Step
// and outputs outlive sessions. Nothing can be fed. What a [Saver] saves is the
// step and what [StepEngine.Variable] was told of.
func StepFunc(step func(ctx context.Context, out []Value) error, outputs ...string) *StepEngine {
	e := &StepEngine{
		step:  step,
		names: append([]string{TrainOp, GlobalStepName}, outputs...),
		next:  make([]Value, len(outputs)),
	}
	var errs []error
	if step == nil {
		errs = append(errs, errors.New("session: StepFunc: the function is nil"))
	}
	for i, name := range e.names {
		switch {
		case name == "":
			errs = append(errs, fmt.Errorf("session: StepFunc: output %d has no name", i-2))
		case slices.Contains(e.names[:i], name):
			errs = append(errs, fmt.Errorf("session: StepFunc: output name %q is used twice", name))
		}
	}
	e.invalid = errors.Join(errs...)
	return e
}

// Variable makes the closure's own memory a variable, which is saved from there
// and restored into it: the data of tensor, which the closure changes in place.
// It is called before Finalize, and returns e.
func (e *StepEngine) Variable(name string, tensor Value) *StepEngine {
	t, ok := tensor.Tensor()
	err := t.Validate()
	switch {
	case name == "":
		err = errors.New("no name")
	case slices.Contains(e.variableNames(), name):
		err = errors.New("the name is used twice")
	case !ok:
		err = fmt.Errorf("the value is %s, want a tensor over the function's memory", tensor.describe())
	}
	if err != nil {
		e.invalid = errors.Join(e.invalid, fmt.Errorf("session: StepFunc: variable %q: %w", name, err))
	}
	e.kept = append(e.kept, Variable{Name: name, Value: tensor, Initialized: true})
	return e
}

// Resolve accepts "train", "global_step" and the outputs.
func (e *StepEngine) Resolve(name string) error {
	_, err := e.index(name)
	return err
}

func (e *StepEngine) index(name string) (int, error) {
	i := slices.Index(e.names, name)
	if i < 0 {
		return 0, UnknownName(name, e.names)
	}
	return i, nil
}

// GlobalStep returns "global_step".
func (e *StepEngine) GlobalStep() string { return GlobalStepName }

// Finalize reports what was wrong with the arguments of [StepFunc].
func (e *StepEngine) Finalize(context.Context) error { return e.invalid }

// NewSession returns a session that goes on where the one before left off, or
// what Finalize reports.
func (e *StepEngine) NewSession(context.Context) (Session, error) {
	if e.invalid != nil {
		return nil, e.invalid
	}
	return (*stepSession)(e), nil
}

// A stepSession has no state of its own.
type stepSession StepEngine

func (s *stepSession) Run(ctx context.Context, req *Request) error {
	e := (*StepEngine)(s)
	if len(req.Feeds) > 0 {
		return e.refuse(req.Feeds)
	}
	if err := s.turn.Take(ctx); err != nil {
		return err
	}
	defer e.turn.Give()
	before := e.count
	e.asked = e.asked[:0]
	for _, name := range req.Fetches {
		i, err := e.index(name)
		if err != nil {
			return err
		}
		e.asked = append(e.asked, i)
	}
	if slices.Contains(e.asked, 0) {
		clear(e.next)
		if err := e.step(ctx, e.next); err != nil {
			return err
		}
		if e.latest == nil {
			e.latest = make([]Value, len(e.next))
		}
		e.latest, e.next = e.next, e.latest
		e.count++
	}
	for at, i := range e.asked {
		switch {
		case i == 0:
			req.Values[at] = Value{}
		case i == 1:
			req.Values[at] = Int64(before)
		case e.latest == nil:
			return fmt.Errorf("session: %q has %w before the first step", e.names[i], ErrNoValue)
		default:
			req.Values[at] = e.latest[i-2]
		}
	}
	return nil
}

func (e *StepEngine) refuse(feeds Feeds) error {
	name := slices.Min(slices.Collect(maps.Keys(feeds)))
	if err := e.Resolve(name); err != nil {
		return err
	}
	return fmt.Errorf("session: %q is computed by a step function and cannot be fed", name)
}

func (s *stepSession) Close() error { return nil }
