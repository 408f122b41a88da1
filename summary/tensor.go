package summary

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/session"
)

// Fields of TensorProto, and numbers of its DataType. They are the wire format
// and cannot change.
const (
	tensorDType     = 1
	tensorShape     = 2
	tensorContent   = 4
	tensorStringVal = 8
	shapeDim        = 2
	shapeUnknown    = 3
	dimSize         = 1

	typeFloat  = 1
	typeDouble = 2
	typeInt32  = 3
	typeUint8  = 4
	typeString = 7
	typeInt64  = 9
	typeBool   = 10
)

// A Plugin is who shows a tensor in TensorBoard.
type Plugin struct {
	Name    string // required
	Content []byte // what the plugin wants to know; nil: nothing
	// Class says how readers keep the tensors. Default [ClassTensor].
	Class DataClass
}

// DataClass is how readers keep the values of a tag.
type DataClass int

const (
	// ClassTensor is for any tensor.
	ClassTensor DataClass = iota
	// ClassScalar is for points of a curve: float32 tensors without dimensions.
	ClassScalar
	// ClassBlobSequence is for pictures, sounds and other things of some size:
	// tensors of strings of one dimension, one element at least.
	ClassBlobSequence
)

// check reports what is wrong with a plugin that gets t, and returns the class.
func (p Plugin) check(t session.Tensor) (dataClass, error) {
	if p.Name == "" || !utf8.ValidString(p.Name) {
		return 0, fmt.Errorf("plugin name %q is empty or no valid UTF-8", p.Name)
	}
	switch p.Class {
	case ClassTensor:
		return classTensor, nil
	case ClassScalar:
		if t.DType() != session.Float32Type || len(t.Shape) > 0 {
			return 0, fmt.Errorf("a %s tensor of shape %v, want a float32 without dimensions for ClassScalar", t.DType(), t.Shape)
		}
		return classScalar, nil
	case ClassBlobSequence:
		if t.DType() != session.StringType || len(t.Shape) != 1 || t.Shape[0] == 0 {
			return 0, fmt.Errorf("a %s tensor of shape %v, want strings of one dimension, one at least, for ClassBlobSequence", t.DType(), t.Shape)
		}
		return classBlobSequence, nil
	}
	return 0, fmt.Errorf("Plugin.Class is %d, want ClassTensor, ClassScalar or ClassBlobSequence", p.Class)
}

// TensorValue returns a tensor for a plugin of the user's, to which TensorBoard
// hands it. The data of t is copied.
func TensorValue(tag string, plugin Plugin, t session.Tensor) (Value, error) {
	class, err := plugin.check(t)
	if err != nil {
		return Value{}, fmt.Errorf("summary: tensor %q: %w", tag, err)
	}
	body, err := tensorField(t)
	if err != nil {
		return Value{}, fmt.Errorf("summary: tensor %q: %w", tag, err)
	}
	return Value{tag: tag, metadata: encodeMetadata(plugin.Name, plugin.Content, class), body: body}, nil
}

// Tensor writes a tensor for a plugin of the user's; see [TensorValue].
func (w *Writer) Tensor(tag string, plugin Plugin, t session.Tensor, step int64) error {
	v, err := TensorValue(tag, plugin, t)
	return w.add(step, v, err)
}

// Tensor returns an op that makes a tensor, for a plugin of the user's, from a
// fetched one; see [TensorValue]. The tag is name as [CleanName] gives it.
func Tensor(name, fetch string, plugin Plugin) Op {
	return opOf("tensor", name, fetch, func(tag string, in input) (Value, error) {
		t, err := in.tensor("a tensor")
		if err != nil {
			return Value{}, err
		}
		return TensorValue(tag, plugin, t)
	})
}

// tensorField returns the field tensor of a Summary.Value.
func tensorField(t session.Tensor) ([]byte, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	switch data := t.Data.(type) {
	case []float32:
		content := make([]byte, 0, 4*len(data))
		for _, x := range data {
			content = binary.LittleEndian.AppendUint32(content, math.Float32bits(x))
		}
		return contentField(typeFloat, content, t.Shape...), nil
	case []float64:
		content := make([]byte, 0, 8*len(data))
		for _, x := range data {
			content = binary.LittleEndian.AppendUint64(content, math.Float64bits(x))
		}
		return contentField(typeDouble, content, t.Shape...), nil
	case []int32:
		content := make([]byte, 0, 4*len(data))
		for _, x := range data {
			content = binary.LittleEndian.AppendUint32(content, uint32(x))
		}
		return contentField(typeInt32, content, t.Shape...), nil
	case []int64:
		content := make([]byte, 0, 8*len(data))
		for _, x := range data {
			content = binary.LittleEndian.AppendUint64(content, uint64(x))
		}
		return contentField(typeInt64, content, t.Shape...), nil
	case []uint8:
		return contentField(typeUint8, data, t.Shape...), nil
	case []bool:
		content := make([]byte, len(data))
		for i, x := range data {
			if x {
				content[i] = 1
			}
		}
		return contentField(typeBool, content, t.Shape...), nil
	case []string:
		return stringField(data, t.Shape...), nil
	}
	return nil, fmt.Errorf("data of type %T", t.Data) // which Validate does not let pass
}

// contentField returns the field tensor of a Summary.Value, of elements that are
// encoded already.
func contentField(dtype uint64, content []byte, shape ...int) []byte {
	message := appendTensorHead(make([]byte, 0, len(content)+32), dtype, shape)
	if len(content) > 0 {
		message = protowire.AppendTag(message, tensorContent, protowire.BytesType)
		message = protowire.AppendBytes(message, content)
	}
	return bytesField(valueTensor, message)
}

// stringField returns the field tensor of a Summary.Value, of strings or bytes.
func stringField[T string | []byte](elements []T, shape ...int) []byte {
	size := 32
	for _, e := range elements {
		size += len(e) + 6
	}
	message := appendTensorHead(make([]byte, 0, size), typeString, shape)
	for _, e := range elements {
		message = protowire.AppendTag(message, tensorStringVal, protowire.BytesType)
		message = protowire.AppendVarint(message, uint64(len(e)))
		message = append(message, e...)
	}
	return bytesField(valueTensor, message)
}

func appendTensorHead(b []byte, dtype uint64, shape []int) []byte {
	b = protowire.AppendTag(b, tensorDType, protowire.VarintType)
	b = protowire.AppendVarint(b, dtype)
	b = protowire.AppendTag(b, tensorShape, protowire.BytesType)
	return protowire.AppendBytes(b, encodeShape(shape))
}

// encodeShape returns a TensorShapeProto.
func encodeShape(shape []int) (dims []byte) {
	for _, size := range shape {
		dim := appendInt(nil, dimSize, int64(size))
		dims = protowire.AppendTag(dims, shapeDim, protowire.BytesType)
		dims = protowire.AppendBytes(dims, dim)
	}
	return dims
}

// bytesField returns a field that holds a message.
func bytesField(field protowire.Number, message []byte) []byte {
	b := protowire.AppendTag(make([]byte, 0, len(message)+6), field, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}
