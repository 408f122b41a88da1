package gomlx

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/runhook/runhook/session"
)

// toValue returns what t holds, a tensor's data as a copy or, if it has a type of
// package session, as a view that is valid until t is changed. Floats of 16 bits
// become float32, narrow integers int32, uint32 and the bits of uint64 int64.
func toValue(t *tensors.Tensor, copied bool) (v session.Value, err error) {
	shape := t.Shape()
	if shape.DType.IsPacked() {
		return v, fmt.Errorf("tensors of %v are not supported", shape.DType)
	}
	accessErr := t.ConstFlatData(func(flat any) {
		data, own := hostData(flat)
		out := session.Tensor{Shape: shape.Dimensions, Data: data}
		switch {
		case out.DType() == session.InvalidType && shape.Size() > 0:
			err = fmt.Errorf("tensors of %v are not supported", shape.DType)
		case shape.IsScalar():
			v = out.At(0)
		case own:
			v = session.TensorValue(out)
		case copied:
			v = session.TensorValue(out.Clone())
		default:
			v = session.TensorValue(session.Tensor{Shape: slices.Clone(out.Shape), Data: data})
		}
	})
	if accessErr != nil {
		return v, accessErr
	}
	return v, err
}

// hostData returns flat as a slice of a type that a [session.Tensor] can have; own
// tells that it was made for it.
func hostData(flat any) (data any, own bool) {
	switch flat := flat.(type) {
	case []int8:
		return widened[int32](flat), true
	case []int16:
		return widened[int32](flat), true
	case []uint16:
		return widened[int32](flat), true
	case []uint32:
		return widened[int64](flat), true
	case []uint64:
		return widened[int64](flat), true
	case []float16.Float16:
		return float32s(flat), true
	case []bfloat16.BFloat16:
		return float32s(flat), true
	}
	return flat, false
}

type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

func widened[To, From integer](from []From) []To {
	to := make([]To, len(from))
	for i, x := range from {
		to[i] = To(x)
	}
	return to
}

func float32s[From interface{ Float32() float32 }](from []From) []float32 {
	to := make([]float32, len(from))
	for i, x := range from {
		to[i] = x.Float32()
	}
	return to
}

// fromValue returns v as a tensor of this shape: the reverse of toValue. A scalar
// float may be wider than it.
func fromValue(v session.Value, shape shapes.Shape) (*tensors.Tensor, error) {
	from, err := tensorOf(v)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(from.Shape, shape.Dimensions) {
		return nil, fmt.Errorf("got a %v tensor of shape %v, want %v of shape %v", from.DType(), from.Shape, shape.DType, shape.Dimensions)
	}
	t := tensors.FromShape(shape)
	fits := true
	if err := t.MutableFlatData(func(flat any) { fits = fill(flat, from.Data) }); err != nil {
		return nil, err
	}
	if !fits {
		return nil, fmt.Errorf("got %v, want %v", v, shape.DType)
	}
	return t, nil
}

// tensorOf returns v as a tensor, a scalar float as float32, if that is what it
// is, or float64.
func tensorOf(v session.Value) (session.Tensor, error) {
	if t, ok := v.Tensor(); ok {
		return t, t.Validate()
	}
	switch x := v.Any().(type) {
	case float32:
		return session.Tensor{Data: []float32{x}}, nil
	case float64:
		return session.Tensor{Data: []float64{x}}, nil
	case int64:
		return session.Tensor{Data: []int64{x}}, nil
	case bool:
		return session.Tensor{Data: []bool{x}}, nil
	}
	return session.Tensor{}, fmt.Errorf("got a %v, want a number or a tensor", v.Kind())
}

// fill copies the elements of from to those of to, of which there are as many.
// It reports whether the types, and integers, fit.
func fill(to, from any) bool {
	if x, ok := from.([]float64); ok && len(x) == 1 {
		if _, same := to.([]float64); !same {
			from = []float32{float32(x[0])}
		}
	}
	switch to := to.(type) {
	case []float32:
		return copied(to, from)
	case []float64:
		if x, ok := from.([]float32); ok && len(x) == 1 {
			to[0] = float64(x[0])
			return true
		}
		return copied(to, from)
	case []bool:
		return copied(to, from)
	case []float16.Float16:
		return rounded(to, from, float16.FromFloat32)
	case []bfloat16.BFloat16:
		return rounded(to, from, bfloat16.FromFloat32)
	case []int8:
		return integers(to, from)
	case []int16:
		return integers(to, from)
	case []int32:
		return integers(to, from)
	case []int64:
		return integers(to, from)
	case []uint8:
		return integers(to, from)
	case []uint16:
		return integers(to, from)
	case []uint32:
		return integers(to, from)
	case []uint64:
		return integers(to, from)
	}
	return false
}

func copied[T any](to []T, from any) bool {
	same, ok := from.([]T)
	copy(to, same)
	return ok
}

func rounded[T any](to []T, from any, round func(float32) T) bool {
	floats, ok := from.([]float32)
	for i, x := range floats {
		to[i] = round(x)
	}
	return ok
}

func integers[To integer](to []To, from any) bool {
	switch from := from.(type) {
	case []int32:
		return narrowed(to, from)
	case []int64:
		return narrowed(to, from)
	case []uint8:
		return narrowed(to, from)
	}
	return false
}

func narrowed[To, From integer](to []To, from []From) bool {
	for i, x := range from {
		if to[i] = To(x); From(to[i]) != x {
			return false
		}
	}
	return true
}
