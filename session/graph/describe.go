package graph

import "github.com/runhook/runhook/session"

var _ session.GraphDescriber = (*Graph)(nil)

// ops are the kinds of nodes as a drawing names them, TensorFlow's where it has
// the same.
var ops = [...]string{
	variable:    "Variable",
	placeholder: "Placeholder",
	computed:    "Func",
	update:      "Update",
	assign:      "Assign",
	train:       "Train",
}

// DescribeGraph returns the nodes in the order in which they were added.
func (g *Graph) DescribeGraph() []session.GraphNode {
	described := make([]session.GraphNode, len(g.nodes))
	for i, n := range g.nodes {
		d := session.GraphNode{Name: n.name, Op: ops[n.kind], Inputs: n.inputNames}
		if n.kind == train {
			d.Inputs, d.After = nil, n.inputNames
			if g.globalStep >= 0 {
				d.Inputs = []string{session.GlobalStepName}
			}
		}
		described[i] = d
	}
	return described
}
