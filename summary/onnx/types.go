package onnx

import (
	"strconv"

	"github.com/runhook/runhook/session"
)

// Fields of ValueInfoProto, TypeProto and what is in it, TensorProto,
// SparseTensorProto and AttributeProto in onnx.proto, as number<<3 | type. They are
// the wire format and cannot change.
const (
	valueInfoName = 1<<3 | asBytes
	valueInfoType = 2<<3 | asBytes

	typeTensor       = 1<<3 | asBytes
	typeSequence     = 4<<3 | asBytes
	typeMap          = 5<<3 | asBytes
	typeOpaque       = 7<<3 | asBytes
	typeSparseTensor = 8<<3 | asBytes
	typeOptional     = 9<<3 | asBytes

	tensorTypeElem  = 1<<3 | asVarint
	tensorTypeShape = 2<<3 | asBytes
	shapeDim        = 1<<3 | asBytes
	dimValue        = 1<<3 | asVarint

	tensorDims       = 1<<3 | asVarint
	tensorDimsPacked = 1<<3 | asBytes
	tensorDataType   = 2<<3 | asVarint
	tensorName       = 8<<3 | asBytes

	sparseValues     = 1<<3 | asBytes
	sparseDims       = 3<<3 | asVarint
	sparseDimsPacked = 3<<3 | asBytes

	attributeName         = 1<<3 | asBytes
	attributeF            = 2<<3 | asFixed32
	attributeI            = 3<<3 | asVarint
	attributeS            = 4<<3 | asBytes
	attributeT            = 5<<3 | asBytes
	attributeG            = 6<<3 | asBytes
	attributeFloats       = 7<<3 | asFixed32
	attributeFloatsPacked = 7<<3 | asBytes
	attributeInts         = 8<<3 | asVarint
	attributeIntsPacked   = 8<<3 | asBytes
	attributeStrings      = 9<<3 | asBytes
	attributeTensors      = 10<<3 | asBytes
	attributeGraphs       = 11<<3 | asBytes
	attributeTP           = 14<<3 | asBytes
	attributeRefAttrName  = 21<<3 | asBytes
	attributeSparseTensor = 22<<3 | asBytes
)

// typeNames are the names of onnx.proto's TensorProto.DataType.
var typeNames = [...]string{
	"", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "float64", "uint32", "uint64",
	"complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4",
	"float4e2m1", "float8e8m0", "uint2", "int2", "float6e2m3", "float6e3m2",
}

func typeName(x uint64) string {
	if x < uint64(len(typeNames)) {
		return typeNames[x]
	}
	return "type " + strconv.FormatUint(x, 10)
}

// valueInfo adds the type of a ValueInfoProto, if it has one, to g and returns its
// name.
func (r *reader) valueInfo(m message, g *graph) (name string, err error) {
	var output session.GraphOutput
	r.spend(thingCost)
	err = r.each(m, func(f field) (err error) {
		switch f.tag {
		case valueInfoName:
			name = r.text(f)
		case valueInfoType:
			output, err = r.valueType(f.message)
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
func (r *reader) valueType(m message) (o session.GraphOutput, err error) {
	err = r.each(m, func(f field) (err error) {
		switch f.tag {
		case typeTensor, typeSparseTensor:
			o, err = r.tensorType(f.message)
		case typeSequence:
			o.DType = "sequence"
		case typeMap:
			o.DType = "map"
		case typeOpaque:
			o.DType = "opaque"
		case typeOptional:
			o.DType = "optional"
		}
		return err
	})
	return o, err
}

// tensorType reads a TypeProto.Tensor or .SparseTensor.
func (r *reader) tensorType(m message) (o session.GraphOutput, err error) {
	err = r.each(m, func(f field) error {
		switch f.tag {
		case tensorTypeElem:
			o.DType = typeName(f.number)
		case tensorTypeShape:
			o.Shape = []int{}
			return r.each(f.message, func(f field) error {
				if f.tag != shapeDim {
					return nil
				}
				size, err := r.dimension(f.message)
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
func (r *reader) dimension(m message) (size int, err error) {
	size = -1
	r.spend(textCost)
	err = r.each(m, func(f field) error {
		if f.tag == dimValue {
			size = max(int(f.number), -1)
		}
		return nil
	})
	return size, err
}

// tensor reads the head of a TensorProto.
func (r *reader) tensor(m message) (t tensor, err error) {
	t.output.Shape = []int{}
	r.spend(thingCost)
	err = r.each(m, func(f field) (err error) {
		switch f.tag {
		case tensorDims, tensorDimsPacked:
			err = r.sizes(f, &t.output)
		case tensorDataType:
			t.output.DType = typeName(f.number)
		case tensorName:
			t.name = r.text(f)
		}
		return err
	})
	return t, err
}

// sparseTensor reads the head of a SparseTensorProto: its elements that are not 0
// are a tensor with its name.
func (r *reader) sparseTensor(m message) (t tensor, err error) {
	var values tensor
	t.output.Shape = []int{}
	err = r.each(m, func(f field) (err error) {
		switch f.tag {
		case sparseValues:
			values, err = r.tensor(f.message)
		case sparseDims, sparseDimsPacked:
			err = r.sizes(f, &t.output)
		}
		return err
	})
	t.name, t.output.DType, t.stored = values.name, values.output.DType, values.output.String()
	return t, err
}

// sizes adds dimensions to a shape.
func (r *reader) sizes(f field, o *session.GraphOutput) error {
	return r.numbers(f, asVarint, func(x uint64) {
		r.spend(textCost)
		o.Shape = append(o.Shape, max(int(x), -1))
	})
}

// attribute reads an AttributeProto.
func (r *reader) attribute(m message) (a attribute, err error) {
	var list list
	r.spend(thingCost)
	err = r.each(m, func(f field) (err error) {
		switch f.tag {
		case attributeName:
			a.name = r.text(f)
		case attributeF:
			a.text = formatFloat(f.number)
		case attributeI:
			a.text = formatInt(f.number)
		case attributeS:
			a.text = shownText(f.bytes)
		case attributeT:
			t, err := r.tensor(f.message)
			a.text = t.output.String()
			return err
		case attributeSparseTensor:
			t, err := r.sparseTensor(f.message)
			a.text = t.output.String()
			return err
		case attributeTP:
			o, err := r.valueType(f.message)
			a.text = o.String()
			return err
		case attributeG, attributeGraphs:
			a.graphs = append(a.graphs, f.message)
		case attributeFloats, attributeFloatsPacked:
			err = r.numbers(f, asFixed32, func(x uint64) { list.add(x, formatFloat) })
		case attributeInts, attributeIntsPacked:
			err = r.numbers(f, asVarint, func(x uint64) { list.add(x, formatInt) })
		case attributeStrings:
			list.addText(strconv.Quote(shownText(f.bytes)))
		case attributeTensors:
			t, err := r.tensor(f.message)
			list.addText(t.output.String())
			return err
		case attributeRefAttrName:
			a.ref = r.text(f)
		}
		return err
	})
	if list.n > 0 {
		a.text = list.String()
	}
	return a, err
}
