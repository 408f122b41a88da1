package summary_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/pixels"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
	"github.com/runhook/runhook/summary/onnx"
)

// callTorch makes a call of tensorboardX or of torch.utils.tensorboard.
func (p *goldenPlayer) callTorch(c goldenCall) error {
	p.Helper()
	w, step, tag := p.writer(c), c.int("global_step"), c.str("tag")
	if p.golden == "tbx_scalar" {
		tag = summary.CleanName(tag) // as tensorboardX does
	}
	switch call := c.str("call"); call {
	case "add_scalar":
		value := c.float("scalar_value")
		if c.has("double_precision") {
			return w.ExactScalar(tag, value, step)
		}
		v := summary.ScalarValue(tag, value)
		return w.Add(step, v.Described(c.str("display_name"), c.str("summary_description")))
	case "add_scalars":
		return p.scalarsTorch(c)
	case "add_histogram":
		return p.histogramTorch(w, c)
	case "add_histogram_raw":
		var buckets []summary.Bucket
		left := c.float("min")
		counts := decodeInto[[]float64](c.arg("bucket_counts"))
		for i, limit := range decodeInto[[]float64](c.arg("bucket_limits")) {
			buckets = append(buckets, summary.Bucket{Left: left, Right: limit, Count: counts[i]})
			left = limit
		}
		return w.HistogramRaw(tag, buckets, step)
	case "add_image", "add_image_with_boxes":
		format := c.str("dataformats")
		if format == "" {
			format = "CHW"
		}
		img := imageOf(c.array("img_tensor"), format)[0]
		if call == "add_image" {
			return w.Image(tag, img, step)
		}
		var boxes []summary.Box
		labels := decodeInto[[]string](c.arg("labels"))
		for i, b := range slices.Collect(slices.Chunk(numbers[float64](c.array("box_tensor")), 4)) {
			box := summary.Box{XMin: b[0], YMin: b[1], XMax: b[2], YMax: b[3]}
			if labels != nil {
				box.Label = labels[i]
			}
			boxes = append(boxes, box)
		}
		return w.ImageBoxes(tag, img, boxes, step)
	case "add_images":
		format := c.str("dataformats")
		if format == "" {
			format = "NCHW"
		}
		return w.Image(tag, sideBySide(imageOf(c.array("img_tensor"), format)), step)
	case "add_figure":
		return w.Figure(tag, encodedFigure(p.goldenPicture(tag)), step) // nothing here draws with Matplotlib
	case "add_video":
		a := c.array("vid_tensor") // [1, time, channels, height, width]
		a.Shape = a.Shape[1:]
		return w.Video(tag, summary.Animation{Frames: imageOf(a, "NCHW"), FPS: c.float("fps")}, step)
	case "add_audio":
		clip := summary.Clip{Samples: numbers[float32](c.array("snd_tensor")), SampleRate: c.float("sample_rate"), Channels: 1}
		if shape := c.array("snd_tensor").Shape; len(shape) == 2 {
			clip.Channels = shape[1]
		}
		return w.AudioV1(tag, clip, step)
	case "add_text":
		return w.Text(tag+"/text_summary", c.str("text_string"), step)
	case "add_pr_curve":
		options := summary.PRCurveOptions{NumThresholds: 127}
		if c.has("num_thresholds") {
			options.NumThresholds = min(127, int(c.int("num_thresholds"))) // they have no more
		}
		if c.has("weights") {
			options.Weights = numbers[float64](c.array("weights"))
		}
		return w.PRCurve(tag, bools(c.array("labels")), numbers[float32](c.array("predictions")), options, step)
	case "add_pr_curve_raw":
		return w.PRCurveRaw(tag, curveOf(c), step)
	case "add_mesh":
		return w.Mesh(tag, meshOf(goldenCall{
			"vertices": c.arg("vertices"), "faces": c.arg("faces"), "colors": c.arg("colors"), "config_dict": c.arg("config_dict"),
		}), step)
	case "add_tensor":
		return w.Tensor(tag, summary.Plugin{Name: "tensor"}, c.array("tensor").tensor(), step)
	case "add_hparams":
		return p.hparamsTorch(c)
	case "add_embedding":
		return p.run(".").Embedding(embeddingOf(c), step)
	case "use_metadata":
		w := w.At(unix(c.float("walltime")))
		w.SetStep(step)
		for _, inner := range decodeInto[[]goldenCall](c["calls"]) {
			step := summary.CurrentStep
			if inner.has("global_step") {
				step = inner.int("global_step")
			}
			if err := w.Scalar(inner.str("tag"), inner.float("scalar_value"), step); err != nil {
				return err
			}
		}
		return nil
	case "onnx_graph":
		graph, err := onnx.Graph([]byte(readFile(p.T, "onnx", "testdata", "relu.onnx")))
		require.NoError(p, err)
		return w.AddGraph(graph, 0)
	case "graph":
		return p.replay(p.golden)
	default:
		return p.layoutTorch(w, c)
	}
}

