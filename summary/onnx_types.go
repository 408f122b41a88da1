package summary

import (
	"strconv"

	"github.com/runhook/runhook/session"
)

// onnxTypes are the names of onnx.proto's TensorProto.DataType.
var onnxTypes = [...]string{
	"", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "float64", "uint32", "uint64",
	"complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4",
	"float4e2m1", "float8e8m0", "uint2", "int2", "float6e2m3", "float6e3m2",
}

func onnxType(x uint64) string {
	if x < uint64(len(onnxTypes)) {
		return onnxTypes[x]
	}
	return "type " + strconv.FormatUint(x, 10)
}

// valueInfo adds the type of a ValueInfoProto, if it has one, to g and returns its
// name.
func (r *onnxReader) valueInfo(m onnxMessage, g *onnxGraph) (name string, err error) {
	var output session.GraphOutput
	r.spend(onnxThingCost)
	err = r.each(m, func(f onnxField) (err error) {
		switch f.tag {
		case 1<<3 | asBytes:
			name = r.text(f)
		case 2<<3 | asBytes:
			output, err = r.valueType(f.onnxMessage)
		}
		return err
	})
	if output.DType != "" || output.Shape != nil {
		if g.types == nil {
			g.types = make(map[string]session.GraphOutput)
		}
		g.types[name] = output
	}
	return name, err
}

// valueType reads a TypeProto. Only tensors have a shape.
func (r *onnxReader) valueType(m onnxMessage) (o session.GraphOutput, err error) {
	err = r.each(m, func(f onnxField) (err error) {
		switch f.tag {
		case 1<<3 | asBytes, 8<<3 | asBytes:
			o, err = r.tensorType(f.onnxMessage)
		case 4<<3 | asBytes:
			o.DType = "sequence"
		case 5<<3 | asBytes:
			o.DType = "map"
		case 7<<3 | asBytes:
			o.DType = "opaque"
		case 9<<3 | asBytes:
			o.DType = "optional"
		}
		return err
	})
	return o, err
}

// tensorType reads a TypeProto.Tensor or .SparseTensor.
func (r *onnxReader) tensorType(m onnxMessage) (o session.GraphOutput, err error) {
	err = r.each(m, func(f onnxField) error {
		switch f.tag {
		case 1<<3 | asVarint:
			o.DType = onnxType(f.number)
		case 2<<3 | asBytes:
			o.Shape = []int{}
			return r.each(f.onnxMessage, func(f onnxField) error {
				if f.tag != 1<<3|asBytes {
					return nil
				}
				size, err := r.dimension(f.onnxMessage)
				o.Shape = append(o.Shape, size)
				return err
			})
		}
		return nil
	})
	return o, err
}

// dimension reads a TensorShapeProto.Dimension: a size, or a name that stands for
// any.
func (r *onnxReader) dimension(m onnxMessage) (size int, err error) {
	size = -1
	r.spend(onnxTextCost)
	err = r.each(m, func(f onnxField) error {
		if f.tag == 1<<3|asVarint {
			size = max(int(f.number), -1)
		}
		return nil
	})
	return size, err
}

// tensor reads the head of a TensorProto.
func (r *onnxReader) tensor(m onnxMessage) (t onnxTensor, err error) {
	t.output.Shape = []int{}
	r.spend(onnxThingCost)
	err = r.each(m, func(f onnxField) (err error) {
		switch f.tag {
		case 1<<3 | asVarint, 1<<3 | asBytes:
			err = r.sizes(f, &t.output)
		case 2<<3 | asVarint:
			t.output.DType = onnxType(f.number)
		case 8<<3 | asBytes:
			t.name = r.text(f)
		}
		return err
	})
	return t, err
}

// sparseTensor reads the head of a SparseTensorProto: its elements that are not 0
// are a tensor with its name.
func (r *onnxReader) sparseTensor(m onnxMessage) (t onnxTensor, err error) {
	var values onnxTensor
	t.output.Shape = []int{}
	err = r.each(m, func(f onnxField) (err error) {
		switch f.tag {
		case 1<<3 | asBytes:
			values, err = r.tensor(f.onnxMessage)
		case 3<<3 | asVarint, 3<<3 | asBytes:
			err = r.sizes(f, &t.output)
		}
		return err
	})
	t.name, t.output.DType, t.stored = values.name, values.output.DType, values.output.String()
	return t, err
}

// sizes adds dimensions to a shape.
func (r *onnxReader) sizes(f onnxField, o *session.GraphOutput) error {
	return r.numbers(f, asVarint, func(x uint64) {
		r.spend(onnxTextCost)
		o.Shape = append(o.Shape, max(int(x), -1))
	})
}

// attribute reads an AttributeProto.
func (r *onnxReader) attribute(m onnxMessage) (a onnxAttribute, err error) {
	var list onnxList
	r.spend(onnxThingCost)
	err = r.each(m, func(f onnxField) (err error) {
		switch f.tag {
		case 1<<3 | asBytes:
			a.name = r.text(f)
		case 2<<3 | asFixed32:
			a.text = formatFloat(f.number)
		case 3<<3 | asVarint:
			a.text = formatInt(f.number)
		case 4<<3 | asBytes:
			a.text = shownText(f.bytes)
		case 5<<3 | asBytes:
			t, err := r.tensor(f.onnxMessage)
			a.text = t.output.String()
			return err
		case 22<<3 | asBytes:
			t, err := r.sparseTensor(f.onnxMessage)
			a.text = t.output.String()
			return err
		case 14<<3 | asBytes:
			o, err := r.valueType(f.onnxMessage)
			a.text = o.String()
			return err
		case 6<<3 | asBytes, 11<<3 | asBytes:
			a.graphs = append(a.graphs, f.onnxMessage)
		case 7<<3 | asFixed32, 7<<3 | asBytes:
			err = r.numbers(f, asFixed32, func(x uint64) { list.add(x, formatFloat) })
		case 8<<3 | asVarint, 8<<3 | asBytes:
			err = r.numbers(f, asVarint, func(x uint64) { list.add(x, formatInt) })
		case 9<<3 | asBytes:
			list.addText(strconv.Quote(shownText(f.bytes)))
		case 10<<3 | asBytes:
			t, err := r.tensor(f.onnxMessage)
			list.addText(t.output.String())
			return err
		case 21<<3 | asBytes:
			a.ref = r.text(f)
		}
		return err
	})
	if list.n > 0 {
		a.text = list.String()
	}
	return a, err
}
