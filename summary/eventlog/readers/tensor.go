package readers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"slices"

	"github.com/runhook/runhook/summary/eventpb"
)

// maxArrayBytes is more than any array may have that a server can make. One
// value can claim to fill it, so views never store elements that a file does not
// hold.
const maxArrayBytes = 1 << 40

// A Tensor is a TensorProto that tensorboard.util.tensor_util.make_ndarray turns
// into an array. It refers to the message, which must not be changed.
type Tensor struct {
	proto  *eventpb.TensorProto
	dtype  eventpb.DataType
	shape  []int64
	length int64
	stored int64 // elements that are in the message; 1 stands for all
}

// NewTensor applies make_ndarray's rules: elements come from tensor_content, or
// else from the repeated field of their type, where a single one fills the
// shape; without a shape the tensor has rank 0; one dimension may be negative
// and follows from the others. The error is that of a message of which no array can
// be made.
func NewTensor(t *eventpb.TensorProto) (*Tensor, error) {
	dtype := t.GetDtype()
	if dtype > firstReference && len(t.GetTensorContent()) > 0 {
		dtype -= firstReference
	}
	stored, size, err := storedElements(t, dtype)
	if err != nil {
		return nil, err
	}
	out := &Tensor{proto: t, dtype: dtype, stored: stored}
	for _, d := range t.GetTensorShape().GetDim() {
		out.shape = append(out.shape, d.GetSize())
	}
	spread := stored == 1 && len(t.GetTensorContent()) == 0
	switch dtype {
	case eventpb.DataType_COMPLEX64:
		spread = spread && len(t.GetScomplexVal()) == 2
	case eventpb.DataType_COMPLEX128:
		spread = spread && len(t.GetDcomplexVal()) == 2
	}
	if err := out.fit(spread, size); err != nil {
		return nil, err
	}
	return out, nil
}

// fit sets length, and a negative dimension.
func (t *Tensor) fit(spread bool, size int64) error {
	product, unknown, empty := int64(1), -1, false
	for i, n := range t.shape {
		switch {
		case n < 0 && unknown < 0 && !spread:
			unknown = i
			continue
		case n < 0:
			return fmt.Errorf("shape %v: dimension %d", t.shape, n)
		case n == 0:
			empty = true // which does not make numpy accept any other dimensions
			continue
		}
		hi, lo := bits.Mul64(uint64(product), uint64(n))
		if hi != 0 || lo > uint64(math.MaxInt64/size) {
			return fmt.Errorf("shape %v: more elements than memory can hold", t.shape)
		}
		product = int64(lo)
	}
	if empty {
		product = 0
	}
	if unknown >= 0 {
		if product == 0 || t.stored%product != 0 {
			return fmt.Errorf("shape %v: %d elements do not fit", t.shape, t.stored)
		}
		t.shape[unknown] = t.stored / product
		product = t.stored
	}
	if !spread && product != t.stored {
		return fmt.Errorf("shape %v: %d elements do not fit", t.shape, t.stored)
	}
	if product > maxArrayBytes/size {
		return fmt.Errorf("shape %v: more elements than memory can hold", t.shape)
	}
	t.length = product
	return nil
}

// scalarTensor is the tensor of rank 0 that holds one float.
func scalarTensor(f float32) *Tensor {
	return &Tensor{proto: &eventpb.TensorProto{FloatVal: []float32{f}}, dtype: eventpb.DataType_FLOAT, length: 1, stored: 1}
}

