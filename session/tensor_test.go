package session_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func tensor(t *testing.T, v session.Value) session.Tensor {
	t.Helper()
	out, ok := v.Tensor()
	require.True(t, ok)
	return out
}

func TestATensorOfEachElementType(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		value session.Value
		dtype session.DType
		name  string
		first session.Value
	}{
		{session.TensorOf([]float32{1.5, 2}), session.Float32Type, "float32", session.Float32(1.5)},
		{session.TensorOf([]float64{1.5, 2}), session.Float64Type, "float64", session.Float64(1.5)},
		{session.TensorOf([]int32{-1, 2}), session.Int32Type, "int32", session.Int64(-1)},
		{session.TensorOf([]int64{-1, 2}), session.Int64Type, "int64", session.Int64(-1)},
		{session.TensorOf([]uint8{255, 2}), session.Uint8Type, "uint8", session.Int64(255)},
		{session.TensorOf([]bool{true, false}), session.BoolType, "bool", session.Bool(true)},
		{session.TensorOf([]string{"a", "b"}), session.StringType, "string", session.String("a")},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := tensor(t, c.value)
			require.Equal(t, c.dtype, x.DType())
			require.Equal(t, c.name, x.DType().String())
			require.Equal(t, []int{2}, x.Shape)
			require.Equal(t, 2, x.Len())
			require.NoError(t, x.Validate())
			require.Equal(t, c.first, x.At(0))
			require.True(t, x.At(-1).IsNone())
			require.True(t, x.At(2).IsNone())

			clone := x.Clone()
			require.Equal(t, x, clone)
			clone.Shape[0] = 7
			require.Equal(t, []int{2}, x.Shape)
			switch d := clone.Data.(type) {
			case []float32:
				d[0] = 0
			case []float64:
				d[0] = 0
			case []int32:
				d[0] = 0
			case []int64:
				d[0] = 0
			case []uint8:
				d[0] = 0
			case []bool:
				d[0] = false
			case []string:
				d[0] = ""
			}
			require.Equal(t, c.first, x.At(0), "a clone shares no data")
			require.NotEqual(t, c.first, clone.At(0))
		})
	}
}

func TestAShapeHasToFitItsData(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name   string
		tensor session.Tensor
		want   string // "" for valid
	}{
		{"one dimension", session.Tensor{Shape: []int{2}, Data: []int64{1, 2}}, ""},
		{"two dimensions", session.Tensor{Shape: []int{2, 3}, Data: make([]float32, 6)}, ""},
		{"a scalar", session.Tensor{Data: []float32{1}}, ""},
		{"nothing", session.Tensor{Shape: []int{0}, Data: []float32{}}, ""},
		{"nothing in a big shape", session.Tensor{Shape: []int{math.MaxInt, 0}, Data: []float32(nil)}, ""},
		{"a scalar of two", session.Tensor{Data: []float32{1, 2}}, "tensor shape [] holds 1 elements, data has 2"},
		{"too few", session.Tensor{Shape: []int{2, 2}, Data: []float32{1}}, "tensor shape [2 2] holds 4 elements, data has 1"},
		{"a negative dimension", session.Tensor{Shape: []int{-1, -2}, Data: []float32{1, 2}}, "tensor shape [-1 -2]: negative dimension"},
		{"more than fits an int", session.Tensor{Shape: []int{math.MaxInt, 4}, Data: []float32{}}, "too many elements"},
		{"no data", session.Tensor{}, "tensor data of type <nil>"},
		{"data of an unknown type", session.Tensor{Shape: []int{1}, Data: []int{1}}, "tensor data of type []int, want a slice of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.tensor.Validate()
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestATensorOfUnknownDataIsEmpty(t *testing.T) {
	leaktest.Check(t)
	x := session.Tensor{Shape: []int{1}, Data: []int{7}}
	require.Equal(t, session.InvalidType, x.DType())
	require.Zero(t, x.Len())
	require.True(t, x.At(0).IsNone())
	require.Equal(t, x, x.Clone())
	require.Equal(t, "invalid[1][]", x.String())
	require.Equal(t, "DType(99)", session.DType(99).String())
}

func TestTensorOfKeepsAShapeOfItsOwn(t *testing.T) {
	leaktest.Check(t)
	shape := []int{1, 2}
	v := session.TensorOf([]bool{true, false}, shape...)
	shape[0] = 9
	require.Equal(t, []int{1, 2}, tensor(t, v).Shape)
}

func TestALongTensorIsCutInText(t *testing.T) {
	leaktest.Check(t)
	require.Equal(t, "int64[3 3][0 1 2 3 4 5 …]", session.TensorOf([]int64{0, 1, 2, 3, 4, 5, 6, 7, 8}, 3, 3).String())
	require.Equal(t, "int64[6][0 1 2 3 4 5]", session.TensorOf([]int64{0, 1, 2, 3, 4, 5}).String())
}
