package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/session"
)

// Types of fields on the wire.
const (
	asVarint  = uint64(protowire.VarintType)
	asBytes   = uint64(protowire.BytesType)
	asFixed32 = uint64(protowire.Fixed32Type)
)

// Fields of ModelProto, GraphProto, FunctionProto and NodeProto in onnx.proto, as
// number<<3 | type. They are the wire format and cannot change.
const (
	modelGraph     = 7<<3 | asBytes
	modelFunctions = 25<<3 | asBytes

	graphNode              = 1<<3 | asBytes
	graphInitializer       = 5<<3 | asBytes
	graphInput             = 11<<3 | asBytes
	graphOutput            = 12<<3 | asBytes
	graphValueInfo         = 13<<3 | asBytes
	graphSparseInitializer = 15<<3 | asBytes

	functionName           = 1<<3 | asBytes
	functionInput          = 4<<3 | asBytes
	functionOutput         = 5<<3 | asBytes
	functionNode           = 7<<3 | asBytes
	functionDomain         = 10<<3 | asBytes
	functionAttributeProto = 11<<3 | asBytes
	functionValueInfo      = 12<<3 | asBytes
	functionOverload       = 13<<3 | asBytes

	nodeInput     = 1<<3 | asBytes
	nodeOutput    = 2<<3 | asBytes
	nodeName      = 3<<3 | asBytes
	nodeOpType    = 4<<3 | asBytes
	nodeAttribute = 5<<3 | asBytes
	nodeDomain    = 7<<3 | asBytes
	nodeOverload  = 8<<3 | asBytes
)

// A graph is a GraphProto, or the body of a FunctionProto. The graphs in the
// attributes of its nodes are not read yet.
type graph struct {
	nodes           []node
	inputs, outputs []string
	initializers    []tensor
	types           map[string]session.GraphOutput // of values, by name
}

// A node is a NodeProto.
type node struct {
	operator
	name            string
	inputs, outputs []string // "" is one that is left out
	attributes      []attribute
}

// An operator is what a node does: an operator of the standard, or of a
// domain, or a function of the model.
type operator struct{ domain, op, overload string }

// String is the operator as ONNX writes it in text: domain.op:overload.
func (o operator) String() string {
	s := o.op
	if o.domain != "" {
		s = o.domain + "." + s
	}
	if o.overload != "" {
		s += ":" + o.overload
	}
	return s
}

// A tensor is a TensorProto or a SparseTensorProto without its elements.
type tensor struct {
	name   string
	output session.GraphOutput
	stored string // of a sparse one: how many elements are there
}

// An attribute is an AttributeProto: a text to show, graphs, or the name of
// the attribute of a function that it stands for.
type attribute struct {
	name, text, ref string
	graphs          []message
}

// A function is a FunctionProto.
type function struct {
	graph
	defaults []attribute
}

// A model is a ModelProto.
type model struct {
	graph
	functions map[operator]*function
}

func (r *reader) model(m message) (*model, error) {
	model := model{functions: make(map[operator]*function)}
	found := false
	err := r.each(m, func(f field) error {
		switch f.tag {
		case modelGraph:
			found = true
			return within("graph", r.graph(f.message, &model.graph))
		case modelFunctions:
			return within(fmt.Sprint("function ", len(model.functions)), r.function(f.message, model.functions))
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
func (r *reader) graph(m message, g *graph) error {
	return r.each(m, func(f field) error {
		switch f.tag {
		case graphNode:
			return r.node(f.message, g)
		case graphInitializer:
			t, err := r.tensor(f.message)
			g.initializers = append(g.initializers, t)
			return within("initializer", err)
		case graphSparseInitializer:
			t, err := r.sparseTensor(f.message)
			g.initializers = append(g.initializers, t)
			return within("sparse initializer", err)
		case graphInput:
			name, err := r.valueInfo(f.message, g)
			g.inputs = append(g.inputs, name)
			return within("input", err)
		case graphOutput:
			name, err := r.valueInfo(f.message, g)
			g.outputs = append(g.outputs, name)
			return within("output", err)
		case graphValueInfo:
			_, err := r.valueInfo(f.message, g)
			return within("value info", err)
		}
		return nil
	})
}

// function adds a FunctionProto to all.
func (r *reader) function(m message, all map[operator]*function) error {
	var function function
	var operator operator
	r.spend(thingCost)
	err := r.each(m, func(f field) error {
		switch f.tag {
		case functionName:
			operator.op = r.text(f)
		case functionDomain:
			operator.domain = r.domain(f)
		case functionOverload:
			operator.overload = r.text(f)
		case functionInput:
			function.inputs = append(function.inputs, r.text(f))
		case functionOutput:
			function.outputs = append(function.outputs, r.text(f))
		case functionNode:
			return r.node(f.message, &function.graph)
		case functionAttributeProto:
			a, err := r.attribute(f.message)
			function.defaults = append(function.defaults, a)
			return within("attribute", err)
		case functionValueInfo:
			_, err := r.valueInfo(f.message, &function.graph)
			return within("value info", err)
		}
		return nil
	})
	all[operator] = &function
	return err
}

// node adds a NodeProto to g.
func (r *reader) node(m message, g *graph) error {
	var n node
	r.spend(2 * thingCost)
	err := r.each(m, func(f field) error {
		switch f.tag {
		case nodeInput:
			n.inputs = append(n.inputs, r.text(f))
		case nodeOutput:
			n.outputs = append(n.outputs, r.text(f))
		case nodeName:
			n.name = r.text(f)
		case nodeOpType:
			n.op = r.text(f)
		case nodeDomain:
			n.domain = r.domain(f)
		case nodeOverload:
			n.overload = r.text(f)
		case nodeAttribute:
			a, err := r.attribute(f.message)
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
func (r *reader) domain(f field) string {
	if string(f.bytes) == "ai.onnx" {
		return ""
	}
	return r.text(f)
}