func (p *goldenPlayer) scalarsTorch(c goldenCall) error {
	p.Helper()
	if p.runs == nil {
		var err error
		p.runs, err = summary.NewRunWriters(p.dir, summary.RunWritersConfig{})
		require.NoError(p, err)
	}
	tag := c.str("main_tag")
	prefix := tag + "/"
	if strings.HasPrefix(p.golden, "torch") {
		prefix = strings.ReplaceAll(tag, "/", "_") + "_"
	}
	values := make(map[string]float64)
	for name, x := range decodeInto[map[string]any](c.arg("tag_scalar_dict")) {
		values[prefix+strings.ReplaceAll(name, " ", "-")] = floatOf(x)
	}
	return p.runs.Scalars(tag, values, c.int("global_step"))
}

func (p *goldenPlayer) histogramTorch(w *summary.Writer, c goldenCall) error {
	p.Helper()
	tag, step, values := c.str("tag"), c.int("global_step"), c.array("values")
	if !c.has("bins") {
		return w.HistogramV1(tag, values.tensor(), step)
	}
	buckets, ok := numpyRules[c.str("bins")]
	require.True(p, ok, c.str("bins"))
	if c.has("max_bins") {
		buckets = buckets.AtMost(int(c.int("max_bins")))
	}
	return w.HistogramBuckets(tag, values.tensor(), buckets, step)
}

var numpyRules = map[string]summary.Buckets{
	"auto": summary.BucketsAuto, "fd": summary.BucketsFD, "doane": summary.BucketsDoane, "scott": summary.BucketsScott,
	"stone": summary.BucketsStone, "rice": summary.BucketsRice, "sturges": summary.BucketsSturges, "sqrt": summary.BucketsSqrt,
}

// imageOf returns the pictures of an array whose dimensions are named.
func imageOf(a goldenArray, format string) []image.Image {
	size := map[rune]int{'N': 1, 'C': 1}
	for i, dim := range format {
		size[dim] = a.Shape[i]
	}
	stride, step := map[rune]int{}, 1
	for i := len(format) - 1; i >= 0; i-- {
		stride[rune(format[i])] = step
		step *= a.Shape[i]
	}
	n := size['N'] * size['H'] * size['W'] * size['C']
	t := session.Tensor{Shape: []int{size['N'], size['H'], size['W'], size['C']}}
	ordered := goldenArray{DType: a.DType, Shape: t.Shape, Data: make([]any, 0, n)}
	for i := range size['N'] {
		for y := range size['H'] {
			for x := range size['W'] {
				for ch := range size['C'] {
					ordered.Data = append(ordered.Data, a.Data[i*stride['N']+y*stride['H']+x*stride['W']+ch*stride['C']])
				}
			}
		}
	}
	images, err := summary.Pictures(ordered.tensor(), summary.PictureOptions{Scale: summary.ScaleUnit})
	if err != nil {
		panic(err)
	}
	return images
}

