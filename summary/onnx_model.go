package summary

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/session"
)

// Types of fields on the wire. The cases below are the fields of the messages of
// onnx.proto, number<<3 | type, which cannot change.
const (
	asVarint  = uint64(protowire.VarintType)
	asBytes   = uint64(protowire.BytesType)
	asFixed32 = uint64(protowire.Fixed32Type)
)

// An onnxGraph is a GraphProto, or the body of a FunctionProto. The graphs in the
// attributes of its nodes are not read yet.
type onnxGraph struct {
	nodes           []onnxNode
	inputs, outputs []string
	initializers    []onnxTensor
	types           map[string]session.GraphOutput // of values, by name
}

// An onnxNode is a NodeProto.
type onnxNode struct {
	onnxOperator
	name            string
	inputs, outputs []string // "" is one that is left out
	attributes      []onnxAttribute
}

// An onnxOperator is what a node does: an operator of the standard, or of a
// domain, or a function of the model.
type onnxOperator struct{ domain, op, overload string }

// String is the operator as ONNX writes it in text: domain.op:overload.
func (o onnxOperator) String() string {
	s := o.op
	if o.domain != "" {
		s = o.domain + "." + s
	}
	if o.overload != "" {
		s += ":" + o.overload
	}
	return s
}

// An onnxTensor is a TensorProto or a SparseTensorProto without its elements.
type onnxTensor struct {
	name   string
	output session.GraphOutput
	stored string // of a sparse one: how many elements are there
}

// An onnxAttribute is an AttributeProto: a text to show, graphs, or the name of
// the attribute of a function that it stands for.
type onnxAttribute struct {
	name, text, ref string
	graphs          []onnxMessage
}

// An onnxFunction is a FunctionProto.
type onnxFunction struct {
	onnxGraph
	defaults []onnxAttribute
}

// An onnxModel is a ModelProto.
type onnxModel struct {
	onnxGraph
	functions map[onnxOperator]*onnxFunction
}

func (r *onnxReader) model(m onnxMessage) (*onnxModel, error) {
	model := onnxModel{functions: make(map[onnxOperator]*onnxFunction)}
	found := false
	err := r.each(m, func(f onnxField) error {
		switch f.tag {
		case 7<<3 | asBytes:
			found = true
			return within("graph", r.graph(f.onnxMessage, &model.onnxGraph))
		case 25<<3 | asBytes:
			return within(fmt.Sprint("function ", len(model.functions)), r.function(f.onnxMessage, model.functions))
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("no graph in it: is it a model in the format of ONNX?")
	}
	return &model, err
}

// within adds to an error in which part of a message it is.
func within(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

// graph adds a GraphProto to g.
func (r *onnxReader) graph(m onnxMessage, g *onnxGraph) error {
	return r.each(m, func(f onnxField) error {
		switch f.tag {
		case 1<<3 | asBytes:
			return r.node(f.onnxMessage, g)
		case 5<<3 | asBytes:
			t, err := r.tensor(f.onnxMessage)
			g.initializers = append(g.initializers, t)
			return within("initializer", err)
		case 15<<3 | asBytes:
			t, err := r.sparseTensor(f.onnxMessage)
			g.initializers = append(g.initializers, t)
			return within("sparse initializer", err)
		case 11<<3 | asBytes:
			name, err := r.valueInfo(f.onnxMessage, g)
			g.inputs = append(g.inputs, name)
			return within("input", err)
		case 12<<3 | asBytes:
			name, err := r.valueInfo(f.onnxMessage, g)
			g.outputs = append(g.outputs, name)
			return within("output", err)
		case 13<<3 | asBytes:
			_, err := r.valueInfo(f.onnxMessage, g)
			return within("value info", err)
		}
		return nil
	})
}

// function adds a FunctionProto to all.
func (r *onnxReader) function(m onnxMessage, all map[onnxOperator]*onnxFunction) error {
	var function onnxFunction
	var operator onnxOperator
	r.spend(onnxThingCost)
	err := r.each(m, func(f onnxField) error {
		switch f.tag {
		case 1<<3 | asBytes:
			operator.op = r.text(f)
		case 10<<3 | asBytes:
			operator.domain = r.domain(f)
		case 13<<3 | asBytes:
			operator.overload = r.text(f)
		case 4<<3 | asBytes:
			function.inputs = append(function.inputs, r.text(f))
		case 5<<3 | asBytes:
			function.outputs = append(function.outputs, r.text(f))
		case 7<<3 | asBytes:
			return r.node(f.onnxMessage, &function.onnxGraph)
		case 11<<3 | asBytes:
			a, err := r.attribute(f.onnxMessage)
			function.defaults = append(function.defaults, a)
			return within("attribute", err)
		case 12<<3 | asBytes:
			_, err := r.valueInfo(f.onnxMessage, &function.onnxGraph)
			return within("value info", err)
		}
		return nil
	})
	all[operator] = &function
	return err
}

// node adds a NodeProto to g.
func (r *onnxReader) node(m onnxMessage, g *onnxGraph) error {
	var n onnxNode
	r.spend(2 * onnxThingCost)
	err := r.each(m, func(f onnxField) error {
		switch f.tag {
		case 1<<3 | asBytes:
			n.inputs = append(n.inputs, r.text(f))
		case 2<<3 | asBytes:
			n.outputs = append(n.outputs, r.text(f))
		case 3<<3 | asBytes:
			n.name = r.text(f)
		case 4<<3 | asBytes:
			n.op = r.text(f)
		case 7<<3 | asBytes:
			n.domain = r.domain(f)
		case 8<<3 | asBytes:
			n.overload = r.text(f)
		case 5<<3 | asBytes:
			a, err := r.attribute(f.onnxMessage)
			n.attributes = append(n.attributes, a)
			return within(fmt.Sprintf("attribute %d", len(n.attributes)-1), err)
		}
		return nil
	})
	if err == nil && n.op == "" {
		err = fmt.Errorf("at byte %d: no operator", m.at)
	}
	g.nodes = append(g.nodes, n)
	return within(fmt.Sprint("node ", len(g.nodes)-1), err)
}

// domain is that of an operator. The standard's has two names.
func (r *onnxReader) domain(f onnxField) string {
	if string(f.bytes) == "ai.onnx" {
		return ""
	}
	return r.text(f)
}
