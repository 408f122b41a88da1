package eventlog

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventpb"
)

const (
	// maxRank is TensorFlow's limit: TensorShape::MaxDimensions.
	maxRank = 254

	// maxFill is how many elements a single one may stand for: what a few bytes
	// claim must not cost more memory than this.
	maxFill = 1 << 24
)

// A Tensor is an array of one type, in row-major order. Its elements stay
// encoded until Data or Float64s is called; until then they are those of the
// message that was parsed.
type Tensor struct {
	DType eventpb.DataType
	Shape []int64 // empty for a single element

	header
}

// ParseTensor reads an encoded TensorProto. Its elements are in tensor_content
// or in the *_val field of its type, where a single one stands for all. It is an
// error if their number is not that of the shape, if they do not fit the type,
// or if the type cannot be read outside of the process that wrote it.
func ParseTensor(b []byte) (Tensor, error) {
	h, err := parseHeader(b)
	if err == nil {
		err = h.check()
	}
	if err != nil {
		return Tensor{}, err
	}
	t := Tensor{DType: h.dtype, header: h}
	if h.rank > 0 {
		t.Shape = make([]int64, 0, h.rank)
		for f := (fields{rest: h.shape}); f.next(); {
			if f.is(shapeDim, protowire.BytesType) {
				t.Shape = append(t.Shape, dim(f.bytes))
			}
		}
	}
	return t, nil
}

// Len is the number of elements.
func (t *Tensor) Len() int { return int(t.n) }

// Data returns the elements in the Go type that holds them exactly:
//
//   - []float32 for FLOAT, HALF, BFLOAT16 and the FLOAT8 and FLOAT4 types
//   - []float64 for DOUBLE
//   - []int64 and []uint64 for signed and unsigned integers, quantized ones too
//   - []bool, []complex64, []complex128
//   - [][]byte for STRING, pointing into the record
func (t *Tensor) Data() any {
	l := layouts[t.dtype]
	switch l.class {
	case classFloat:
		if t.dtype == eventpb.DataType_DOUBLE {
			return collect(t, func(bits uint64) float64 { return math.Float64frombits(bits) })
		}
		return collect(t, func(bits uint64) float32 { return float32(float(t.dtype, bits)) })
	case classSigned:
		return collect(t, func(bits uint64) int64 { return signed(bits, l.size) })
	case classUnsigned:
		return collect(t, func(bits uint64) uint64 { return bits })
	case classBool:
		return collect(t, func(bits uint64) bool { return bits != 0 })
	case classComplex:
		if t.dtype == eventpb.DataType_COMPLEX64 {
			parts := collect(t, func(bits uint64) float32 { return math.Float32frombits(uint32(bits)) })
			return pairs(parts, func(re, im float32) complex64 { return complex(re, im) })
		}
		parts := collect(t, func(bits uint64) float64 { return math.Float64frombits(bits) })
		return pairs(parts, func(re, im float64) complex128 { return complex(re, im) })
	}
	s, _ := t.strings() // Only STRING is left.
	return s
}

// Float64s returns the elements of a numeric tensor, bools as 0 and 1. Integers
// beyond ±2⁵³ are rounded. Complex numbers and strings are an error.
func (t *Tensor) Float64s() ([]float64, error) {
	if !layouts[t.dtype].numeric() {
		return nil, fmt.Errorf("tensor of %v has no real numbers", t.dtype)
	}
	return collect(t, func(bits uint64) float64 { return float(t.dtype, bits) }), nil
}

func (t *Tensor) strings() ([][]byte, error) {
	if t.dtype != eventpb.DataType_STRING {
		return nil, fmt.Errorf("tensor of %v has no strings", t.dtype)
	}
	s := t.header.strings()
	if len(s) == 1 && t.n != 1 {
		s = slices.Repeat(s, int(t.n))
	}
	return s, nil
}

