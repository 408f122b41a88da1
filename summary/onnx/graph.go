// Package onnx reads models in the format of ONNX (onnx/onnx.proto), as far as
// there is something to draw: TensorBoard shows their graphs.
//
//	model, err := os.ReadFile("model.onnx")
//	graph, err := onnx.Graph(model)
//	err = w.AddGraph(graph, 0)
package onnx

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// Ops of the nodes that stand for the values that a graph begins and ends with.
// TensorBoard draws a node whose op has "Const" in it as a dot beside each node
// that uses it.
const (
	opInput  = "Input"
	opOutput = "Output"
	opConst  = "Const"
)

// maxDepth is how deep graphs and calls of functions may be nested.
const maxDepth = 100

// Graph returns the graph of a model, which is the content of an .onnx file,
// for [summary.Writer.AddGraph]. It has
//   - each node of the model, under its name, or, if that is missing, one made of
//     the operator and the first output, as Relu_y;
//   - a node for each input, initializer and output of the model, with the ops
//     Input, Const and Output; an initializer that is an input, too, is a Const;
//   - the nodes of the graphs that a node runs, such as the branches of an If or
//     the body of a Loop, in the scope of its name and that of the attribute, as
//     If_y/then_branch/Add_z, and the nodes of a function of the model in the scope
//     of each call. The node uses their results.
//
// Slashes in names are scopes. Names are cleaned as by [summary.CleanName], and of two that
// are the same the second gets _1 behind it. Types are those that the model tells:
// none are inferred. Weights are not read, and nothing of model is kept.
//
// The error tells what is wrong and where: if that is no model, or one that is cut
// off, has more than some 200,000 nodes, or uses a value that nothing makes or
// that two nodes make.
func Graph(model []byte) (session.GraphDescriber, error) {
	return graphWithin(maxMade, model)
}

func graphWithin(budget int, encoded []byte) (session.GraphDescriber, error) {
	b := builder{reader: reader{budget}, taken: make(map[string]int)}
	model, err := b.model(message{bytes: encoded})
	if err == nil {
		err = b.draw(model)
	}
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return b.nodes, nil
}

// nodes are the nodes of a model.
type nodes []session.GraphNode

func (n nodes) DescribeGraph() []session.GraphNode { return n }

// A builder makes nodes of a model.
type builder struct {
	reader
	functions map[operator]*function
	taken     map[string]int // names of nodes: the number to try next
	nodes     nodes
}

// A scope is where names of values hold: a graph, or a call of a function. A
// value is there as nodes have it among their inputs; "" is one left out.
type scope struct {
	prefix     string // of the names of nodes
	outer      *scope // whose values can be used, too; nil: none
	values     map[string]string
	types      map[string]session.GraphOutput
	attributes map[string]string // of the call
	depth      int
}

func (b *builder) draw(m *model) error {
	b.functions = m.functions
	s := &scope{values: make(map[string]string), types: m.types}
	results, err := b.graphIn(s, &m.graph, nil)
	if err != nil {
		return err
	}
	for i, value := range m.outputs {
		name, err := b.unique(cleanName(value))
		if err != nil {
			return err
		}
		b.add(session.GraphNode{Name: name, Op: opOutput, Inputs: present(results[i : i+1]), Outputs: b.outputs(s, value)})
	}
	return b.err()
}

// graphIn adds the nodes of a graph and returns where its outputs come from.
// Inputs tell where its own come from, as far as anything does.
func (b *builder) graphIn(s *scope, g *graph, inputs []string) ([]string, error) {
	initialized := make(map[string]bool, len(g.initializers))
	for _, t := range g.initializers {
		initialized[t.name] = true
		n := session.GraphNode{Op: opConst, Outputs: []session.GraphOutput{t.output}}
		if t.stored != "" {
			n.Attributes = map[string]string{"stored": t.stored}
		}
		if err := b.source(s, t.name, n); err != nil {
			return nil, err
		}
	}
	for i, value := range g.inputs {
		if initialized[value] {
			continue // a default, or what older models have for each initializer
		}
		n := session.GraphNode{Op: opInput, Outputs: b.outputs(s, value)}
		if i < len(inputs) {
			n.Inputs = present(inputs[i : i+1])
		}
		if err := b.source(s, value, n); err != nil {
			return nil, err
		}
	}
	if err := b.nodesIn(s, g.nodes); err != nil {
		return nil, err
	}
	return b.inputs(s, g.outputs)
}

// source adds a node that is called as the value that it makes.
func (b *builder) source(s *scope, value string, n session.GraphNode) (err error) {
	if n.Name, err = b.unique(s.prefix + cleanName(value)); err != nil {
		return err
	}
	b.add(n)
	return b.define(s, value, n.Name)
}

