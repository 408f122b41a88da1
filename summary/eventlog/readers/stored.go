package readers

import (
	"encoding/binary"
	"math"

	"github.com/runhook/runhook/summary/eventpb"
)

// A stored value is a point as a reader keeps it while it loads.
type stored struct {
	step  int64
	wall  float64
	place Place
	value datum
}

// A datum is one value, in the field that its kind says. Scalars, which make
// the long series, need no message.
type datum struct {
	kind   datumKind
	scalar float32                // simpleDatum, floatDatum
	tensor *eventpb.TensorProto   // tensorDatum
	old    *eventpb.Summary_Value // oldDatum
	blob   []byte                 // blobDatum
}

type datumKind uint8

const (
	noDatum     datumKind = iota
	simpleDatum           // a simple_value
	floatDatum            // a tensor of rank 0 and type FLOAT
	tensorDatum
	oldDatum  // an image, histogram or clip of the old form
	blobDatum // a graph or run metadata
)

// datumOf keeps what a value holds.
func datumOf(v *eventpb.Summary_Value) datum {
	switch x := v.GetValue().(type) {
	case *eventpb.Summary_Value_SimpleValue:
		return datum{kind: simpleDatum, scalar: x.SimpleValue}
	case *eventpb.Summary_Value_Tensor:
		return tensorOf(x.Tensor)
	case nil:
		return datum{}
	}
	return datum{kind: oldDatum, old: v}
}

// tensorOf keeps a tensor. A FLOAT of rank 0 is taken out of its message where
// all readers find the same in it.
func tensorOf(t *eventpb.TensorProto) datum {
	if t.GetDtype() == eventpb.DataType_FLOAT && len(t.GetTensorShape().GetDim()) == 0 {
		values, content := t.GetFloatVal(), t.GetTensorContent()
		switch {
		case len(values) == 1 && len(content) == 0:
			return datum{kind: floatDatum, scalar: values[0]}
		case len(values) == 0 && len(content) == 4:
			return datum{kind: floatDatum, scalar: math.Float32frombits(binary.LittleEndian.Uint32(content))}
		}
	}
	return datum{kind: tensorDatum, tensor: t}
}

// array is make_ndarray of a tensor.
func (d datum) array() (*Tensor, error) {
	if d.kind == floatDatum {
		return scalarTensor(d.scalar), nil
	}
	return NewTensor(d.tensor)
}
