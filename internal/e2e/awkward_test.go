package e2e

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
	"github.com/runhook/runhook/summary/onnx"
)

// strange is a tag that everything on the way to a page has to leave alone, quoted
// one that all kinds can have but those that the data server finds by a key:
// pictures, sounds and run metadata. It does not read keys with characters that
// JSON escapes.
const (
	strange = `größe/日本 <a&b>?#+%41 'c' 50 %`
	quoted  = strange + "\"\\\t"
)

// writeAwkward writes a run for each family of kinds, with what is hard about it.
func writeAwkward(t *testing.T, dir string) {
	for name, write := range map[string]func(*testing.T, *summary.FileWriter){
		"scalars":    awkwardScalars,
		"histograms": awkwardHistograms,
		"images":     awkwardImages,
		"audio":      awkwardAudio,
		"text":       awkwardText,
		"pr curves":  awkwardPRCurves,
		"meshes":     awkwardMeshes,
		"hparams":    awkwardHParams,
		"layout":     awkwardLayout,
		"graph":      awkwardGraph,
		"onnx/names": onnxGraph("awkward"),
		"onnx/loops": onnxGraph("control"),
		"tensors":    awkwardTensors,
		"embeddings": awkwardEmbeddings,
		"logs":       awkwardLogs,
		strange:      awkwardLogs,
	} {
		writing(write)(t, filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(name, "?", "")))) // Windows has no "?"
	}
	awkwardRuns(t, dir)
}

func awkwardScalars(t *testing.T, w *summary.FileWriter) {
	for step, x := range []float64{
		math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64, math.MaxFloat32,
		math.SmallestNonzeroFloat32, math.SmallestNonzeroFloat64, 1<<24 + 1, 0.1,
	} {
		require.NoError(t, w.Scalar("values", x, int64(step)))
		require.NoError(t, w.ExactScalar("exact", x, int64(step)))
	}
	for _, step := range []int64{math.MinInt64 + 1, -1, 0, 1, 1<<53 + 1, math.MaxInt64} {
		require.NoError(t, w.Scalars(map[string]float64{"steps": 1, quoted: 2, strings.Repeat("long/", 100) + "tag": 3}, step))
	}
	// An earlier time than that of the file would change the order of the runs in
	// the data server only.
	require.NoError(t, w.At(time.Unix(1<<33, 1)).Scalar("late", 1, 0))
	described := summary.ScalarValue("described", 1).Described("*not* Markdown <b>", "**Markdown** <b>&amp;</b>\n\n* größe")
	require.NoError(t, w.Add(0, described))
	require.NoError(t, w.Scope("a").Scope("b").Scalar("c", 1, 0))
	require.NoError(t, w.NonFinite("non finite", []float32{1, float32(math.NaN()), float32(math.Inf(1))}, 0))
}

func awkwardHistograms(t *testing.T, w *summary.FileWriter) {
	for step, values := range []any{
		[]float32{}, []float64{math.NaN(), math.Inf(1)}, []float64{0}, []float64{3, 3, 3}, []float64{-1e300, 1e300},
		[]float64{math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64}, []int64{math.MinInt64, math.MaxInt64}, []uint8{0, 255},
		session.TensorValue(session.Tensor{Shape: []int{0, 7}, Data: []float32{}}), []int{1, 2}, []int32{-1, 1},
	} {
		if v, ok := values.(session.Value); ok {
			values, _ = v.Tensor()
		}
		require.NoError(t, w.Histogram(quoted, values, int64(step)))
		require.NoError(t, w.HistogramBuckets("buckets", values, 5, int64(step)))
		require.NoError(t, w.HistogramBuckets("rule", values, summary.BucketsAuto, int64(step)))
	}
	for step, buckets := range [][]summary.Bucket{
		{}, {{Left: 0, Right: 0, Count: 0}}, {{Left: -1e300, Right: 1e300, Count: 1e9}}, {{Left: 0, Right: 1, Count: 0.5}, {Left: 1, Right: 1, Count: 3}, {Left: 1, Right: 2}},
	} {
		require.NoError(t, w.HistogramRaw("raw", buckets, int64(step)))
	}
}