// sideBySide puts pictures into one as tensorboardX and PyTorch do: in rows of
// eight at most.
func sideBySide(images []image.Image) image.Image {
	first := images[0].(*pixels.Picture)
	columns := min(len(images), 8)
	rows := (len(images) + columns - 1) / columns
	grid := &pixels.Picture{Shape: pixels.Shape{Height: rows * first.Height, Width: columns * first.Width, Channels: first.Channels}}
	grid.Pix = make([]uint8, grid.Height*grid.Width*grid.Channels)
	for i, img := range images {
		line := first.Width * first.Channels
		for y := range first.Height {
			at := ((i/columns*first.Height+y)*grid.Width + i%columns*first.Width) * grid.Channels
			copy(grid.Pix[at:], img.(*pixels.Picture).Pix[y*line:(y+1)*line])
		}
	}
	return grid
}

// goldenPicture is the picture under a tag.
func (p *goldenPlayer) goldenPicture(tag string) []byte {
	p.Helper()
	events, _ := p.read(p.T, p.golden)
	for _, e := range events {
		for _, v := range e.GetSummary().GetValue() {
			if v.GetTag() == tag {
				return v.GetImage().GetEncodedImageString()
			}
		}
	}
	p.Fatalf("no picture %q", tag)
	return nil
}

func (p *goldenPlayer) hparamsTorch(c goldenCall) error {
	p.Helper()
	run := c.str("name") + c.str("run_name")
	w, step := &p.run(run).Writer, c.int("global_step")
	h := hparamsOf(c.arg("hparam_dict"))
	domains := decodeInto[map[string][]any](c.arg("hparam_domain_discrete"))
	var e summary.HParamsExperiment
	for name := range inOrder(c.arg("hparam_dict")) {
		info := summary.HParamInfo{Name: name, Type: summary.TypeNumber}
		switch h[name].(type) {
		case nil:
			continue
		case bool:
			info.Type = summary.TypeBool
		case string:
			info.Type = summary.TypeString
		}
		for _, x := range domains[name] {
			if n, ok := x.(json.Number); ok {
				x = floatOf(n)
			}
			info.Values = append(info.Values, x)
		}
		e.HParams = append(e.HParams, info)
	}
	metrics := decodeInto[map[string]any](c.arg("metric_dict"))
	for tag := range inOrder(c.arg("metric_dict")) {
		e.Metrics = append(e.Metrics, summary.HParamMetric{Tag: tag})
	}
	w = w.At(p.startOf(run))
	require.NoError(p, w.HParamsExperiment(e))
	require.NoError(p, w.HParamsStart(summary.HParamsStart{HParams: h}))
	require.NoError(p, w.HParamsEnd(summary.StatusSuccess))
	for _, m := range e.Metrics {
		require.NoError(p, w.Scalar(m.Tag, floatOf(metrics[m.Tag]), step))
	}
	return nil
}

// startOf is when the session of a run began, or ended: the time of the making of
// the golden.
func (p *goldenPlayer) startOf(run string) time.Time {
	p.Helper()
	events, _ := p.read(p.T, p.golden+"__"+run)
	for _, e := range events {
		for _, v := range e.GetSummary().GetValue() {
			data := new(eventpb.HParamsPluginData)
			if v.GetTag() == "_hparams_/session_start_info" && proto.Unmarshal(v.GetMetadata().GetPluginData().GetContent(), data) == nil {
				return unix(data.GetSessionStartInfo().GetStartTimeSecs())
			}
		}
	}
	return time.Time{}
}

func embeddingOf(c goldenCall) summary.Embedding {
	e := summary.Embedding{Name: c.str("tag")}
	if e.Name == "" {
		e.Name = "default"
	}
	mat := c.array("mat")
	for row := range slices.Chunk(numbers[float32](mat), mat.Shape[1]) {
		e.Vectors = append(e.Vectors, row)
	}
	for _, row := range decodeInto[[]any](c.arg("metadata")) {
		var cells []string
		switch row := row.(type) {
		case string:
			cells = []string{row}
		case []any:
			for _, cell := range row {
				cells = append(cells, cell.(string))
			}
		}
		e.Metadata = append(e.Metadata, cells)
	}
	e.Header = decodeInto[[]string](c.arg("metadata_header"))
	if c.has("label_img") {
		e.Sprites = imageOf(c.array("label_img"), "NCHW")
	}
	return e
}

