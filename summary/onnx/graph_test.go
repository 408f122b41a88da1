package onnx_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/onnx"
)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return content
}

func readModel(t *testing.T, name string) []byte {
	t.Helper()
	return readFile(t, name+".onnx")
}

// graphOf returns the graph of a model in testdata.
func graphOf(t *testing.T, name string) session.GraphDescriber {
	t.Helper()
	g, err := onnx.Graph(readModel(t, name))
	require.NoError(t, err)
	return g
}

// found is what the Python package onnx finds in a model.
type found struct {
	Nodes []struct {
		Name, Op        string
		Inputs, Outputs []string
	}
	Results   []string
	Operators map[string]int // where functions are where they are called
}

func readFound(t *testing.T) (all map[string]found) {
	t.Helper()
	require.NoError(t, json.Unmarshal(readFile(t, "graphs.json"), &all))
	return all
}

// Names are as they are in the model, but for the slash that exporters of PyTorch
// put in front.
func TestNodesOfAModelAreThoseThatONNXFinds(t *testing.T) {
	for _, model := range []string{"mlp", "control", "functions", "logistic"} { // whose nodes have names
		var want, got []string
		found := readFound(t)[model]
		for _, n := range found.Nodes {
			want = append(want, fmt.Sprint(n.Name, n.Op, n.Inputs, n.Outputs))
		}
		for _, result := range found.Results {
			want = append(want, fmt.Sprint(result))
		}
		for _, n := range graphOf(t, model).DescribeGraph() {
			switch n.Op {
			case "Input", "Const":
			case "Output":
				got = append(got, n.Inputs...)
			default:
				got = append(got, fmt.Sprint(n.Name, n.Op, n.Inputs, n.Outputs))
			}
		}
		require.Equal(t, strings.NewReplacer("[/", "[", " /", " ", "\n/", "\n").Replace("\n"+strings.Join(want, "\n")), "\n"+strings.Join(got, "\n"), model)
	}
}

func TestOperatorsOfAModelAreThoseThatONNXInlines(t *testing.T) {
	for model, found := range readFound(t) {
		got := make(map[string]int)
		for _, n := range graphOf(t, model).DescribeGraph() {
			switch n.Op {
			case "Input", "Const", "Output", "layers.leaky", "layers.dense_pair", "own.Kinds:two":
			default:
				got[n.Op]++
			}
		}
		require.Equal(t, found.Operators, got, model)
	}
}

// describe is a graph as text, a node in a line.
func describe(g session.GraphDescriber) string {
	var b strings.Builder
	for _, n := range g.DescribeGraph() {
		fmt.Fprintln(&b, n.Name, n.Op, n.Inputs, n.Outputs, n.Attributes)
	}
	return b.String()
}

func TestNamesOfAModelThatMeanSomethingToTensorBoard(t *testing.T) {
	require.Equal(t, `sparse Const [] [float32[3]] map[stored:float32[1]]
x_0 Input [] [float32[6]] map[]
größe Input [] [float32[]] map[]
a/b Split [x_0] [float32[2] float32[2] float32[2]] map[]
_c Identity [a/b:2] [float32[2]] map[]
a/b_1 Neg [a/b] [float32[2]] map[]
Clip_clipped Clip [x_0 größe] [float32[6]] map[]
scope/Constant_deep_0 Constant [] [int64[3]] map[value_ints:[1, 2, 3]]
a Abs [x_0] [float32[6]] map[]
Add_sum Add [a/b_1 _c] [float32[2]] map[]
use Add [sparse sparse] [float32[3]] map[]
x_0/part_1 Output [a/b:1] [float32[2]] map[]
clipped Output [Clip_clipped] [float32[6]] map[]
x_0_ Output [a] [float32[6]] map[]
dense Output [use] [float32[3]] map[]
`, describe(graphOf(t, "awkward")))
}

