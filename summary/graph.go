package summary

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/eventpb"
)

// Fields of GraphDef, VersionDef, NodeDef, the entries of its map of attributes
// and AttrValue. They are the wire format and cannot change.
const (
	graphNode        = 1
	graphVersions    = 4
	versionsProducer = 1
	nodeName         = 1
	nodeOp           = 2
	nodeInput        = 3
	nodeAttribute    = 5
	attributeName    = 1
	attributeValue   = 2
	valueList        = 1
	valueString      = 2
	listShape        = 7
)

// graphProducer is the version of TensorFlow's graph format that the encoding
// follows.
const graphProducer = 1

// AddGraph writes the graph of an engine for TensorBoard to draw. Of several in
// a run the last is shown.
func (w *Writer) AddGraph(graph session.GraphDescriber, step int64) error {
	if faults.IsNil(graph) {
		return errors.New("summary: AddGraph: the graph is nil")
	}
	def, err := appendGraphDef(nil, graph.DescribeGraph())
	if err != nil {
		return err
	}
	return w.addWhat(step, &eventpb.Event{What: &eventpb.Event_GraphDef{GraphDef: def}})
}

// KerasModelValue returns a model as Keras describes it in JSON (model.to_json()),
// of which TensorBoard draws the conceptual graph.
func KerasModelValue(tag, model string) (Value, error) {
	if !json.Valid([]byte(model)) {
		return Value{}, fmt.Errorf("summary: Keras model %q: it is no JSON: %.40q", tag, model)
	}
	return traceValue(tag, "graph_keras_model", []byte(model)), nil
}

// traceValue is what the graph plugin shows beside graphs: by the name of one of
// its parts, in version 1.
func traceValue(tag, plugin string, encoded []byte) Value {
	return Value{tag: tag, metadata: encodeMetadata(plugin, []byte("1"), classBlobSequence), body: stringField([][]byte{encoded}, 1)}
}

// KerasModel writes a model as Keras describes it; see [KerasModelValue].
func (w *Writer) KerasModel(tag, model string, step int64) error {
	v, err := KerasModelValue(tag, model)
	return w.add(step, v, err)
}

// appendGraphDef appends a GraphDef.
func appendGraphDef(b []byte, nodes []session.GraphNode) ([]byte, error) {
	known := make(map[string]bool, len(nodes))
	for _, n := range nodes {
		switch {
		case n.Name == "" || !utf8.ValidString(n.Name):
			return nil, fmt.Errorf("summary: graph: node name %q is empty or no valid UTF-8", n.Name)
		case !utf8.ValidString(n.Op):
			return nil, fmt.Errorf("summary: graph: node %q has the op %q, which is no valid UTF-8", n.Name, n.Op)
		case known[n.Name]:
			return nil, fmt.Errorf("summary: graph: two nodes are named %q", n.Name)
		}
		known[n.Name] = true
	}
	var node []byte
	for _, n := range nodes {
		node = appendString(node[:0], nodeName, n.Name)
		node = appendString(node, nodeOp, n.Op)
		for _, inputs := range []struct {
			names []string
			mark  string // GraphDef's for an input that is only waited for
		}{{n.Inputs, ""}, {n.After, "^"}} {
			for _, name := range inputs.names {
				if !known[name] && !known[withoutOutput(name)] {
					return nil, fmt.Errorf("summary: graph: node %q has the input %q, which is no node", n.Name, name)
				}
				node = appendString(node, nodeInput, inputs.mark+name)
			}
		}
		for name := range n.Attributes {
			if !utf8.ValidString(name) {
				return nil, fmt.Errorf("summary: graph: node %q has the attribute %q, which is no valid UTF-8", n.Name, name)
			}
		}
		node = appendAttributes(node, n)
		b = appendMessage(b, graphNode, node)
	}
	versions := protowire.AppendTag(nil, versionsProducer, protowire.VarintType)
	versions = protowire.AppendVarint(versions, graphProducer)
	return appendMessage(b, graphVersions, versions), nil
}

// withoutOutput is name without the number of an output.
func withoutOutput(name string) string {
	i := strings.LastIndexByte(name, ':')
	if i < 0 {
		return name
	}
	if _, err := strconv.ParseUint(name[i+1:], 10, 31); err != nil {
		return name
	}
	return name[:i]
}

// appendAttributes appends what TensorBoard shows of a node beside its name: the
// shapes of its outputs, which it writes on edges, their types as text, and its
// attributes, of which the last of a name counts.
func appendAttributes(b []byte, n session.GraphNode) []byte {
	if len(n.Outputs) > 0 {
		var shapes []byte
		types := make([]string, len(n.Outputs))
		for i, o := range n.Outputs {
			shape := encodeShape(o.Shape)
			if o.Shape == nil {
				shape = appendInt(nil, shapeUnknown, 1)
			}
			shapes = appendMessage(shapes, listShape, shape)
			types[i] = o.String()
		}
		b = appendAttribute(b, "_output_shapes", bytesField(valueList, shapes))
		b = appendAttribute(b, "outputs", appendString(nil, valueString, strings.Join(types, ", ")))
	}
	for _, name := range slices.Sorted(maps.Keys(n.Attributes)) {
		b = appendAttribute(b, name, appendString(nil, valueString, n.Attributes[name]))
	}
	return b
}

func appendAttribute(b []byte, name string, value []byte) []byte {
	entry := appendString(nil, attributeName, name)
	entry = appendMessage(entry, attributeValue, value)
	return appendMessage(b, nodeAttribute, entry)
}
