package gomlx

import (
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/runhook/runhook/session"
)

// DescribeGraph returns the nodes of a step's graph: variables under their paths,
// the rest by what they do. Without [Engine.Build], a train.Loop's has none.
func (e *Engine) DescribeGraph() []session.GraphNode {
	if e.graph == nil {
		return nil
	}
	nodes := e.graph.Nodes()
	names := make(map[graph.NodeId]string, len(nodes))
	for _, n := range nodes {
		names[n.Id()] = nodeName(n)
	}
	described := make([]session.GraphNode, 0, len(nodes))
	for _, n := range nodes {
		d := session.GraphNode{Name: names[n.Id()], Op: n.Type().String()}
		for _, in := range n.Inputs() {
			d.Inputs = append(d.Inputs, names[in.Id()])
		}
		if n.NumOutputs() == 1 {
			shape := n.Shape()
			d.Outputs = []session.GraphOutput{{DType: strings.ToLower(shape.DType.String()), Shape: append([]int{}, shape.Dimensions...)}}
		}
		described = append(described, d)
	}
	return described
}

func nodeName(n *graph.Node) string {
	if n.Type() != graph.NodeTypeParameter {
		return fmt.Sprintf("%s_%d", n.Type(), n.Id())
	}
	return strings.TrimLeft(n.GetParameterName(), "/#")
}
