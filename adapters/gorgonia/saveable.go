package gorgonia

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	G "gorgonia.org/gorgonia"

	"github.com/runhook/runhook/session"
)

var _ session.Saveable = (*engineSession)(nil)

// Variables implements [session.Saveable]: the global step and the learnables, by
// the names of their nodes. The solver's own state is not among them.
func (s *engineSession) Variables(ctx context.Context) ([]session.Variable, error) {
	e := (*Engine)(s)
	if err := e.turn.Take(ctx); err != nil {
		return nil, err
	}
	defer e.turn.Give()
	variables := []session.Variable{{Name: session.GlobalStepName, Value: session.Int64(e.step), Initialized: true}}
	for _, n := range e.config.Learnables {
		v, err := toValue(n.Value())
		if err != nil {
			return nil, fmt.Errorf("gorgonia: variable %q: %w", n.Name(), err)
		}
		variables = append(variables, session.Variable{Name: n.Name(), Value: v, Initialized: true})
	}
	return variables, nil
}

// SetVariables implements [session.Saveable].
func (s *engineSession) SetVariables(ctx context.Context, values map[string]session.Value) (err error) {
	e := (*Engine)(s)
	if err := e.turn.Take(ctx); err != nil {
		return err
	}
	defer e.turn.Give()
	defer recovered("setting the variables", &err)
	step, made := e.step, make(map[*G.Node]G.Value)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		if name == session.GlobalStepName {
			var ok bool
			if step, ok = v.Int64(); !ok {
				errs = append(errs, fmt.Errorf("gorgonia: variable %q: got a %v, want an int64", name, v.Kind()))
			}
			continue
		}
		n := e.learnable(name)
		if n == nil {
			errs = append(errs, fmt.Errorf("gorgonia: %w", session.UnknownName(name, e.variableNames())))
			continue
		}
		value, err := fromValue(v, n)
		if err != nil {
			errs = append(errs, fmt.Errorf("gorgonia: variable %q: %w", name, err))
		}
		made[n] = value
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	e.step = step
	for n, value := range made {
		// Into the memory that the machine and the solver know.
		if _, err := G.Copy(n.Value(), value); err != nil {
			errs = append(errs, fmt.Errorf("gorgonia: variable %q: %w", n.Name(), err))
		}
	}
	return errors.Join(errs...)
}

func (e *Engine) variableNames() []string {
	names := []string{session.GlobalStepName}
	for _, n := range e.config.Learnables {
		names = append(names, n.Name())
	}
	return names
}
