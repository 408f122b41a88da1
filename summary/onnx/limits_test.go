package onnx_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/onnx"
)

func TestGraphsWithinGraphsOfAModelEnd(t *testing.T) {
	nested := func(depth int) string {
		graph := nodeOf("deep", "Neg", nil)
		for range depth {
			graph = nodeOf("a", "If", nil, field(5, field(1, "b"), field(6, graph)))
		}
		return modelOf(graph)
	}
	g, err := onnx.Graph([]byte(nested(100)))
	require.NoError(t, err)
	require.Len(t, g.DescribeGraph(), 101)
	_, err = onnx.Graph([]byte(nested(101)))
	require.EqualError(t, err, fmt.Sprintf("onnx: 101 graphs and functions within each other, at %.80q", strings.Repeat("a/b/", 30)))

	_, err = onnx.Graph([]byte(modelOf(nodeOf("a", "f", nil)) + functionOf("f", callOf("f"))))
	require.ErrorContains(t, err, "101 graphs and functions within each other")
}

// functionOf is a field of a model.
func functionOf(name string, nodes ...string) string {
	return field(25, field(1, name), strings.Join(nodes, ""))
}

// callOf is a field of a function.
func callOf(op string) string { return field(7, field(4, op)) }

// numbered are fields 0, 1, 2 …
func numbered(number protowire.Number, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(field(number, fmt.Sprint(i)))
	}
	return b.String()
}

// A few bytes may stand for more than there is memory.
func TestWhatIsMadeOfAModelIsBounded(t *testing.T) {
	doubled := modelOf(nodeOf("a", "f0", nil))
	for i := range 60 {
		call := callOf(fmt.Sprint("f", i+1))
		doubled += functionOf(fmt.Sprint("f", i), call, call)
	}
	long := strings.Repeat("n", 1<<16)
	nodes := strings.Repeat(nodeOf("", "f", nil), 1<<10)
	for name, model := range map[string]string{
		"calls":          doubled,
		"nodes":          modelOf(strings.Repeat(nodeOf("", "f", nil), 1<<20)),
		"inputs":         modelOf(field(1, field(4, "f"), strings.Repeat("\x0a\x00", 1<<20))),
		"dimensions":     modelOf(field(5, field(1, strings.Repeat("\x01", 1<<22)))),
		"attributes":     modelOf(nodeOf("", "f", nil, strings.Repeat(field(5), 1<<20))),
		"names":          modelOf(nodeOf(long, "If", nil, field(5, field(6, nodes)))),
		"outputs":        modelOf(nodeOf(long, "f", nil, numbered(2, 1<<10))),
		"long inputs":    functionOf("f", field(4, long)) + modelOf(nodes),
		"uses of a name": modelOf(nodeOf(long, "f", nil, field(2, "x")), nodeOf("", "f", slices.Repeat([]string{"x"}, 1<<10))),
	} {
		_, err := onnx.GraphWithin(1<<23, []byte(model))
		require.ErrorContains(t, err, "more nodes, or longer names, than can be drawn", name)
	}
}

// Of weights nothing is read, let alone copied.
func TestWeightsOfAModelAreNotRead(t *testing.T) {
	weights := field(9, strings.Repeat("\xff", 1<<24))
	model := []byte(modelOf(field(5, "\x08\x02\x10\x01", field(8, "w"), weights), nodeOf("a", "Constant", nil, field(5, field(1, "value"), field(5, "\x10\x07", weights)))))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := onnx.Graph(model)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "of a model of %d bytes", len(model))
}

// Whatever a model is, its graph can be written, or it is refused.
func FuzzGraph(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	require.NoError(f, err)
	for _, file := range files {
		model, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(model)
	}
	f.Add([]byte(modelOf(field(12)))) // an output without a name
	f.Fuzz(func(t *testing.T, model []byte) {
		g, err := onnx.GraphWithin(1<<20, model)
		if err != nil {
			require.ErrorContains(t, err, "onnx: ")
			require.Nil(t, g)
			return
		}
		require.NoError(t, summary.NewWriter(summary.Discard).AddGraph(g, 0))
	})
}