// collect decodes all elements, parts of complex numbers one by one.
func collect[T any](t *Tensor, decode func(bits uint64) T) []T {
	parts := layouts[t.dtype].parts()
	out := make([]T, 0, int(t.n)*parts)
	t.bits(func(bits uint64) bool {
		out = append(out, decode(bits))
		return true
	})
	if n := int(t.n) * parts; len(out) < n { // One element stands for all.
		out = slices.Repeat(out, n/len(out))
	}
	return out[:int(t.n)*parts]
}

func pairs[P, C any](parts []P, join func(re, im P) C) []C {
	out := make([]C, len(parts)/2)
	for i := range out {
		out[i] = join(parts[2*i], parts[2*i+1])
	}
	return out
}

// floatTensor is the scalar of a simple_value.
func floatTensor(bits uint32) Tensor {
	content := binary.LittleEndian.AppendUint32(nil, bits)
	return Tensor{
		DType:  eventpb.DataType_FLOAT,
		header: header{dtype: eventpb.DataType_FLOAT, n: 1, content: content},
	}
}

// stringTensor is a list of byte strings.
func stringTensor(list [][]byte) Tensor {
	return Tensor{
		DType:  eventpb.DataType_STRING,
		Shape:  []int64{int64(len(list))},
		header: header{dtype: eventpb.DataType_STRING, rank: 1, n: int64(len(list)), list: list},
	}
}

// A header is what a TensorProto says of its elements.
type header struct {
	dtype   eventpb.DataType
	rank    int
	n       int64    // elements, by the shape
	shape   []byte   // encoded TensorShapeProto
	content []byte   // elements as bytes
	message []byte   // the TensorProto; elements are in it where content is empty
	list    [][]byte // elements of a STRING that did not come in a message
}

// parseHeader reads everything but the elements. It allocates nothing.
func parseHeader(b []byte) (header, error) {
	h := header{n: 1, message: b}
	f := fields{rest: b}
	for f.next() {
		switch {
		case f.is(tensorDType, protowire.VarintType):
			h.dtype = eventpb.DataType(f.num)
		case f.is(tensorShape, protowire.BytesType):
			h.shape = merged(h.shape, f.bytes)
		case f.is(tensorContent, protowire.BytesType):
			h.content = f.bytes
		}
	}
	if f.bad {
		return header{}, errNoTensor
	}
	if h.dtype < 0 || int(h.dtype) >= len(layouts) || layouts[h.dtype].class == classNone {
		return header{}, fmt.Errorf("tensor of type %v cannot be read", h.dtype)
	}
	return h, h.measure()
}

var errNoTensor = fmt.Errorf("no TensorProto")

// measure counts dimensions and elements.
func (h *header) measure() error {
	empty := false
	f := fields{rest: h.shape}
	for f.next() {
		if !f.is(shapeDim, protowire.BytesType) {
			continue
		}
		size := dim(f.bytes)
		h.rank++
		switch {
		case size < 0:
			return fmt.Errorf("tensor has a dimension of %d", size)
		case h.rank > maxRank:
			return fmt.Errorf("tensor has more than %d dimensions", maxRank)
		case size == 0:
			empty = true
		case h.n > math.MaxInt64/16/size:
			h.n = math.MaxInt64 / 16 // More than any message can hold.
		default:
			h.n *= size
		}
	}
	if f.bad {
		return errNoTensor
	}
	if empty {
		h.n = 0
	}
	return nil
}

// dim is the size in an encoded Dim, negative if it is none.
func dim(b []byte) int64 {
	size := int64(0)
	f := fields{rest: b}
	for f.next() {
		if f.is(dimSize, protowire.VarintType) {
			size = int64(f.num)
		}
	}
	if f.bad {
		return -1
	}
	return size
}