func awkwardImages(t *testing.T, w *summary.FileWriter) {
	colors := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	for i := range colors.Pix {
		colors.Pix[i] = uint8(i * 7)
	}
	paletted := image.NewPaletted(image.Rect(0, 0, 3, 2), palette.WebSafe)
	for step, img := range []image.Image{
		image.NewGray(image.Rect(0, 0, 1, 1)), image.NewGray16(image.Rect(-5, -5, 3, 2)), colors.SubImage(image.Rect(7, 3, 20, 11)),
		paletted, image.NewCMYK(image.Rect(0, 0, 2, 2)), image.NewYCbCr(image.Rect(0, 0, 5, 5), image.YCbCrSubsampleRatio420),
		image.NewAlpha(image.Rect(0, 0, 4, 4)), image.NewRGBA64(image.Rect(0, 0, 1, 2000)),
	} {
		require.NoError(t, w.Image(strange, img, int64(step)))
	}
	// Of these, readers show as many as the step has that has most.
	require.NoError(t, w.Images("several", []image.Image{colors, image.NewGray(image.Rect(0, 0, 1, 1)), paletted}, -3))
	require.NoError(t, w.Images("several", []image.Image{colors}, 0))
	var asJPEG, asGIF bytes.Buffer
	require.NoError(t, jpeg.Encode(&asJPEG, colors, nil))
	require.NoError(t, gif.Encode(&asGIF, colors, nil))
	require.NoError(t, w.EncodedImages("encoded", [][]byte{asJPEG.Bytes(), asGIF.Bytes()}, 0))
	require.NoError(t, w.Figure("figure", &asJPEG, 0))
	require.NoError(t, w.ImageBoxes("boxes", image.NewGray(image.Rect(0, 0, 50, 40)), []summary.Box{
		{XMin: 30, YMin: 30, XMax: 5, YMax: 5, Label: "größe"}, {XMin: -1e9, YMin: 3, XMax: 1e9, YMax: 7}, {Label: "a <b>"},
	}, 0))
	require.NoError(t, w.ImageBoxes("boxes", colors, nil, 1))
	require.NoError(t, w.Video("video", summary.Animation{Frames: []image.Image{colors}, FPS: 100}, 0))
	require.NoError(t, w.Video("video", summary.Animation{Frames: []image.Image{colors, colors}}, 1))
}

func awkwardAudio(t *testing.T, w *summary.FileWriter) {
	nan := float32(math.NaN())
	for step, clip := range []summary.Clip{
		{SampleRate: 8000, Samples: []float32{0}},
		{SampleRate: 44100, Channels: 2, Samples: []float32{-1, 1, -5, 5, nan, float32(math.Inf(1))}},
		{SampleRate: 11025, Samples: make([]float32, 5000)},
	} {
		require.NoError(t, w.Audio(strange, clip, int64(step)))
	}
	clip := summary.Clip{SampleRate: 8000, Samples: []float32{0, 0.5}}
	require.NoError(t, w.Audios("several", []summary.Clip{clip, clip, clip}, 0))
}

func awkwardText(t *testing.T, w *summary.FileWriter) {
	for step, text := range []string{
		"", " ", "größe 日本語 🚀", "<script>alert(1)</script> & <b>", "# title\n\n* a\n* b\n\n```\ncode\n```\n\n|a|b|\n|-|-|\n|1|2|\n", "\x00\x01\t\r\n", strings.Repeat("word ", 10000),
	} {
		require.NoError(t, w.Text(quoted, text, int64(step)))
	}
	for step, rows := range [][][]string{{{""}}, {{"a", "b"}, {"1 | 2", "**c**"}, {"\n", "<td>"}}, {{"x"}, {"y"}}} {
		require.NoError(t, w.TextTable("table", rows, int64(step)))
	}
}

