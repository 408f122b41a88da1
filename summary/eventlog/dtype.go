package eventlog

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventpb"
)

type class uint8

const (
	classNone class = iota // not readable outside of the process that wrote it
	classFloat
	classSigned
	classUnsigned
	classBool
	classComplex
	classString
)

// Fields of TensorProto that hold elements.
const (
	floatVal    = 5
	doubleVal   = 6
	intVal      = 7
	stringVal   = 8
	scomplexVal = 9
	int64Val    = 10
	boolVal     = 11
	dcomplexVal = 12
	halfVal     = 13
	uint32Val   = 16
	uint64Val   = 17
	float8Val   = 18
)

// A layout is how the elements of a type are stored. Types of less than 8 bits
// take a byte each.
type layout struct {
	class class
	size  int              // bytes in tensor_content; of one part, if complex
	field protowire.Number // where else they may be
	wire  protowire.Type   // of one element there
}

var layouts = [...]layout{
	eventpb.DataType_FLOAT:              {classFloat, 4, floatVal, protowire.Fixed32Type},
	eventpb.DataType_DOUBLE:             {classFloat, 8, doubleVal, protowire.Fixed64Type},
	eventpb.DataType_INT32:              {classSigned, 4, intVal, protowire.VarintType},
	eventpb.DataType_UINT8:              {classUnsigned, 1, intVal, protowire.VarintType},
	eventpb.DataType_INT16:              {classSigned, 2, intVal, protowire.VarintType},
	eventpb.DataType_INT8:               {classSigned, 1, intVal, protowire.VarintType},
	eventpb.DataType_STRING:             {classString, 0, stringVal, protowire.BytesType},
	eventpb.DataType_COMPLEX64:          {classComplex, 4, scomplexVal, protowire.Fixed32Type},
	eventpb.DataType_INT64:              {classSigned, 8, int64Val, protowire.VarintType},
	eventpb.DataType_BOOL:               {classBool, 1, boolVal, protowire.VarintType},
	eventpb.DataType_QINT8:              {classSigned, 1, intVal, protowire.VarintType},
	eventpb.DataType_QUINT8:             {classUnsigned, 1, intVal, protowire.VarintType},
	eventpb.DataType_QINT32:             {classSigned, 4, intVal, protowire.VarintType},
	eventpb.DataType_BFLOAT16:           {classFloat, 2, halfVal, protowire.VarintType},
	eventpb.DataType_QINT16:             {classSigned, 2, intVal, protowire.VarintType},
	eventpb.DataType_QUINT16:            {classUnsigned, 2, intVal, protowire.VarintType},
	eventpb.DataType_UINT16:             {classUnsigned, 2, intVal, protowire.VarintType},
	eventpb.DataType_COMPLEX128:         {classComplex, 8, dcomplexVal, protowire.Fixed64Type},
	eventpb.DataType_HALF:               {classFloat, 2, halfVal, protowire.VarintType},
	eventpb.DataType_UINT32:             {classUnsigned, 4, uint32Val, protowire.VarintType},
	eventpb.DataType_UINT64:             {classUnsigned, 8, uint64Val, protowire.VarintType},
	eventpb.DataType_FLOAT8_E5M2:        {classFloat, 1, float8Val, protowire.BytesType},
	eventpb.DataType_FLOAT8_E4M3FN:      {classFloat, 1, float8Val, protowire.BytesType},
	eventpb.DataType_FLOAT8_E4M3FNUZ:    {classFloat, 1, float8Val, protowire.BytesType},
	eventpb.DataType_FLOAT8_E4M3B11FNUZ: {classFloat, 1, float8Val, protowire.BytesType},
	eventpb.DataType_FLOAT8_E5M2FNUZ:    {classFloat, 1, float8Val, protowire.BytesType},
	eventpb.DataType_INT4:               {classSigned, 1, intVal, protowire.VarintType},
	eventpb.DataType_UINT4:              {classUnsigned, 1, intVal, protowire.VarintType},
	eventpb.DataType_INT2:               {classSigned, 1, intVal, protowire.VarintType},
	eventpb.DataType_UINT2:              {classUnsigned, 1, intVal, protowire.VarintType},
	eventpb.DataType_FLOAT4_E2M1FN:      {classFloat, 1, intVal, protowire.VarintType},
}

