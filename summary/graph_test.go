package summary_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

// nodes is a graph that is described by hand.
type nodes []session.GraphNode

func (n nodes) DescribeGraph() []session.GraphNode { return n }

func TestAGraphIsWrittenAsAnEvent(t *testing.T) {
	g := graph.New()
	g.CreateGlobalStep()
	g.Placeholder("x", session.Float64(1))
	g.Variable("model/w", func() session.Value { return session.Float64(2) })
	g.Node("model/y", func(context.Context, []session.Value) (session.Value, error) { return session.Float64(0), nil }, "x", "model/w")
	g.Assign("assign", "model/w", "model/y")
	g.Train(session.TrainOp, "assign")

	dir := t.TempDir()
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	require.NoError(t, err)
	require.NoError(t, w.AddGraph(g, 3))
	require.NoError(t, w.Close())

	events := readEvents(t, onlyFile(t, dir))
	require.Len(t, events, 1)
	require.EqualValues(t, 3, events[0].GetStep())
	want := "\n\x17\n\vglobal_step\x12\bVariable" +
		"\n\x10\n\x01x\x12\vPlaceholder" +
		"\n\x13\n\amodel/w\x12\bVariable" +
		"\n\x1b\n\amodel/y\x12\x04Func\x1a\x01x\x1a\amodel/w" +
		"\n\x22\n\x06assign\x12\x06Assign\x1a\amodel/w\x1a\amodel/y" +
		"\n\x24\n\x05train\x12\x05Train\x1a\vglobal_step\x1a\a^assign" +
		"\"\x02\b\x01"
	require.Equal(t, want, string(events[0].GetGraphDef()))
}

// The bytes are those of TensorFlow's messages, with the attributes in our order.
func TestTheTypesAndAttributesOfNodesAreWritten(t *testing.T) {
	dir := t.TempDir()
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	require.NoError(t, err)
	require.NoError(t, w.AddGraph(nodes{
		{
			Name: "a", Op: "Split",
			Outputs:    []session.GraphOutput{{DType: "float32", Shape: []int{-1, 3}}, {DType: "int64", Shape: []int{}}, {}},
			Attributes: map[string]string{"name": `"x"`, "axis": "1"},
		},
		{Name: "b", Op: "Neg", Inputs: []string{"a:1", "a"}},
	}, 0))
	require.NoError(t, w.Close())
	want := "\n}\n\x01a\x12\x05Split" +
		"*-\n\x0e_output_shapes\x12\x1b\n\x19:\x11\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x02\x08\x03:\x00:\x02\x18\x01" +
		"*&\n\x07outputs\x12\x1b\x12\x19float32[?, 3], int64[], ?" +
		"*\x0b\n\x04axis\x12\x03\x12\x011*\r\n\x04name\x12\x05\x12\x03\"x\"" +
		"\n\x10\n\x01b\x12\x03Neg\x1a\x03a:1\x1a\x01a\"\x02\x08\x01"
	require.Equal(t, want, string(readEvents(t, onlyFile(t, dir))[0].GetGraphDef()))
}

func TestAGraphThatCannotBeDrawnIsRefused(t *testing.T) {
	dir := t.TempDir()
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
	require.NoError(t, err)
	for _, c := range []struct {
		graph nodes
		want  string
	}{
		{nodes{{Name: ""}}, `summary: graph: node name "" is empty or no valid UTF-8`},
		{nodes{{Name: "a\xff"}}, `summary: graph: node name "a\xff" is empty or no valid UTF-8`},
		{nodes{{Name: "a"}, {Name: "a"}}, `summary: graph: two nodes are named "a"`},
		{nodes{{Name: "a", Inputs: []string{"b"}}}, `summary: graph: node "a" has the input "b", which is no node`},
		{nodes{{Name: "a", After: []string{"b"}}}, `summary: graph: node "a" has the input "b", which is no node`},
		{nodes{{Name: "a", Inputs: []string{"a:b"}}}, `summary: graph: node "a" has the input "a:b", which is no node`},
		{nodes{{Name: "a", Inputs: []string{"b:1"}}}, `summary: graph: node "a" has the input "b:1", which is no node`},
		{nodes{{Name: "a", Attributes: map[string]string{"b\xff": ""}}}, `summary: graph: node "a" has the attribute "b\xff", which is no valid UTF-8`},
	} {
		require.EqualError(t, w.AddGraph(c.graph, 0), c.want)
	}
	require.NoError(t, w.Close())
	require.Empty(t, readEvents(t, onlyFile(t, dir)), "nothing but the version")
}
