package session

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An Element is a Go type that a [Tensor] can hold.
type Element interface {
	float32 | float64 | int32 | int64 | uint8 | bool | string
}

// DType is the element type of a [Tensor].
type DType uint8

// The element types. InvalidType is that of a tensor whose Data is no slice of an
// [Element].
const (
	InvalidType DType = iota
	Float32Type
	Float64Type
	Int32Type
	Int64Type
	Uint8Type
	BoolType
	StringType
)

var dtypeNames = [...]string{"invalid", "float32", "float64", "int32", "int64", "uint8", "bool", "string"}

func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return "DType(" + strconv.Itoa(int(d)) + ")"
}

// A Tensor is an array in row-major order: Data holds the product of Shape
// elements, as a []float32, []float64, []int32, []int64, []uint8, []bool or
// []string. Shape is empty for a scalar.
type Tensor struct {
	Shape []int
	Data  any
}

// TensorOf returns a tensor value over data, which it does not copy. Without a
// shape it has one dimension. Whether the shape fits is asked by
// [Tensor.Validate], which everything does that reads tensors.
func TensorOf[T Element](data []T, shape ...int) Value {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	return Value{kind: KindTensor, ref: &Tensor{Shape: slices.Clone(shape), Data: data}}
}

// TensorValue returns t as a value; the data is not copied.
func TensorValue(t Tensor) Value { return Value{kind: KindTensor, ref: &t} }

// DType is the element type of t.
func (t Tensor) DType() DType {
	switch t.Data.(type) {
	case []float32:
		return Float32Type
	case []float64:
		return Float64Type
	case []int32:
		return Int32Type
	case []int64:
		return Int64Type
	case []uint8:
		return Uint8Type
	case []bool:
		return BoolType
	case []string:
		return StringType
	}
	return InvalidType
}

// Len is the number of elements in Data, 0 if its type is not known.
func (t Tensor) Len() int {
	switch d := t.Data.(type) {
	case []float32:
		return len(d)
	case []float64:
		return len(d)
	case []int32:
		return len(d)
	case []int64:
		return len(d)
	case []uint8:
		return len(d)
	case []bool:
		return len(d)
	case []string:
		return len(d)
	}
	return 0
}

// Validate reports a Data of unknown type, a negative dimension, and a shape
// that does not hold as many elements as Data.
func (t Tensor) Validate() error {
	if t.DType() == InvalidType {
		return fmt.Errorf("tensor data of type %T, want a slice of float32, float64, int32, int64, uint8, bool or string", t.Data)
	}
	n := 1
	for _, d := range t.Shape {
		if d < 0 {
			return fmt.Errorf("tensor shape %v: negative dimension", t.Shape)
		}
		if d > 0 && n > math.MaxInt/d {
			return fmt.Errorf("tensor shape %v: too many elements", t.Shape)
		}
		n *= d
	}
	if n != t.Len() {
		return fmt.Errorf("tensor shape %v holds %d elements, data has %d", t.Shape, n, t.Len())
	}
	return nil
}

// Clone returns a copy of t that shares nothing with it. Data of unknown type
// is kept as it is.
func (t Tensor) Clone() Tensor {
	t.Shape = slices.Clone(t.Shape)
	switch d := t.Data.(type) {
	case []float32:
		t.Data = slices.Clone(d)
	case []float64:
		t.Data = slices.Clone(d)
	case []int32:
		t.Data = slices.Clone(d)
	case []int64:
		t.Data = slices.Clone(d)
	case []uint8:
		t.Data = slices.Clone(d)
	case []bool:
		t.Data = slices.Clone(d)
	case []string:
		t.Data = slices.Clone(d)
	}
	return t
}

// At returns element i of Data in row-major order as a scalar; the zero Value
// if there is no such element. An int32 or uint8 comes as an int64.
func (t Tensor) At(i int) Value {
	if i < 0 || i >= t.Len() {
		return Value{}
	}
	switch d := t.Data.(type) {
	case []float32:
		return Float32(d[i])
	case []float64:
		return Float64(d[i])
	case []int32:
		return Int64(int64(d[i]))
	case []int64:
		return Int64(d[i])
	case []uint8:
		return Int64(int64(d[i]))
	case []bool:
		return Bool(d[i])
	case []string:
		return String(d[i])
	}
	return Value{}
}

func (t *Tensor) number() (float64, bool) {
	if t.Len() != 1 || t.Validate() != nil {
		return 0, false
	}
	return t.At(0).Number()
}

// String shows the type, the shape and the first elements.
func (t Tensor) String() string {
	const most = 6
	var b strings.Builder
	fmt.Fprintf(&b, "%s%v[", t.DType(), t.Shape)
	for i := range min(t.Len(), most) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.At(i).String())
	}
	if t.Len() > most {
		b.WriteString(" …")
	}
	b.WriteByte(']')
	return b.String()
}
