package sessiontest

import (
	"context"
	"fmt"

	"github.com/runhook/runhook/session"
)

var _ session.Saveable = (*scriptedSession)(nil)

// Variables implements [session.Saveable]: all state there is is the step.
func (s *scriptedSession) Variables(context.Context) ([]session.Variable, error) {
	if s.closed.Load() {
		return nil, session.ErrClosed
	}
	return []session.Variable{{Name: session.GlobalStepName, Value: session.Int64(s.step), Initialized: s.initialized}}, nil
}

// SetVariables implements [session.Saveable].
func (s *scriptedSession) SetVariables(_ context.Context, values map[string]session.Value) error {
	if s.closed.Load() {
		return session.ErrClosed
	}
	for name := range values {
		if name != session.GlobalStepName {
			return session.UnknownName(name, []string{session.GlobalStepName})
		}
	}
	if v, ok := values[session.GlobalStepName]; ok {
		step, ok := v.Int64()
		if !ok {
			return fmt.Errorf("sessiontest: the global step is %v of kind %v, want an int64", v, v.Kind())
		}
		s.step, s.initialized = step, true
	}
	return nil
}

// saveable checks the rule of that name.
func (c *engineCase) saveable() {
	s := c.trained()
	saved, names := s.variables()
	s.eval(c.Train)

	late, again := s.variables()
	if fmt.Sprint(names) != fmt.Sprint(again) {
		c.Errorf("Variables gives %q, then %q", names, again)
	}
	refused := cloned(saved)
	refused[c.Unknown] = session.Int64(1)
	if err := s.saveable().SetVariables(c.ctx, refused); err == nil {
		c.Errorf("SetVariables takes a value for %q, which there is not", c.Unknown)
	}
	s.holds(late, "after a SetVariables that was refused")
	s.set(saved)
	s.holds(saved, "after SetVariables")
	s.end()

	next := c.create()
	next.set(saved)
	next.holds(saved, "after SetVariables in a new session")
	if i, ok := session.Ability[session.Initializer](next.Session); ok && len(i.Uninitialized()) > 0 {
		c.Errorf("after SetVariables of all %q are uninitialized", i.Uninitialized())
	}
	next.eval(c.Train)
	next.end()
}

func (s openSession) saveable() session.Saveable {
	saveable, ok := session.Ability[session.Saveable](s.Session)
	if !ok {
		s.c.Skip("sessions are not Saveable")
	}
	return saveable
}

// variables returns copies of the values, and the names in their order.
func (s openSession) variables() (values map[string]session.Value, names []string) {
	listed, err := s.saveable().Variables(s.c.ctx)
	if err != nil {
		s.c.Fatalf("Variables: %v", err)
	}
	values = make(map[string]session.Value)
	for _, v := range listed {
		if _, twice := values[v.Name]; twice {
			s.c.Errorf("Variables gives %q twice", v.Name)
		}
		if !v.Initialized || v.Value.IsNone() {
			s.c.Errorf("after Init or SetVariables %q has no value", v.Name)
		}
		values[v.Name] = v.Value.Clone()
		names = append(names, v.Name)
	}
	return values, names
}

// set gives the session copies, which it takes over.
func (s openSession) set(values map[string]session.Value) {
	if err := s.saveable().SetVariables(s.c.ctx, cloned(values)); err != nil {
		s.c.Fatalf("SetVariables: %v", err)
	}
}

// holds reports the variables that do not have these values.
func (s openSession) holds(want map[string]session.Value, when string) {
	got, names := s.variables()
	for _, name := range names {
		if !same(want[name], got[name]) {
			s.c.Errorf("%s %q is %v, want %v", when, name, got[name], want[name])
		}
	}
}

func cloned(values map[string]session.Value) map[string]session.Value {
	out := make(map[string]session.Value, len(values))
	for name, v := range values {
		out[name] = v.Clone()
	}
	return out
}