func awkwardPRCurves(t *testing.T, w *summary.FileWriter) {
	labels, predictions := []bool{true, false, true, false}, []float32{0, 1, 0.5, 0.9999999}
	for step, options := range []summary.PRCurveOptions{
		{}, {NumThresholds: 2}, {NumThresholds: 7, Weights: []float64{0, 1e9, 0.25, 1e-9}},
	} {
		require.NoError(t, w.PRCurve("options", labels, predictions, options, int64(step)))
	}
	require.NoError(t, w.PRCurve("no predictions", nil, nil, summary.PRCurveOptions{}, 0))
	require.NoError(t, w.PRCurve(quoted, []bool{false}, []float32{1}, summary.PRCurveOptions{}, 0))
	two := []float64{1e9, 0.1}
	require.NoError(t, w.PRCurveRaw("raw", summary.PRCurvePoints{
		TruePositives: two, FalsePositives: two, TrueNegatives: two, FalseNegatives: two, Precision: two, Recall: two,
	}, -1))
}

func awkwardMeshes(t *testing.T, w *summary.FileWriter) {
	corners := [][3]float32{{0, 0, 0}, {1, 0, 0}, {0, -1e30, 1e-30}}
	for step, mesh := range []summary.MeshData{
		{Vertices: corners},
		{Vertices: corners, Colors: [][3]uint8{{255, 0, 1}, {2, 3, 4}, {5, 6, 7}}},
		{Vertices: corners, Faces: [][3]int32{{0, 1, 2}}, Config: `{"camera": {"cls": "PerspectiveCamera", "fov": 75}, "ö": "日"}`},
	} {
		require.NoError(t, w.Mesh("step_"+strings.Repeat("i", step), mesh, int64(step)))
	}
	require.NoError(t, w.Mesh(quoted, summary.MeshData{Vertices: corners[:1]}, 0))
	require.NoError(t, w.Mesh(quoted, summary.MeshData{Vertices: corners}, 5))
}

func awkwardHParams(t *testing.T, w *summary.FileWriter) {
	require.NoError(t, w.HParamsStart(summary.HParamsStart{
		HParams: summary.HParams{
			"bool": true, "false": false, "empty": "", "text": "größe <b>", "int": 7, "negative": int64(-1), "large": uint64(1 << 60),
			"tiny": 1e-300, "float32": float32(0.1), quoted: 0,
		},
		Started: time.Unix(0, 0),
	}))
	require.NoError(t, w.Scalar("loss", 0.5, 3))
	require.NoError(t, w.HParamsEnd(summary.StatusRunning))
}

func awkwardLayout(t *testing.T, w *summary.FileWriter) {
	for _, tag := range []string{"loss/a", "loss/b", "lossless", "band/low", "band/high"} {
		require.NoError(t, w.Scalar(tag, 1, 0))
	}
	require.NoError(t, w.CustomScalars(summary.Layout{Categories: []summary.LayoutCategory{
		{Title: "größe <b>", Closed: true, Charts: []summary.LayoutChart{
			{Title: "lines", Tags: []string{`loss/[ab]`, `loss`, `nothing`}},
			{Title: "bands", Bands: []summary.LayoutBand{{Value: "loss/a", Lower: "band/low", Upper: "band/high"}}},
		}},
		{Title: "second", Charts: []summary.LayoutChart{{Tags: []string{"nothing at all"}}}},
	}}, 0))
}

func awkwardGraph(t *testing.T, w *summary.FileWriter) {
	g := graph.New()
	g.CreateGlobalStep()
	nothing := func(context.Context, []session.Value) (session.Value, error) { return session.Float64(0), nil }
	g.Node("a", nothing)
	g.Node("a/b", nothing, "a", "a/b/c/d")
	g.Node("a/b/c/d", nothing, session.GlobalStepName, session.GlobalStepName)
	g.Node(strange, nothing, "a/b")
	g.Train(session.TrainOp)
	require.NoError(t, w.AddGraph(g, -1))
	metadata := &session.RunMetadata{Nodes: []session.NodeStats{{Name: strange, Start: time.Unix(1, 1), Duration: time.Nanosecond}, {Name: "a"}}}
	require.NoError(t, w.AddRunMetadata(metadata, "run 1", 0))
	require.NoError(t, w.AddRunMetadata(&session.RunMetadata{}, strange, 1))
	require.NoError(t, w.KerasModel("keras", `{"class_name": "Sequential", "config": {"name": "größe", "layers": [
		{"class_name": "Dense", "config": {"name": "dense", "dtype": "float32"}}]}}`, 0))
}