// check compares the elements that are there with the shape and the type.
func (h *header) check() error {
	l := layouts[h.dtype]
	if len(h.content) > 0 {
		if l.class == classString {
			return fmt.Errorf("tensor of STRING has tensor_content")
		}
		if want := h.n * int64(l.size*l.parts()); int64(len(h.content)) != want {
			return fmt.Errorf("tensor_content of %d bytes, want %d elements of %v", len(h.content), h.n, h.dtype)
		}
		return nil
	}
	count, err := h.count()
	if err != nil {
		return err
	}
	count, rest := count/int64(l.parts()), count%int64(l.parts())
	if rest != 0 || count != h.n && (count != 1 || h.n > maxFill) {
		return fmt.Errorf("tensor has %d elements of %v, its shape %d", count, h.dtype, h.n)
	}
	return nil
}

// count returns how many numbers or strings the *_val field of the type holds,
// and whether they all are of the type.
func (h *header) count() (n int64, err error) {
	l := layouts[h.dtype]
	whole := h.elements(func(bits uint64) bool {
		if _, ok := l.pattern(bits); !ok {
			err = fmt.Errorf("element %d of the tensor, %d, is no %v", n, int64(bits), h.dtype)
			return false
		}
		n++
		return true
	})
	if err == nil && !whole {
		err = errNoTensor
	}
	return n, err
}

// bits yields the elements as the patterns that tensor_content would have.
func (h *header) bits(yield func(uint64) bool) {
	l := layouts[h.dtype]
	if len(h.content) == 0 {
		h.elements(func(bits uint64) bool {
			bits, _ = l.pattern(bits)
			return yield(bits)
		})
		return
	}
	for b := h.content; len(b) >= l.size; b = b[l.size:] {
		if !yield(load(b, l.size)) {
			return
		}
	}
}

// load reads a little-endian pattern of 1, 2, 4 or 8 bytes.
func load(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// elements yields what the *_val field of the type holds, packed or not. Of
// strings it yields zeros. It returns whether the encoding is whole, or yield
// wanted no more.
func (h *header) elements(yield func(uint64) bool) (whole bool) {
	l := layouts[h.dtype]
	f := fields{rest: h.message}
	for f.next() {
		switch {
		case f.number != l.field:
		case f.wire != protowire.BytesType:
			if f.wire == l.wire && !yield(f.num) {
				return true
			}
		case l.class == classString:
			if !yield(0) {
				return true
			}
		default:
			for b := f.bytes; len(b) > 0; {
				var bits uint64
				switch {
				case l.field == float8Val:
					bits, b = uint64(b[0]), b[1:]
				case l.wire == protowire.Fixed32Type && len(b) >= 4:
					bits, b = load(b, 4), b[4:]
				case l.wire == protowire.Fixed64Type && len(b) >= 8:
					bits, b = load(b, 8), b[8:]
				case l.wire == protowire.VarintType:
					if bits, b = varint(b); b == nil {
						return false
					}
				default:
					return false
				}
				if !yield(bits) {
					return true
				}
			}
		}
	}
	return !f.bad
}

// strings returns the elements of a STRING, whatever the shape says.
func (h *header) strings() [][]byte {
	if h.list != nil {
		return h.list
	}
	list := [][]byte{}
	for f := (fields{rest: h.message}); f.next(); {
		if f.is(stringVal, protowire.BytesType) {
			list = append(list, f.bytes)
		}
	}
	return list
}

// scalarOf returns the only element of an encoded tensor. It allocates nothing.
func scalarOf(b []byte) (x float64, err error) {
	h, err := parseHeader(b)
	if err != nil {
		return 0, err
	}
	if !layouts[h.dtype].numeric() || h.n != 1 {
		return 0, fmt.Errorf("tensor of %d elements of %v is no scalar", h.n, h.dtype)
	}
	if err := h.check(); err != nil {
		return 0, err
	}
	h.bits(func(bits uint64) bool {
		x = float(h.dtype, bits)
		return false
	})
	return x, nil
}
