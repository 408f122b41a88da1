package summary_test

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
)

func TestGraphsWithinGraphsOfAnONNXModelEnd(t *testing.T) {
	nested := func(depth int) string {
		graph := onnxNode("deep", "Neg", nil)
		for range depth {
			graph = onnxNode("a", "If", nil, field(5, field(1, "b"), field(6, graph)))
		}
		return onnxOf(graph)
	}
	g, err := summary.ONNXGraph([]byte(nested(100)))
	require.NoError(t, err)
	require.Len(t, g.DescribeGraph(), 101)
	_, err = summary.ONNXGraph([]byte(nested(101)))
	require.EqualError(t, err, fmt.Sprintf("summary: ONNX model: 101 graphs and functions within each other, at %.80q", strings.Repeat("a/b/", 30)))

	_, err = summary.ONNXGraph([]byte(onnxOf(onnxNode("a", "f", nil)) + onnxFunction("f", onnxCall("f"))))
	require.ErrorContains(t, err, "101 graphs and functions within each other")
}

// onnxFunction is a field of a model.
func onnxFunction(name string, nodes ...string) string {
	return field(25, field(1, name), strings.Join(nodes, ""))
}

// onnxCall is a field of a function.
func onnxCall(op string) string { return field(7, field(4, op)) }

// numbered are fields 0, 1, 2 …
func numbered(number protowire.Number, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(field(number, fmt.Sprint(i)))
	}
	return b.String()
}

// A few bytes may stand for more than there is memory.
func TestWhatIsMadeOfAnONNXModelIsBounded(t *testing.T) {
	doubled := onnxOf(onnxNode("a", "f0", nil))
	for i := range 60 {
		call := onnxCall(fmt.Sprint("f", i+1))
		doubled += onnxFunction(fmt.Sprint("f", i), call, call)
	}
	long := strings.Repeat("n", 1<<16)
	nodes := strings.Repeat(onnxNode("", "f", nil), 1<<10)
	for name, model := range map[string]string{
		"calls":          doubled,
		"nodes":          onnxOf(strings.Repeat(onnxNode("", "f", nil), 1<<20)),
		"inputs":         onnxOf(field(1, field(4, "f"), strings.Repeat("\x0a\x00", 1<<20))),
		"dimensions":     onnxOf(field(5, field(1, strings.Repeat("\x01", 1<<22)))),
		"attributes":     onnxOf(onnxNode("", "f", nil, strings.Repeat(field(5), 1<<20))),
		"names":          onnxOf(onnxNode(long, "If", nil, field(5, field(6, nodes)))),
		"outputs":        onnxOf(onnxNode(long, "f", nil, numbered(2, 1<<10))),
		"uses of a name": onnxOf(onnxNode(long, "f", nil, field(2, "x")), onnxNode("", "f", slices.Repeat([]string{"x"}, 1<<10))),
	} {
		_, err := summary.ONNXGraphWithin(1<<23, []byte(model))
		require.ErrorContains(t, err, "more nodes, or longer names, than can be drawn", name)
	}
}

// Of weights nothing is read, let alone copied.
func TestWeightsOfAnONNXModelAreNotRead(t *testing.T) {
	weights := field(9, strings.Repeat("\xff", 1<<24))
	model := []byte(onnxOf(field(5, "\x08\x02\x10\x01", field(8, "w"), weights), onnxNode("a", "Constant", nil, field(5, field(1, "value"), field(5, "\x10\x07", weights)))))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := summary.ONNXGraph(model)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "of a model of %d bytes", len(model))
}

// Whatever a model is, its graph can be written, or it is refused.
func FuzzONNXGraph(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "onnx", "*.onnx"))
	require.NoError(f, err)
	for _, file := range files {
		model, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(model)
	}
	f.Add([]byte(onnxOf(field(12)))) // an output without a name
	f.Fuzz(func(t *testing.T, model []byte) {
		g, err := summary.ONNXGraphWithin(1<<20, model)
		if err != nil {
			require.ErrorContains(t, err, "summary: ONNX model: ")
			require.Nil(t, g)
			return
		}
		require.NoError(t, summary.NewWriter(summary.Discard).AddGraph(g, 0))
	})
}
