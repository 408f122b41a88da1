package gomlx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/metric"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"github.com/runhook/runhook/session"
)

var errNotBuilt = errors.New("the model was not built before the first step: call Engine.Build")

// A stateVariable is a variable that training goes on from, by the name that it
// has in checkpoints.
type stateVariable struct {
	name string
	*model.Variable
}

// state returns what training goes on from, in the order of the store: not the
// sums of evaluations, gradients, and the plan of a train.Loop.
func (e *Engine) state() []stateVariable {
	var state []stateVariable
	for v := range e.trainer.Store().IterVariables() {
		if name, ok := stateName(e.trainer, v); ok {
			state = append(state, stateVariable{name, v})
		}
	}
	return state
}

var (
	stepPath    = model.JoinPath("/", optimizer.GlobalStepVariableName)
	planPath    = model.JoinPath(train.TrainerAbsoluteScope, train.TrainLastStepVarName)
	metricsPath = model.JoinPath("/", metric.Scope) + model.ScopeSeparator
)

// stateName returns the name that a variable has in checkpoints; ok is false for
// what does not belong there. Metrics keep their sums in scopes with a random
// name, in place of which stands the short name.
func stateName(trainer *train.Trainer, v *model.Variable) (name string, ok bool) {
	path := v.Path()
	if _, watched := watchedBy(v); watched || path == planPath {
		return "", false
	}
	if path == stepPath {
		return session.GlobalStepName, true
	}
	inMetrics, ok := strings.CutPrefix(path, metricsPath)
	if !ok {
		return path, true
	}
	for _, m := range trainer.TrainMetrics() {
		if rest, ok := strings.CutPrefix(inMetrics, m.ScopeName()+model.ScopeSeparator); ok {
			return metricsPath + m.ShortName() + model.ScopeSeparator + rest, true
		}
	}
	return "", false
}

// Variables implements [session.Saveable]. The values are views of the trainer's
// memory. Of gradients that are being accumulated it has the sums, but not how
// many they are: after a restore, the first update comes after all its steps.
func (s *engineSession) Variables(ctx context.Context) (_ []session.Variable, err error) {
	e := s.engine
	if err := e.turn.Take(ctx); err != nil {
		return nil, err
	}
	defer e.turn.Give()
	defer recovered("reading the variables", &err)
	if !e.built {
		return nil, fmt.Errorf("gomlx: %w", errNotBuilt)
	}
	var variables []session.Variable
	for _, v := range e.state() {
		out := session.Variable{Name: v.name, Initialized: v.HasValue()}
		if out.Initialized {
			value, err := v.Value()
			if err == nil {
				out.Value, err = toValue(value, false)
			}
			if err != nil {
				return nil, fmt.Errorf("gomlx: variable %q: %w", v.name, err)
			}
		}
		variables = append(variables, out)
	}
	return variables, nil
}

// SetVariables implements [session.Saveable].
func (s *engineSession) SetVariables(ctx context.Context, values map[string]session.Value) (err error) {
	e := s.engine
	if err := e.turn.Take(ctx); err != nil {
		return err
	}
	defer e.turn.Give()
	defer recovered("setting the variables", &err)
	if !e.built {
		return fmt.Errorf("gomlx: %w", errNotBuilt)
	}
	known := make(map[string]*model.Variable)
	for _, v := range e.state() {
		known[v.name] = v.Variable
	}
	made := make(assignment)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := known[name]
		if v == nil {
			errs = append(errs, fmt.Errorf("gomlx: %w", session.UnknownName(name, slices.Collect(maps.Keys(known)))))
			continue
		}
		value, err := fromValue(values[name], v.Shape())
		if err != nil {
			errs = append(errs, fmt.Errorf("gomlx: variable %q: %w", name, err))
		}
		made[v] = value
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return e.assign(made)
}

// An assignment is new values of variables.
type assignment map[*model.Variable]*tensors.Tensor

// assign gives variables the values. What the engine knows of the latest step is
// no longer so, and forgotten.
func (e *Engine) assign(values assignment) error {
	e.metrics = nil
	for t := range e.kept {
		e.kept[t] = session.Value{}
	}
	var errs []error
	for v, value := range values {
		errs = append(errs, v.SetValue(value))
	}
	return errors.Join(errs...)
}