// storedElements counts the elements in the message, checks that each fits its
// type, and gives the bytes of one.
func storedElements(t *eventpb.TensorProto, dtype eventpb.DataType) (n, size int64, err error) {
	size, ok := elementSize[dtype]
	if !ok {
		return 0, 0, fmt.Errorf("type %v is none of an array", dtype)
	}
	if content := t.GetTensorContent(); len(content) > 0 {
		if dtype == eventpb.DataType_STRING {
			return 0, 0, errors.New("strings in tensor_content")
		}
		if int64(len(content))%size != 0 {
			return 0, 0, fmt.Errorf("tensor_content of %d bytes: elements have %d", len(content), size)
		}
		return int64(len(content)) / size, size, nil
	}
	var bad *int32
	outside := func(values []int32, least, most int32) {
		for _, v := range values {
			if v < least || v > most {
				bad = &v
				return
			}
		}
	}
	switch dtype {
	case eventpb.DataType_HALF:
		outside(t.GetHalfVal(), 0, math.MaxUint16)
		n = int64(len(t.GetHalfVal()))
	case eventpb.DataType_FLOAT:
		n = int64(len(t.GetFloatVal()))
	case eventpb.DataType_DOUBLE:
		n = int64(len(t.GetDoubleVal()))
	case eventpb.DataType_INT32, eventpb.DataType_UINT8, eventpb.DataType_UINT16, eventpb.DataType_INT16, eventpb.DataType_INT8,
		eventpb.DataType_QINT32, eventpb.DataType_QUINT8, eventpb.DataType_QUINT16, eventpb.DataType_QINT16, eventpb.DataType_QINT8:
		limits := intLimits[dtype]
		outside(t.GetIntVal(), limits[0], limits[1])
		n = int64(len(t.GetIntVal()))
	case eventpb.DataType_INT64:
		n = int64(len(t.GetInt64Val()))
	case eventpb.DataType_STRING:
		n = int64(len(t.GetStringVal()))
	case eventpb.DataType_COMPLEX64:
		n = int64(len(t.GetScomplexVal())) / 2
	case eventpb.DataType_COMPLEX128:
		n = int64(len(t.GetDcomplexVal())) / 2
	case eventpb.DataType_BOOL:
		n = int64(len(t.GetBoolVal()))
	default:
		return 0, 0, fmt.Errorf("type %v outside tensor_content", dtype)
	}
	if bad != nil {
		return 0, 0, fmt.Errorf("element %d is none of type %v", *bad, dtype)
	}
	return n, size, nil
}

// firstReference is how far a reference to a type is above it. make_ndarray knows
// references by their tensor_content only.
const firstReference = 100

// elementSize holds the types that numpy has, as TensorBoard maps them without
// TensorFlow, with the bytes of an element. BFLOAT16 is missing there, too.
var elementSize = map[eventpb.DataType]int64{
	eventpb.DataType_FLOAT: 4, eventpb.DataType_DOUBLE: 8, eventpb.DataType_HALF: 2,
	eventpb.DataType_INT8: 1, eventpb.DataType_INT16: 2, eventpb.DataType_INT32: 4, eventpb.DataType_INT64: 8,
	eventpb.DataType_UINT8: 1, eventpb.DataType_UINT16: 2, eventpb.DataType_UINT32: 4, eventpb.DataType_UINT64: 8,
	eventpb.DataType_BOOL: 1, eventpb.DataType_STRING: 8, eventpb.DataType_COMPLEX64: 8, eventpb.DataType_COMPLEX128: 16,
	eventpb.DataType_QINT8: 1, eventpb.DataType_QINT16: 2, eventpb.DataType_QINT32: 4, eventpb.DataType_QUINT8: 1, eventpb.DataType_QUINT16: 2,
}

var intLimits = map[eventpb.DataType][2]int32{
	eventpb.DataType_INT32:  {math.MinInt32, math.MaxInt32},
	eventpb.DataType_INT16:  {math.MinInt16, math.MaxInt16},
	eventpb.DataType_INT8:   {math.MinInt8, math.MaxInt8},
	eventpb.DataType_UINT16: {0, math.MaxUint16},
	eventpb.DataType_UINT8:  {0, math.MaxUint8},

	eventpb.DataType_QINT32:  {math.MinInt32, math.MaxInt32},
	eventpb.DataType_QINT16:  {math.MinInt16, math.MaxInt16},
	eventpb.DataType_QINT8:   {math.MinInt8, math.MaxInt8},
	eventpb.DataType_QUINT16: {0, math.MaxUint16},
	eventpb.DataType_QUINT8:  {0, math.MaxUint8},
}