// layoutTorch makes the calls about custom scalars.
func (p *goldenPlayer) layoutTorch(w *summary.Writer, c goldenCall) error {
	p.Helper()
	var layout summary.Layout
	chart := func(title, kind string, tags []string) summary.LayoutChart {
		if kind == "Margin" {
			return summary.LayoutChart{Title: title, Bands: []summary.LayoutBand{{Value: tags[0], Lower: tags[1], Upper: tags[2]}}}
		}
		return summary.LayoutChart{Title: title, Tags: tags}
	}
	switch call := c.str("call"); call {
	case "add_custom_scalars":
		for category, charts := range decodeInto[map[string]json.RawMessage](c.arg("layout")) {
			made := summary.LayoutCategory{Title: category}
			for title, raw := range inOrder(charts) {
				parts := decodeInto[[]json.RawMessage](raw)
				made.Charts = append(made.Charts, chart(title, decodeInto[string](parts[0]), decodeInto[[]string](parts[1])))
			}
			layout.Categories = append(layout.Categories, made)
		}
	case "add_custom_scalars_multilinechart", "add_custom_scalars_marginchart":
		kind := map[bool]string{true: "Margin", false: "Multiline"}[strings.HasSuffix(call, "marginchart")]
		category, title := "default", "untitled"
		if c.has("category") {
			category, title = c.str("category"), c.str("title")
		}
		layout.Categories = []summary.LayoutCategory{{Title: category, Charts: []summary.LayoutChart{chart(title, kind, decodeInto[[]string](c.arg("tags")))}}}
	default:
		p.Fatalf("no call %q", call)
	}
	return w.CustomScalars(layout, 0)
}

// inOrder iterates over an object in the order of its text.
func inOrder(raw json.RawMessage) func(yield func(string, json.RawMessage) bool) {
	return func(yield func(string, json.RawMessage) bool) {
		d := json.NewDecoder(bytes.NewReader(raw))
		if _, err := d.Token(); err != nil {
			panic(err)
		}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				panic(err)
			}
			var x json.RawMessage
			if err := d.Decode(&x); err != nil {
				panic(err)
			}
			if !yield(name.(string), x) {
				return
			}
		}
	}
}

// TSV files have the same numbers, in fewer digits where those are enough for
// float32, and sprites pixels scaled by 255.5 instead of 255.
func TestEmbeddingsAreThoseOfTensorboardX(t *testing.T) {
	archive, err := zip.OpenReader(filepath.Join("testdata", "embeddings.zip"))
	require.NoError(t, err)
	defer archive.Close()
	g := allGoldens(t)[0]
	for _, golden := range []string{"tbx_embedding", "torch_embedding"} {
		p := &goldenPlayer{T: t, goldens: g, golden: golden, dir: t.TempDir(), files: make(map[string]*summary.FileWriter)}
		p.play(g.inputs[golden])
		compared := 0
		for _, f := range archive.File {
			name, ok := strings.CutPrefix(f.Name, golden+"/")
			if !ok {
				continue
			}
			compared++
			content, err := archive.Open(f.Name)
			require.NoError(t, err)
			want, err := io.ReadAll(content)
			require.NoError(t, err)
			got := []byte(readFile(t, p.dir, name))
			switch path.Base(name) {
			case "tensors.tsv":
				require.Equal(t, float32s(t, want), float32s(t, got))
			case "sprite.png":
				require.Equal(t, sizeOf(t, want), sizeOf(t, got))
			case "projector_config.pbtxt":
				require.ElementsMatch(t, strings.Fields(string(want)), strings.Fields(string(got)))
			default:
				require.Equal(t, string(want), string(got))
			}
		}
		require.Equal(t, 7, compared)
	}
}

func float32s(t *testing.T, tsv []byte) (rows [][]float32) {
	t.Helper()
	for line := range strings.Lines(string(tsv)) {
		var row []float32
		for _, cell := range strings.Fields(line) {
			x, err := strconv.ParseFloat(cell, 32)
			require.NoError(t, err)
			row = append(row, float32(x))
		}
		rows = append(rows, row)
	}
	return rows
}

func sizeOf(t *testing.T, encoded []byte) image.Point {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(encoded))
	require.NoError(t, err)
	return img.Bounds().Size()
}
