package e2e

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// Tags and files where TensorBoard looks.
const (
	sessionStartTag = "_hparams_/session_start_info"
	sessionEndTag   = "_hparams_/session_end_info"
	layoutTag       = "custom_scalars__config__"
	projectorFile   = "projector_config.pbtxt"
)

// held is what the files of a log directory hold: what EventAccumulator and what
// the servers have to show of it. The kind of each tag is that of package
// eventlog, which reads the files here.
type held struct {
	accumulator, servers entries
	kinds                map[string]map[string]string // by run and tag
}

func filesHold(t *testing.T, dir string) held {
	t.Helper()
	h := held{make(entries), make(entries), make(map[string]map[string]string)}
	for e, err := range eventlog.Events(t.Context(), dir, eventlog.Config{}) {
		require.NoError(t, err)
		for v, err := range e.Values() {
			require.NoError(t, err)
			h.add(t, e, &v)
		}
	}
	runs, err := eventlog.Runs(dir)
	require.NoError(t, err)
	for _, run := range runs {
		h.addEmbeddings(t, run)
	}
	return h
}

func (h held) kind(run, tag, kind string) {
	if h.kinds[run] == nil {
		h.kinds[run] = make(map[string]string)
	}
	h.kinds[run][tag] = kind
}

// grow adds a step to an entry. Without a value, the readers need only agree.
func (e entries) grow(run, tag, plugin string, step int64, value any) {
	was := e[run][tag]
	was.plugin = plugin
	was.steps = append(was.steps, step)
	if value != nil {
		values, _ := was.values.([]any)
		was.values = append(values, value)
	}
	e.put(run, tag, was)
}

func (h held) add(t *testing.T, e *eventlog.Event, v *eventlog.Value) {
	t.Helper()
	h.kind(e.Run, v.Tag, v.Kind.String())
	plugin := v.Metadata.Plugin
	both := func(plugin string, value any) {
		h.accumulator.grow(e.Run, v.Tag, plugin, e.Step, value)
		h.servers.grow(e.Run, v.Tag, plugin, e.Step, value)
	}
	switch v.Kind {
	case eventlog.KindScalar:
		x, err := v.Scalar()
		require.NoError(t, err)
		both("scalars", float64(float32(x)))
	case eventlog.KindHistogram:
		buckets, err := v.Histogram()
		require.NoError(t, err)
		rows := [][3]float64{}
		for _, b := range buckets {
			rows = append(rows, [3]float64{b.Left, b.Right, b.Count})
		}
		both("histograms", rows)
	case eventlog.KindImage:
		images, err := v.Images()
		require.NoError(t, err)
		both("images", blobs(images.Encoded))
	case eventlog.KindAudio:
		clips, err := v.Audio()
		require.NoError(t, err)
		var encoded [][]byte
		for _, c := range clips {
			encoded = append(encoded, c.Encoded)
		}
		both("audio", blobs(encoded))
	case eventlog.KindText: // HTML in all of them
		both("text", nil)
	case eventlog.KindPRCurve:
		tensor := tensorOf(t, v)
		h.accumulator.grow(e.Run, v.Tag, plugin, e.Step, array(t, tensor))
		h.servers.grow(e.Run, v.Tag, plugin, e.Step, curve(t, tensor))
	case eventlog.KindMesh:
		a := array(t, tensorOf(t, v))
		h.accumulator.grow(e.Run, v.Tag, plugin, e.Step, a)
		i := strings.LastIndexByte(v.Tag, '_')
		h.kind(e.Run, v.Tag[:i], v.Kind.String())
		h.servers.grow(e.Run, v.Tag[:i], plugin, e.Step, map[string]any{"step": e.Step, "part": v.Tag[i+1:], "data": a["data"]})
	case eventlog.KindTensor:
		both(plugin, array(t, tensorOf(t, v)))
	case eventlog.KindHParams:
		h.accumulator.grow(e.Run, v.Tag, plugin, e.Step, array(t, tensorOf(t, v)))
		h.addHParams(t, e.Run, v)
	case eventlog.KindCustomScalars:
		h.accumulator.grow(e.Run, v.Tag, plugin, e.Step, array(t, tensorOf(t, v)))
		h.kind(allRuns, v.Tag, v.Kind.String())
		h.servers.put(allRuns, v.Tag, entry{plugin: plugin, values: titles(t, v)})
	case eventlog.KindGraph, eventlog.KindRunMetadata:
		h.addGraph(t, e, v)
	default:
		require.Fail(t, "no reader shows it", "%s %q %v", e.Run, v.Tag, v.Kind)
	}
}