func TestTypesAndAttributesOfAModel(t *testing.T) {
	nodes := make(map[string]session.GraphNode)
	for _, model := range []string{"mlp", "control", "functions", "kinds"} {
		for _, n := range graphOf(t, model).DescribeGraph() {
			nodes[model+" "+n.Name] = n
		}
	}
	for node, want := range map[string]map[string]string{
		"mlp fc1/Gemm":              {"alpha": "1", "transB": "1"},
		"control go":                {"value": "bool[]"},
		"functions first/act/relu":  {"alpha": "0.1"},  // of the call of a call
		"functions second/act/relu": {"alpha": "0.02"}, // the default of a function
		"kinds kinds": {
			"float": "0.5", "int": "-3", "string": "größe", "bytes": strings.Repeat("x", 255) + "...", "tensor": "bfloat16[2, 1]",
			"sparse": "float32[3]", "type": "int4[?, 2]", "floats": "[0.5, 1e+30]", "strings": `["a", "b\""]`,
			"ints":    "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, and 4 more]",
			"tensors": "[bfloat16[2, 1], bfloat16[2, 1]]",
		},
	} {
		require.Equal(t, want, nodes[node].Attributes, node)
	}
	for node, want := range map[string]string{
		"kinds seq": "[sequence]", "kinds map": "[map]", "kinds optional": "[optional]", "kinds sparse": "[float32[3]]",
		"kinds any": "[float64[]]", "kinds kinds/abs": "[int32]", "kinds kinds": "[uint8[1] ?]",
	} {
		require.Equal(t, want, fmt.Sprint(nodes[node].Outputs), node)
	}
}

// Writers of protobuf may pack numbers, and name the domain of the standard.
func TestAModelThatIsEncodedInAnotherWay(t *testing.T) {
	g, err := onnx.Graph([]byte(modelOf(
		field(5, field(8, "w"), "\x10\x0b", field(1, "\x02\x03")), // float64
		nodeOf("n", "Neg", []string{"w"}, field(7, "ai.onnx"), field(5, field(1, "ints"), field(8, "\x01\x02")),
			field(5, field(1, "floats"), field(7, "\x00\x00\x80\x3f"))),
		nodeOf("", "Neg", nil),
	)))
	require.NoError(t, err)
	require.Equal(t, "w Const [] [float64[2, 3]] map[]\nn Neg [w] [] map[floats:[1] ints:[1, 2]]\nNeg Neg [] [] map[]\n", describe(g))
}

func TestWhatIsNoModelIsNamed(t *testing.T) {
	for _, c := range []struct{ model, want string }{
		{"", "no graph in it: is it a model in the format of ONNX?"},
		{"\x08\x08", "no graph in it: is it a model in the format of ONNX?"},
		{"\n\x04\n\x02ab", "no graph in it: is it a model in the format of ONNX?"}, // a GraphDef
		{"no model", "at byte 0: no field of a message"},
		{"\x08\x08\x3a\x10", "at byte 2: field 7: unexpected EOF"},
		{modelOf(nodeOf("", "", nil)), "graph: node 0: at byte 4: no operator"},
		{modelOf(nodeOf("a", "Neg", nil, field(5, "\x0a\x7f"))), "graph: node 0: attribute 0: at byte 14: field 1: unexpected EOF"},
		{modelOf(field(5, "\x0a\x02\x01\xff")), "graph: initializer: at byte 6: the packed numbers of field 1 end within one: unexpected EOF"},
		{modelOf(nodeOf("a", "Neg", []string{"x"})), `node "a": no node makes the value "x"`},
		{modelOf(field(12, field(1, "y"))), `no node makes the value "y"`},
		{modelOf(nodeOf("a", "Neg", nil, field(2, "y")), nodeOf("b", "Neg", nil, field(2, "y"))), `value "y" is made by "a" and by "b"`},
		{modelOf(nodeOf("a", "If", nil, field(5, field(1, "then")+field(6, "\x0a")))), `node "a": then: at byte 21: field 1: unexpected EOF`},
	} {
		g, err := onnx.Graph([]byte(c.model))
		require.EqualError(t, err, "onnx: "+c.want)
		require.Nil(t, g)
	}
}

// field is a field of a message that holds bytes.
func field(number protowire.Number, content ...string) string {
	return string(protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), strings.Join(content, "")))
}

// modelOf is a model with one graph, of these fields.
func modelOf(graph ...string) string { return field(7, graph...) }

// nodeOf is a field of a graph.
func nodeOf(name, op string, inputs []string, more ...string) string {
	node := field(3, name) + field(4, op)
	for _, in := range inputs {
		node += field(1, in)
	}
	return field(1, node, strings.Join(more, ""))
}

// Where a field of a model ends, nothing tells that there were more.
func TestAModelThatIsCutOffIsAnError(t *testing.T) {
	for model := range readFound(t) {
		whole := readModel(t, model)
		ends := map[int]bool{0: true}
		for at := 0; at < len(whole); ends[at] = true {
			_, _, n := protowire.ConsumeField(whole[at:])
			require.Positive(t, n)
			at += n
		}
		for size := range whole {
			if _, err := onnx.Graph(whole[:size]); !ends[size] {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s: %d bytes of %d", model, size, len(whole))
			}
		}
	}
}
