package gorgonia

import (
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/runhook/runhook/session"
)

// toValue returns a copy of v: Gorgonia computes into the same memory each time.
func toValue(v G.Value) (session.Value, error) {
	if v == nil {
		return session.Value{}, fmt.Errorf("it was not computed")
	}
	if t, ok := v.(tensor.Tensor); ok && !t.Shape().IsScalar() {
		return tensorValue(t)
	}
	switch x := v.Data().(type) {
	case float32:
		return session.Float32(x), nil
	case float64:
		return session.Float64(x), nil
	case int:
		return session.Int64(int64(x)), nil
	case int32:
		return session.Int64(int64(x)), nil
	case int64:
		return session.Int64(x), nil
	case uint8:
		return session.Int64(int64(x)), nil
	case bool:
		return session.Bool(x), nil
	}
	return session.Value{}, fmt.Errorf("values of type %T are not supported", v.Data())
}

func tensorValue(t tensor.Tensor) (session.Value, error) {
	if dense, ok := t.(*tensor.Dense); ok && dense.RequiresIterator() {
		t = dense.Materialize() // a view of another's memory
	}
	shape := slices.Clone([]int(t.Shape()))
	switch data := t.Data().(type) {
	case []float32:
		return session.TensorOf(slices.Clone(data), shape...), nil
	case []float64:
		return session.TensorOf(slices.Clone(data), shape...), nil
	case []int:
		wide := make([]int64, len(data))
		for i, x := range data {
			wide[i] = int64(x)
		}
		return session.TensorOf(wide, shape...), nil
	case []int32:
		return session.TensorOf(slices.Clone(data), shape...), nil
	case []int64:
		return session.TensorOf(slices.Clone(data), shape...), nil
	case []uint8:
		return session.TensorOf(slices.Clone(data), shape...), nil
	case []bool:
		return session.TensorOf(slices.Clone(data), shape...), nil
	}
	return session.Value{}, fmt.Errorf("tensors of %v are not supported", t.Dtype())
}

// fromValue returns v, copied, as what n holds.
func fromValue(v session.Value, n *G.Node) (G.Value, error) {
	if t, ok := v.Tensor(); ok {
		if err := t.Validate(); err != nil {
			return nil, err
		}
		backing := v.Clone()
		data, _ := backing.Tensor()
		made := tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(data.Data))
		if made.Dtype() != n.Dtype() || !n.Shape().Eq(made.Shape()) {
			return nil, fmt.Errorf("got a %v tensor of shape %v, want %v of shape %v", made.Dtype(), made.Shape(), n.Dtype(), n.Shape())
		}
		return made, nil
	}
	number, ok := v.Number()
	if !ok || !n.IsScalar() {
		return nil, fmt.Errorf("got a %v, want %v of shape %v", v.Kind(), n.Dtype(), n.Shape())
	}
	switch n.Dtype() {
	case tensor.Float32:
		return G.NewF32(float32(number)), nil
	case tensor.Float64:
		return G.NewF64(number), nil
	case tensor.Int64:
		return G.NewI64(int64(number)), nil
	case tensor.Int32:
		return G.NewI32(int32(number)), nil
	case tensor.Int:
		return G.NewI(int(number)), nil
	}
	return nil, fmt.Errorf("scalars of %v cannot be fed", n.Dtype())
}