// DType is the type of the elements.
func (t *Tensor) DType() eventpb.DataType { return t.dtype }

// Shape is the number of elements in each dimension, the slowest first; empty
// for a scalar. The slice is a copy.
func (t *Tensor) Shape() []int64 { return slices.Clone(t.shape) }

// Len is the number of elements. It can be far more than the message holds, so
// it is no size to allocate.
func (t *Tensor) Len() int64 { return t.length }

// Numeric reports whether the elements are real numbers or truth values. To numpy
// those of the quantized types are records.
func (t *Tensor) Numeric() bool {
	switch t.DType() {
	case eventpb.DataType_STRING, eventpb.DataType_COMPLEX64, eventpb.DataType_COMPLEX128,
		eventpb.DataType_QINT8, eventpb.DataType_QINT16, eventpb.DataType_QINT32, eventpb.DataType_QUINT8, eventpb.DataType_QUINT16:
		return false
	}
	return true
}

// Floats yields the elements of a numeric tensor in row-major order, as the
// nearest float64; of another it yields none.
func (t *Tensor) Floats() iter.Seq[float64] {
	return func(yield func(float64) bool) {
		if !t.Numeric() {
			return
		}
		for i := range t.length {
			if !yield(t.float(i)) {
				return
			}
		}
	}
}

// Strings yields the elements of a STRING tensor in row-major order; of another
// it yields none. The bytes are the message's.
func (t *Tensor) Strings() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if t.DType() != eventpb.DataType_STRING {
			return
		}
		for i := range t.length {
			if !yield(t.proto.GetStringVal()[t.index(i)]) {
				return
			}
		}
	}
}

// index is where the message holds element i.
func (t *Tensor) index(i int64) int64 {
	if t.stored == 1 {
		return 0
	}
	return i
}

// float is element i of a numeric tensor.
func (t *Tensor) float(i int64) float64 {
	i = t.index(i)
	p := t.proto
	if content := p.GetTensorContent(); len(content) > 0 {
		return contentFloat(t.dtype, content, i)
	}
	switch t.dtype {
	case eventpb.DataType_HALF:
		return halfFloat(uint16(p.GetHalfVal()[i]))
	case eventpb.DataType_FLOAT:
		return float64(p.GetFloatVal()[i])
	case eventpb.DataType_DOUBLE:
		return p.GetDoubleVal()[i]
	case eventpb.DataType_INT64:
		return float64(p.GetInt64Val()[i])
	case eventpb.DataType_BOOL:
		if p.GetBoolVal()[i] {
			return 1
		}
		return 0
	}
	return float64(p.GetIntVal()[i])
}

// contentFloat is element i of a numeric tensor_content.
func contentFloat(dtype eventpb.DataType, content []byte, i int64) float64 {
	size := elementSize[dtype]
	var raw [8]byte
	copy(raw[:], content[i*size:(i+1)*size])
	u := binary.LittleEndian.Uint64(raw[:])
	switch dtype {
	case eventpb.DataType_HALF:
		return halfFloat(uint16(u))
	case eventpb.DataType_FLOAT:
		return float64(math.Float32frombits(uint32(u)))
	case eventpb.DataType_DOUBLE:
		return math.Float64frombits(u)
	case eventpb.DataType_INT8:
		return float64(int8(u))
	case eventpb.DataType_INT16:
		return float64(int16(u))
	case eventpb.DataType_INT32:
		return float64(int32(u))
	case eventpb.DataType_INT64:
		return float64(int64(u))
	case eventpb.DataType_BOOL:
		return float64(min(u, 1))
	}
	return float64(u)
}

// halfFloat is the number of an IEEE 754 pattern of 16 bits.
func halfFloat(h uint16) float64 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(fraction, -24)
	case 0x1f:
		f = math.Inf(1)
		if fraction != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(fraction+1024, exponent-25)
	}
	if h&0x8000 != 0 {
		return -f
	}
	return f
}
