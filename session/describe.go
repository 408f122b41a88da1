package session

import (
	"cmp"
	"strconv"
	"strings"
)

// A GraphDescriber is an engine that can tell what it is made of, for people to
// look at.
type GraphDescriber interface {
	// DescribeGraph returns the nodes; their order does not matter.
	DescribeGraph() []GraphNode
}

// A GraphNode is one node of an engine's graph.
type GraphNode struct {
	// Name is the node's own. Slashes in it are scopes, which are drawn as boxes in
	// boxes. One that ends with a colon and a number is taken for the output of
	// another where it is an input.
	Name string
	// Op is what kind of node it is, such as "Variable".
	Op string
	// Inputs are the nodes whose values it uses; After those that it only has to
	// come after. Of a node with several values "name" is the first, "name:1" the
	// second.
	Inputs, After []string
	// Outputs are what is known of its values, in their order. The zero GraphOutput
	// is one of which nothing is known.
	Outputs []GraphOutput
	// Attributes are shown beside it, such as "alpha": "0.01".
	Attributes map[string]string
}

// A GraphOutput is the type of a value of a node.
type GraphOutput struct {
	// DType names the type of its elements, such as "float32".
	DType string
	// Shape has -1 for a dimension of any size. A scalar's is empty, and not nil:
	// nil is a shape that is not known.
	Shape []int
}

// String is the type as text, as float32[?, 10]; ? for one that is not known.
func (o GraphOutput) String() string {
	if o.Shape == nil {
		return cmp.Or(o.DType, "?")
	}
	sizes := make([]string, len(o.Shape))
	for i, size := range o.Shape {
		if sizes[i] = strconv.Itoa(size); size < 0 {
			sizes[i] = "?"
		}
	}
	return o.DType + "[" + strings.Join(sizes, ", ") + "]"
}