// onnxGraph writes the graph of a model in the testdata of package onnx.
func onnxGraph(model string) func(*testing.T, *summary.FileWriter) {
	return func(t *testing.T, w *summary.FileWriter) {
		content, err := os.ReadFile(filepath.Join("../../summary/onnx/testdata", model+".onnx"))
		require.NoError(t, err)
		g, err := onnx.Graph(content)
		require.NoError(t, err)
		require.NoError(t, w.AddGraph(g, 0))
	}
}

func awkwardTensors(t *testing.T, w *summary.FileWriter) {
	plugin := summary.Plugin{Name: "awkward", Content: []byte{0, 255}}
	for tag, tensor := range map[string]session.Tensor{
		"float32": {Shape: []int{2, 0, 3}, Data: []float32{}}, "float64": {Data: []float64{math.NaN()}}, "int32": {Shape: []int{1, 1}, Data: []int32{-1}},
		"int64": {Shape: []int{2}, Data: []int64{math.MinInt64, math.MaxInt64}}, "uint8": {Shape: []int{2}, Data: []uint8{0, 255}},
		"bool": {Shape: []int{2, 1}, Data: []bool{true, false}}, "string": {Shape: []int{3}, Data: []string{"", "größe", "\x00\xff"}},
		quoted: {Shape: []int{1}, Data: []float32{1}},
	} {
		require.NoError(t, w.Tensor(tag, plugin, tensor, 0))
		require.NoError(t, w.Tensor(tag, plugin, tensor, 7))
	}
}

func awkwardEmbeddings(t *testing.T, w *summary.FileWriter) {
	require.NoError(t, w.Scalar("loss", 1, 0))
	small := image.NewNRGBA(image.Rect(1, 1, 4, 3))
	small.Set(2, 2, color.White)
	require.NoError(t, summary.WriteEmbeddings(w.GetLogdir(),
		summary.Embedding{Name: "plain", Vectors: [][]float32{{1, -0.1}, {math.MaxFloat32, math.SmallestNonzeroFloat32}}},
		summary.Embedding{
			Name: `größe "日本"`, Vectors: [][]float32{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, Binary: true,
			Header: []string{"größe", "b"}, Metadata: [][]string{{"", "x"}, {"<b>", "y z"}, {`"`, "'"}}, Sprites: []image.Image{small, small, small},
		},
		summary.Embedding{Name: "one", Vectors: [][]float32{{1}}, Metadata: [][]string{{"a label"}}}))
}

func awkwardLogs(t *testing.T, w *summary.FileWriter) {
	require.NoError(t, w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_START}, -5))
	require.NoError(t, w.Scalar("loss", 1, -5))
	require.NoError(t, w.AddLogMessage(&eventpb.LogMessage{Level: eventpb.LogMessage_ERROR, Message: "größe\x00"}, 0))
	require.NoError(t, w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_CHECKPOINT, CheckpointPath: "model-0"}, 0))
	require.NoError(t, w.Scalar("loss", 2, 0))
	require.NoError(t, w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_STOP}, 1))
}

// awkwardRuns has more runs than open files.
func awkwardRuns(t *testing.T, dir string) {
	runs, err := summary.NewRunWriters(dir, summary.RunWritersConfig{MaxOpen: 1})
	require.NoError(t, err)
	for step := range int64(3) {
		require.NoError(t, runs.Scalars("loss", map[string]float64{"side/train": 1, "side/test": 2, "side/größe": math.NaN()}, step))
	}
	require.NoError(t, runs.Close())
}
