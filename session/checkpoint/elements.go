package checkpoint

import (
	"encoding/binary"
	"fmt"
	"slices"
	"unsafe"

	"github.com/runhook/runhook/session"
)

// An elementType is a dtype of safetensors that a tensor can have.
type elementType struct {
	name string
	size int
	make func(n int) any
}

// elementTypes by [session.DType]; strings have none.
var elementTypes = map[session.DType]elementType{
	session.Float32Type: {"F32", 4, func(n int) any { return make([]float32, n) }},
	session.Float64Type: {"F64", 8, func(n int) any { return make([]float64, n) }},
	session.Int32Type:   {"I32", 4, func(n int) any { return make([]int32, n) }},
	session.Int64Type:   {"I64", 8, func(n int) any { return make([]int64, n) }},
	session.Uint8Type:   {"U8", 1, func(n int) any { return make([]uint8, n) }},
	session.BoolType:    {"BOOL", 1, func(n int) any { return make([]bool, n) }},
}

// dtypeNamed returns the dtype that safetensors call name.
func dtypeNamed(name string) (session.DType, bool) {
	for d, e := range elementTypes {
		if e.name == name {
			return d, true
		}
	}
	return session.InvalidType, false
}

// tensorOf returns v as a tensor, a scalar as one without dimensions.
func tensorOf(v session.Value) (session.Tensor, error) {
	var t session.Tensor
	switch x := v.Any().(type) {
	case session.Tensor:
		t = x
	case float32:
		t.Data = []float32{x}
	case float64:
		t.Data = []float64{x}
	case int64:
		t.Data = []int64{x}
	case bool:
		t.Data = []bool{x}
	case string:
		t.Data = []string{x}
	default:
		return t, fmt.Errorf("a value of type %T cannot be saved", x)
	}
	if err := t.Validate(); err != nil {
		return t, err
	}
	if _, ok := elementTypes[t.DType()]; !ok {
		return t, fmt.Errorf("%s values cannot be saved: safetensors have no such type", t.DType())
	}
	return t, nil
}

// valueOf returns t as a value: without dimensions a scalar, if there is a kind
// for it and the variable does not hold such a tensor.
func valueOf(t session.Tensor, like session.Value) session.Value {
	if len(t.Shape) > 0 || like.Kind() == session.KindTensor {
		return session.TensorValue(t)
	}
	switch d := t.Data.(type) {
	case []float32:
		return session.Float32(d[0])
	case []float64:
		return session.Float64(d[0])
	case []int64:
		return session.Int64(d[0])
	case []bool:
		return session.Bool(d[0])
	}
	return session.TensorValue(t)
}

// bytesOf returns the memory of the elements of a tensor.
func bytesOf(data any) []byte {
	switch d := data.(type) {
	case []float32:
		return memoryOf(d)
	case []float64:
		return memoryOf(d)
	case []int32:
		return memoryOf(d)
	case []int64:
		return memoryOf(d)
	case []uint8:
		return d
	case []bool:
		return memoryOf(d)
	}
	return nil
}

func memoryOf[T any](elements []T) []byte {
	var element T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(elements))), len(elements)*int(unsafe.Sizeof(element)))
}

// swaps says that memory has the bytes of a number in the other order than
// files.
var swaps = binary.NativeEndian.Uint16([]byte{1, 0}) != 1

// swapElements turns the bytes of each element around, in place.
func swapElements(b []byte, size int) {
	for element := range slices.Chunk(b, size) {
		slices.Reverse(element)
	}
}
