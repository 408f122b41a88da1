package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

var _ Saveable = (*stepSession)(nil)

// Variables returns the global step and what [StepEngine.Variable] was told of.
func (s *stepSession) Variables(ctx context.Context) ([]Variable, error) {
	if err := s.turn.Take(ctx); err != nil {
		return nil, err
	}
	defer s.turn.Give()
	step := Variable{Name: GlobalStepName, Value: Int64(s.count), Initialized: true}
	return append([]Variable{step}, s.kept...), nil
}

// SetVariables copies the values into the closure's memory. The outputs are no
// longer those of the latest step, and are forgotten.
func (s *stepSession) SetVariables(ctx context.Context, values map[string]Value) error {
	if err := s.turn.Take(ctx); err != nil {
		return err
	}
	defer s.turn.Give()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(values)) {
		errs = append(errs, s.settable(name, values[name]))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if step, ok := values[GlobalStepName].Int64(); ok {
		s.count = step
	}
	for _, v := range s.kept {
		if from, ok := values[v.Name].Tensor(); ok {
			to, _ := v.Value.Tensor()
			from.copyTo(to)
		}
	}
	s.latest = nil
	return nil
}

func (s *stepSession) settable(name string, v Value) error {
	if name == GlobalStepName {
		if _, ok := v.Int64(); !ok {
			return fmt.Errorf("session: %q is %s, want int64", name, v.describe())
		}
		return nil
	}
	i := slices.IndexFunc(s.kept, func(v Variable) bool { return v.Name == name })
	if i < 0 {
		return fmt.Errorf("session: %w", UnknownName(name, (*StepEngine)(s).variableNames()))
	}
	want, _ := s.kept[i].Value.Tensor()
	got, ok := v.Tensor()
	if !ok || got.Validate() != nil || got.DType() != want.DType() || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("session: variable %q: the value is %s, want %s", name, v.describe(), s.kept[i].Value.describe())
	}
	return nil
}

func (e *StepEngine) variableNames() []string {
	names := []string{GlobalStepName}
	for _, v := range e.kept {
		names = append(names, v.Name)
	}
	return names
}

// copyTo copies the elements of t into those of another tensor of its type and
// length.
func (t Tensor) copyTo(other Tensor) {
	switch to := other.Data.(type) {
	case []float32:
		copy(to, t.Data.([]float32))
	case []float64:
		copy(to, t.Data.([]float64))
	case []int32:
		copy(to, t.Data.([]int32))
	case []int64:
		copy(to, t.Data.([]int64))
	case []uint8:
		copy(to, t.Data.([]uint8))
	case []bool:
		copy(to, t.Data.([]bool))
	case []string:
		copy(to, t.Data.([]string))
	}
}