// addGraph adds what the page of graphs shows: of the steps it says nothing.
func (h held) addGraph(t *testing.T, e *eventlog.Event, v *eventlog.Value) {
	t.Helper()
	switch {
	case e.What == eventlog.GraphDef:
		what := entry{plugin: "graphs", values: nodesOf(t, e.Body())}
		h.accumulator.put(e.Run, v.Tag, what)
		h.servers.put(e.Run, v.Tag, what)
	case e.What == eventlog.TaggedRunMetadata:
		h.accumulator.put(e.Run, v.Tag, entry{plugin: "graph_tagged_run_metadata"})
		h.servers.put(e.Run, v.Tag, entry{plugin: "graph tag"})
	default:
		h.accumulator.grow(e.Run, v.Tag, v.Metadata.Plugin, e.Step, array(t, tensorOf(t, v)))
		h.servers.put(e.Run, v.Tag, entry{plugin: "graph tag"})
	}
}

// nodesOf counts the nodes of a GraphDef.
func nodesOf(t *testing.T, graph []byte) (nodes int) {
	t.Helper()
	for len(graph) > 0 {
		number, _, n := protowire.ConsumeField(graph)
		require.Positive(t, n)
		if number == 1 {
			nodes++
		}
		graph = graph[n:]
	}
	return nodes
}

func (h held) addHParams(t *testing.T, run string, v *eventlog.Value) {
	t.Helper()
	var data eventpb.HParamsPluginData
	require.NoError(t, proto.Unmarshal(v.Metadata.Content, &data))
	if start := data.GetSessionStartInfo(); start != nil {
		hparams := make(map[string]any)
		for name, value := range start.GetHparams() {
			hparams[name] = value.AsInterface()
		}
		h.servers.put(run, v.Tag, entry{plugin: "hparams", values: hparams})
	}
	if end := data.GetSessionEndInfo(); end != nil {
		h.servers.put(run, v.Tag, entry{plugin: "hparams", values: end.GetStatus().String()})
	}
}

var embeddingField = regexp.MustCompile(`(tensor_name|tensor_path|metadata_path|image_path): ("(?:[^"\\]|\\.)*")`)

// addEmbeddings adds the projector's files of a run.
func (h held) addEmbeddings(t *testing.T, run eventlog.Run) {
	t.Helper()
	dir := filepath.Dir(run.Files[0])
	config, err := os.ReadFile(filepath.Join(dir, projectorFile))
	if os.IsNotExist(err) {
		return
	}
	require.NoError(t, err)
	files := make(map[string]string)
	var name string
	for _, field := range embeddingField.FindAllStringSubmatch(string(config), -1) {
		value, err := strconv.Unquote(field[2])
		require.NoError(t, err)
		if field[1] == "tensor_name" {
			name = value
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(value)))
		require.NoError(t, err)
		switch field[1] {
		case "tensor_path":
			files[name+" tensor"] = blob(vectors(t, value, content))
		case "metadata_path":
			files[name+" metadata"] = blob(content)
		case "image_path":
			files[name+" sprite_image"] = blob(content)
		}
	}
	h.kind(run.Name, projectorFile, "embeddings")
	h.servers.put(run.Name, projectorFile, entry{plugin: "projector", values: files})
}

