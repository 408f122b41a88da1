package graph

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/runhook/runhook/session"
)

// Variables returns the variables in the order in which they were added. One
// that is not initialised comes with a new initial value.
func (s *graphSession) Variables(context.Context) ([]session.Variable, error) {
	if s.variables == nil {
		return nil, session.ErrClosed
	}
	var all []session.Variable
	for i, n := range s.graph.nodes {
		if n.kind != variable {
			continue
		}
		v := session.Variable{Name: n.name, Value: s.variables[i], Initialized: !s.variables[i].IsNone()}
		if !v.Initialized {
			v.Value = n.initial()
		}
		all = append(all, v)
	}
	return all, nil
}

// SetVariables refuses what an assignment would refuse.
func (s *graphSession) SetVariables(_ context.Context, values map[string]session.Value) error {
	if s.variables == nil {
		return session.ErrClosed
	}
	var errs []error
	at := make(map[int]session.Value, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i, err := s.settable(name, values[name])
		errs = append(errs, err)
		at[i] = values[name]
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, v := range at {
		s.variables[i] = v
	}
	return nil
}

// settable returns the variable of that name, if it may hold v.
func (s *graphSession) settable(name string, v session.Value) (int, error) {
	i, err := s.graph.find(name)
	if err != nil {
		return 0, fmt.Errorf("graph: %w", err)
	}
	n, now := s.graph.nodes[i], s.variables[i]
	if n.kind != variable {
		return 0, fmt.Errorf("graph: %q is %s, want a variable", name, n.kind.withArticle())
	}
	if v.IsNone() {
		return 0, fmt.Errorf("graph: variable %q: the value is none", name)
	}
	if !now.IsNone() && !sameType(v, now) {
		return 0, fmt.Errorf("graph: variable %q: the value is %s, the variable %s", name, typeOf(v), typeOf(now))
	}
	if t, ok := v.Tensor(); ok {
		if err := t.Validate(); err != nil {
			return 0, fmt.Errorf("graph: variable %q: %w", name, err)
		}
	}
	return i, nil
}
