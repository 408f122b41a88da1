package readers_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// TestNewTensor follows tensorboard.util.tensor_util.make_ndarray of TensorBoard
// 2.21.0 without TensorFlow, which was asked about each message.
func TestNewTensor(t *testing.T) {
	tests := []struct {
		name   string
		tensor *eventpb.TensorProto
		dtype  eventpb.DataType // the tensor's, if it is another
		shape  []int64
		want   []float64
		err    string
	}{
		{name: "a scalar without shape", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, FloatVal: []float32{0.5}}, want: []float64{0.5}},
		{name: "a scalar without value", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT}, err: "shape []: 0 elements do not fit"},
		{name: "one value fills the shape", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT32, TensorShape: dims(2, 2), IntVal: []int32{-3}}, shape: []int64{2, 2}, want: []float64{-3, -3, -3, -3}},
		{name: "one value of an empty shape", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT64, TensorShape: dims(0, 3), Int64Val: []int64{3}}, shape: []int64{0, 3}},
		{name: "two values do not fill a shape", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_DOUBLE, TensorShape: dims(4), DoubleVal: []float64{1, 2}}, err: "shape [4]: 2 elements do not fit"},
		{name: "content counts, and not the values", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_UINT8, TensorContent: []byte{7}, IntVal: []int32{1}}, want: []float64{7}},
		{name: "one element of content fills nothing", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_UINT8, TensorShape: dims(2), TensorContent: []byte{7}}, err: "shape [2]: 1 elements do not fit"},
		{name: "content that is cut", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorContent: []byte{1, 2, 3}}, err: "tensor_content of 3 bytes: elements have 4"},
		{name: "signed content", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT16, TensorShape: dims(2), TensorContent: []byte{0xff, 0xff, 1, 0}}, shape: []int64{2}, want: []float64{-1, 1}},
		{name: "unsigned content of 64 bits", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_UINT64, TensorContent: []byte{1, 0, 0, 0, 0, 0, 0, 0x80}}, want: []float64{1 << 63}},
		{name: "truth in content", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_BOOL, TensorShape: dims(3), TensorContent: []byte{0, 1, 2}}, shape: []int64{3}, want: []float64{0, 1, 1}},
		{name: "strings in content", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, TensorContent: []byte("a")}, err: "strings in tensor_content"},
		{name: "unsigned values have no field that is read", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_UINT32, Uint32Val: []uint32{1}}, err: "type UINT32 outside tensor_content"},
		{name: "a value too large for its type", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT8, IntVal: []int32{128}}, err: "element 128 is none of type INT8"},
		{name: "a dimension that follows from the others", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT8, TensorShape: dims(-2, 2), IntVal: []int32{1, 2, 3, 4}}, shape: []int64{2, 2}, want: []float64{1, 2, 3, 4}},
		{name: "a dimension that does not", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT8, TensorShape: dims(-1, 3), IntVal: []int32{1, 2, 3, 4}}, err: "shape [-1 3]: 4 elements do not fit"},
		{name: "two unknown dimensions", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT8, TensorShape: dims(-1, -1), IntVal: []int32{1, 2}}, err: "shape [-1 -1]: dimension -1"},
		{name: "one value for an unknown dimension", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT8, TensorShape: dims(-1), IntVal: []int32{1}}, err: "shape [-1]: dimension -1"},
		{name: "a shape beyond all memory", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT8, TensorShape: dims(1<<40, 1<<40), IntVal: []int32{1}}, err: "shape [1099511627776 1099511627776]: more elements than memory can hold"},
		{name: "halves", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_HALF, TensorShape: dims(6), HalfVal: []int32{0x3c00, 0xc000, 1, 0x7c00, 0x8000, 0x7bff}}, shape: []int64{6}, want: []float64{1, -2, 1.0 / (1 << 24), math.Inf(1), 0, 65504}},
		{name: "a half in content", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_HALF, TensorContent: []byte{0, 0x3c}}, want: []float64{1}},
		{name: "bfloat16, which numpy does not have", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_BFLOAT16, HalfVal: []int32{1}}, err: "type BFLOAT16 is none of an array"},
		{name: "a reference, known by its content", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT8 + 100, TensorContent: []byte{0xff}}, dtype: eventpb.DataType_INT8, want: []float64{-1}},
		{name: "a reference with values", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_INT8 + 100, IntVal: []int32{1}}, err: "type 106 is none of an array"},
		{name: "no elements, but other dimensions that are too large", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_HALF, TensorShape: dims(0, 1<<62)}, err: "shape [0 4611686018427387904]: more elements than memory can hold"},
		{name: "no elements, and large dimensions", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_HALF, TensorShape: dims(1<<61, 0)}, shape: []int64{1 << 61, 0}},
		{name: "three parts of complex numbers", tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_COMPLEX64, TensorShape: dims(4), ScomplexVal: []float32{1, 2, 3}}, err: "shape [4]: 1 elements do not fit"},
		{name: "no type", tensor: &eventpb.TensorProto{FloatVal: []float32{1}}, err: "type INVALID is none of an array"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := readers.NewTensor(test.tensor)
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, cmp.Or(test.dtype, test.tensor.GetDtype()), a.DType())
			require.Equal(t, test.shape, a.Shape())
			require.Equal(t, int64(len(test.want)), a.Len())
			require.Equal(t, test.want, slices.Collect(a.Floats()))
			require.Empty(t, slices.Collect(a.Strings()))
		})
	}
}

func TestNewTensorOfQuantizedNumbers(t *testing.T) {
	a, err := readers.NewTensor(&eventpb.TensorProto{Dtype: eventpb.DataType_QUINT8, TensorShape: dims(3), IntVal: []int32{255}})
	require.NoError(t, err)
	require.Equal(t, int64(3), a.Len())
	require.False(t, a.Numeric(), "to numpy each is a record of one field")
	require.Empty(t, slices.Collect(a.Floats()))

	_, err = readers.NewTensor(&eventpb.TensorProto{Dtype: eventpb.DataType_QUINT8, IntVal: []int32{256}})
	require.EqualError(t, err, "element 256 is none of type QUINT8")
}

func TestNewTensorOfStrings(t *testing.T) {
	a, err := readers.NewTensor(texts(dims(2, 1), "a", "b"))
	require.NoError(t, err)
	require.False(t, a.Numeric())
	require.Equal(t, [][]byte{[]byte("a"), []byte("b")}, slices.Collect(a.Strings()))
	require.Empty(t, slices.Collect(a.Floats()))
}