// nodesIn adds the nodes of a graph or a function.
func (b *builder) nodesIn(s *scope, nodes []node) (err error) {
	if s.depth > maxDepth {
		return fmt.Errorf("%d graphs and functions within each other, at %.80q", s.depth, s.prefix)
	}
	names := make([]string, len(nodes))
	for i := range nodes {
		if names[i], err = b.unique(s.prefix + nodes[i].label()); err != nil {
			return err
		}
		for k, value := range nodes[i].outputs {
			made := names[i]
			if k > 0 {
				made += ":" + strconv.Itoa(k)
			}
			if err := b.define(s, value, made); err != nil {
				return err
			}
		}
	}
	for i := range nodes {
		if err := b.node(s, names[i], &nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

// node adds a node, and what is in its scope: graphs that it runs, or what the
// function has that it calls.
func (b *builder) node(s *scope, name string, n *node) error {
	inputs, err := b.inputs(s, n.inputs)
	if err != nil {
		return within(fmt.Sprintf("node %q", name), err)
	}
	attributes := b.texts(s, n.attributes)
	used := inputs
	if f := b.functions[n.operator]; f != nil {
		if used, err = b.call(s, name, f, inputs, attributes); err != nil {
			return err
		}
	}
	for _, a := range n.attributes {
		for _, encoded := range a.graphs {
			var g graph
			if err := b.graph(encoded, &g); err != nil {
				return within(fmt.Sprintf("node %q: %s", name, a.name), err)
			}
			inner := &scope{
				prefix: name + "/" + cleanName(a.name) + "/", outer: s,
				values: make(map[string]string), types: g.types, attributes: s.attributes, depth: s.depth + 1,
			}
			var given []string
			if n.domain == "" { // a Loop, a Scan or a SequenceMap; other domains have rules of their own
				given = inputs
			}
			results, err := b.graphIn(inner, &g, given)
			if err != nil {
				return err
			}
			used = slices.Concat(used, results)
		}
	}
	b.add(session.GraphNode{Name: name, Op: n.operator.String(), Inputs: present(used), Outputs: b.outputs(s, n.outputs...), Attributes: attributes})
	return b.err()
}

// call adds the nodes of a function for one of its calls and returns where the
// results come from.
func (b *builder) call(s *scope, name string, f *function, inputs []string, attributes map[string]string) ([]string, error) {
	inner := &scope{
		prefix: name + "/", values: make(map[string]string), types: f.types,
		attributes: b.texts(s, f.defaults), depth: s.depth + 1,
	}
	maps.Copy(inner.attributes, attributes)
	for i, value := range f.inputs {
		var made string
		if i < len(inputs) {
			made = inputs[i]
		}
		if err := b.define(inner, value, made); err != nil {
			return nil, err
		}
	}
	if err := b.nodesIn(inner, f.nodes); err != nil {
		return nil, err
	}
	return b.inputs(inner, f.outputs)
}

// define says of a value which node makes it.
func (b *builder) define(s *scope, value, made string) error {
	if value == "" {
		return nil
	}
	if other, ok := s.values[value]; ok {
		return fmt.Errorf("value %q is made by %q and by %q", value, other, made)
	}
	s.values[value] = made
	b.spend(thingCost + len(value) + len(made))
	return b.err()
}

// add adds a node that has a name from unique.
func (b *builder) add(n session.GraphNode) {
	b.nodes = append(b.nodes, n)
	b.spend(thingCost + len(n.Op))
	for _, o := range n.Outputs {
		b.spend(textCost * len(o.Shape))
	}
	for _, name := range n.Inputs {
		b.spend(textCost + len(name))
	}
	for name, text := range n.Attributes {
		b.spend(2*textCost + len(name) + len(text))
	}
}

// unique returns name, or one like it that no node has yet.
func (b *builder) unique(name string) (string, error) {
	for base := name; ; {
		b.spend(thingCost + len(name))
		if err := b.err(); err != nil {
			return "", err
		}
		if b.taken[name] == 0 {
			b.taken[name] = 1
			return name, nil
		}
		name = base + "_" + strconv.Itoa(b.taken[base])
		b.taken[base]++
	}
}

// inputs returns where values come from.
func (b *builder) inputs(s *scope, values []string) ([]string, error) {
	b.spend(textCost * len(values))
	all := make([]string, len(values))
	for i, value := range values {
		if value == "" {
			continue
		}
		found := false
		for in := s; in != nil && !found; in = in.outer {
			all[i], found = in.values[value]
		}
		if !found {
			return nil, fmt.Errorf("no node makes the value %q", value)
		}
	}
	return all, b.err()
}

// present are the inputs that are not left out.
func present(inputs []string) []string {
	return slices.DeleteFunc(slices.Clone(inputs), func(input string) bool { return input == "" })
}

// outputs returns the types of values, or nil if none is known.
func (b *builder) outputs(s *scope, values ...string) []session.GraphOutput {
	b.spend(textCost * len(values))
	all, known := make([]session.GraphOutput, len(values)), false
	for i, value := range values {
		if o, ok := s.types[value]; ok {
			all[i], known = o, true
		}
	}
	if !known {
		return nil
	}
	return all
}

// texts returns attributes as text. One that stands for an attribute of the call
// is what that is, or missing.
func (b *builder) texts(s *scope, attributes []attribute) map[string]string {
	b.spend(textCost * len(attributes))
	texts := make(map[string]string, len(attributes))
	for _, a := range attributes {
		text, ok := a.text, len(a.graphs) == 0
		if a.ref != "" {
			text, ok = s.attributes[a.ref]
		}
		if ok {
			texts[a.name] = text
		}
	}
	return texts
}

// label is what a node is called in its scope.
func (n *node) label() string {
	if n.name != "" {
		return cleanName(n.name)
	}
	for _, value := range n.outputs {
		if value != "" {
			scope, base := path.Split(cleanName(value))
			return scope + cleanName(n.op) + "_" + base
		}
	}
	return cleanName(n.op)
}

// cleanName is name as that of a node: without empty scopes and characters that
// mean something to TensorBoard.
func cleanName(name string) string {
	scopes := strings.FieldsFunc(summary.CleanName(name), func(r rune) bool { return r == '/' })
	return cmp.Or(strings.Join(scopes, "/"), "_")
}