// numeric reports whether elements are real numbers.
func (l layout) numeric() bool { return l.class >= classFloat && l.class <= classBool }

// parts is how many numbers make an element.
func (l layout) parts() int {
	if l.class == classComplex {
		return 2
	}
	return 1
}

// pattern turns an element of the *_val field into what tensor_content would
// hold. ok tells whether it is one of the type: some writers put the bits of a
// float32 into half_val.
func (l layout) pattern(bits uint64) (pattern uint64, ok bool) {
	if l.class == classBool && bits != 0 {
		return 1, true
	}
	if l.wire != protowire.VarintType || l.size == 8 {
		return bits, true
	}
	if l.field == uint32Val {
		return uint64(uint32(bits)), true
	}
	v := int64(int32(bits)) // As for every reader of an int32 field.
	mask := uint64(1)<<(8*l.size) - 1
	pattern = uint64(v) & mask
	if l.class == classSigned {
		return pattern, signed(pattern, l.size) == v
	}
	return pattern, int64(pattern) == v
}

// signed is the two's complement number of size bytes.
func signed(pattern uint64, size int) int64 {
	shift := 64 - 8*size
	return int64(pattern<<shift) >> shift
}

// float is the number of a pattern.
func float(dtype eventpb.DataType, pattern uint64) float64 {
	l := layouts[dtype]
	switch l.class {
	case classSigned:
		return float64(signed(pattern, l.size))
	case classUnsigned:
		return float64(pattern)
	case classBool:
		if pattern != 0 {
			return 1
		}
		return 0
	}
	switch dtype {
	case eventpb.DataType_FLOAT:
		return float64(math.Float32frombits(uint32(pattern)))
	case eventpb.DataType_DOUBLE:
		return math.Float64frombits(pattern)
	case eventpb.DataType_BFLOAT16:
		return float64(math.Float32frombits(uint32(pattern) << 16))
	}
	return minifloats[dtype].float(pattern)
}

// A minifloat is a floating-point format of at most 16 bits. Without inf the
// largest exponent is one like the others, and NaN is the one pattern given.
type minifloat struct {
	exponent, mantissa, bias int
	inf                      bool   // infinities and NaN as in IEEE 754
	nan                      uint64 // with and without the sign, or exactly if it has it; 0: no NaN
}

// The types of ml_dtypes, and half.
var minifloats = map[eventpb.DataType]minifloat{
	eventpb.DataType_HALF:               {exponent: 5, mantissa: 10, bias: 15, inf: true},
	eventpb.DataType_FLOAT8_E5M2:        {exponent: 5, mantissa: 2, bias: 15, inf: true},
	eventpb.DataType_FLOAT8_E4M3FN:      {exponent: 4, mantissa: 3, bias: 7, nan: 0x7f},
	eventpb.DataType_FLOAT8_E4M3FNUZ:    {exponent: 4, mantissa: 3, bias: 8, nan: 0x80},
	eventpb.DataType_FLOAT8_E4M3B11FNUZ: {exponent: 4, mantissa: 3, bias: 11, nan: 0x80},
	eventpb.DataType_FLOAT8_E5M2FNUZ:    {exponent: 5, mantissa: 2, bias: 16, nan: 0x80},
	eventpb.DataType_FLOAT4_E2M1FN:      {exponent: 2, mantissa: 1, bias: 1},
}

func (m minifloat) float(pattern uint64) float64 {
	sign := uint64(1) << (m.exponent + m.mantissa)
	e := int(pattern>>m.mantissa) & (1<<m.exponent - 1)
	f := float64(pattern & (1<<m.mantissa - 1))
	var x float64
	switch {
	case m.nan != 0 && (pattern == m.nan || pattern == m.nan|sign):
		return math.NaN()
	case m.inf && e == 1<<m.exponent-1 && f != 0:
		return math.NaN()
	case m.inf && e == 1<<m.exponent-1:
		x = math.Inf(1)
	case e == 0:
		x = math.Ldexp(f, 1-m.bias-m.mantissa)
	default:
		x = math.Ldexp(f+float64(int(1)<<m.mantissa), e-m.bias-m.mantissa)
	}
	if pattern&sign != 0 {
		return math.Copysign(x, -1)
	}
	return x
}