// vectors are those of a file as the page gets them: float32.
func vectors(t *testing.T, path string, content []byte) []byte {
	t.Helper()
	if !strings.HasSuffix(path, ".tsv") {
		return content
	}
	var out []byte
	for _, number := range strings.Fields(string(content)) {
		x, err := strconv.ParseFloat(number, 32)
		require.NoError(t, err)
		out, err = binary.Append(out, binary.LittleEndian, float32(x))
		require.NoError(t, err)
	}
	return out
}

func blobs(all [][]byte) []string {
	out := []string{}
	for _, b := range all {
		out = append(out, blob(b))
	}
	return out
}

func tensorOf(t *testing.T, v *eventlog.Value) eventlog.Tensor {
	t.Helper()
	tensor, err := v.Tensor()
	require.NoError(t, err)
	return tensor
}

// numpyTypes are numpy's names of the types.
var numpyTypes = map[eventpb.DataType]string{
	eventpb.DataType_FLOAT: "float32", eventpb.DataType_DOUBLE: "float64", eventpb.DataType_INT32: "int32",
	eventpb.DataType_INT64: "int64", eventpb.DataType_UINT8: "uint8", eventpb.DataType_BOOL: "bool", eventpb.DataType_STRING: "object",
}

// array is a tensor in tbcheck.py's form of one.
func array(t *testing.T, tensor eventlog.Tensor) map[string]any {
	t.Helper()
	shape := tensor.Shape
	if shape == nil {
		shape = []int64{}
	}
	return map[string]any{"dtype": numpyTypes[tensor.DType], "shape": shape, "data": arrayData(t, tensor)}
}

func arrayData(t *testing.T, tensor eventlog.Tensor) any {
	t.Helper()
	var raw []byte
	var err error
	switch data := tensor.Data().(type) {
	case [][]byte:
		return blobs(data)
	case []int64:
		for _, x := range data {
			switch tensor.DType {
			case eventpb.DataType_INT32:
				raw, err = binary.Append(raw, binary.LittleEndian, int32(x))
			default:
				raw, err = binary.Append(raw, binary.LittleEndian, x)
			}
			require.NoError(t, err)
		}
	case []uint64:
		require.Equal(t, eventpb.DataType_UINT8, tensor.DType)
		for _, x := range data {
			raw = append(raw, uint8(x))
		}
	default:
		raw, err = binary.Append(raw, binary.LittleEndian, data)
		require.NoError(t, err)
	}
	return blob(raw)
}

// curve is a precision-recall curve as the page gets it: counts without fractions,
// and no thresholds above the last that a prediction reaches.
func curve(t *testing.T, tensor eventlog.Tensor) map[string]any {
	t.Helper()
	data, err := tensor.Float64s()
	require.NoError(t, err)
	n := len(data) / 6
	for i := range data[:4*n] {
		data[i] = math.Trunc(data[i])
	}
	last := n - 1
	for last > 0 && data[last] == 0 && data[n+last] == 0 {
		last--
	}
	out := make(map[string]any)
	for i, name := range []string{"true_positives", "false_positives", "true_negatives", "false_negatives", "precision", "recall"} {
		out[name] = data[i*n : i*n+last+1]
	}
	return out
}

// titles are those of a layout's categories, each with those of its charts.
func titles(t *testing.T, v *eventlog.Value) [][]string {
	t.Helper()
	encoded, err := v.Blobs()
	require.NoError(t, err)
	require.Len(t, encoded, 1)
	var layout eventpb.Layout
	require.NoError(t, proto.Unmarshal(encoded[0], &layout))
	var out [][]string
	for _, category := range layout.GetCategory() {
		row := []string{category.GetTitle()}
		for _, chart := range category.GetChart() {
			row = append(row, chart.GetTitle())
		}
		out = append(out, row)
	}
	return out
}
