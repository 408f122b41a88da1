package summary_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// A kind is something that TensorBoard shows, made of the same data in each of the
// ways that there are.
type kind struct {
	name   string
	values func() ([]summary.Value, error) // tags begin with "k"
	write  func(w *summary.Writer, step int64) error
	op     summary.Op // nil: what is not for hooks
}

// one makes a list of a single value.
func one(v summary.Value, err error) ([]summary.Value, error) { return []summary.Value{v}, err }

func fine(v summary.Value) ([]summary.Value, error) { return one(v, nil) }

// kindData is what kinds are made of, by the names that their ops fetch.
type kindData struct {
	number  float64
	numbers []float32
	buckets []summary.Bucket
	picture image.Image
	batch   session.Tensor
	encoded [][]byte
	figure  io.WriterTo
	video   summary.Animation
	boxes   []summary.Box
	sounds  session.Tensor
	text    string
	table   session.Tensor
	labels  []bool
	guesses []float32
	weights []float32
	curve   summary.PRCurvePoints
	mesh    summary.MeshData
	tensor  session.Tensor
}

// encodedFigure draws itself as a picture that is encoded already.
type encodedFigure []byte

func (f encodedFigure) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(f)
	return int64(n), err
}

func someData(t testing.TB) kindData {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, 12, 9))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i * 7)
	}
	var encoded bytes.Buffer
	require.NoError(t, png.Encode(&encoded, picture))
	frame := image.NewRGBA(image.Rect(0, 0, 3, 2))
	frame.Set(1, 1, color.White)
	five := []float64{5, 4, 3, 2, 1}
	return kindData{
		number:  0.1,
		numbers: []float32{-1, 0, 0.5, 2, float32(math.NaN()), float32(math.Inf(1))},
		buckets: []summary.Bucket{{Left: 0, Right: 1, Count: 2}, {Left: 1, Right: 4, Count: 0.5}},
		picture: picture,
		batch:   session.Tensor{Shape: []int{2, 1, 2, 3}, Data: []float32{0, 0.5, 1, 2, 3, 4, -1, 0, 1, float32(math.NaN()), 0, 0}},
		encoded: [][]byte{encoded.Bytes(), encoded.Bytes()},
		figure:  encodedFigure(encoded.Bytes()),
		video:   summary.Animation{Frames: []image.Image{frame, frame}, FPS: 4},
		boxes:   []summary.Box{{XMin: 1, YMin: 2, XMax: 8, YMax: 7}, {XMin: 3, YMin: 3, XMax: 5, YMax: 5}},
		sounds:  session.Tensor{Shape: []int{2, 3}, Data: []float32{0, 0.5, 2, -1, 0, 0}},
		text:    "*some* text",
		table:   session.Tensor{Shape: []int{2, 2}, Data: []string{"a", "b", "c", "d"}},
		labels:  []bool{true, false, true},
		guesses: []float32{0.9, 0.4, 0.6},
		weights: []float32{1, 2, 0.5},
		curve: summary.PRCurvePoints{
			TruePositives: five, FalsePositives: five, TrueNegatives: five, FalseNegatives: five, Precision: five, Recall: five,
		},
		mesh: summary.MeshData{
			Vertices: [][3]float32{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, Faces: [][3]int32{{0, 1, 2}}, Colors: [][3]uint8{{255, 0, 0}, {0, 1, 2}, {3, 4, 5}},
			Config: `{"camera": {"cls": "PerspectiveCamera"}}`,
		},
		tensor: session.Tensor{Shape: []int{2, 1}, Data: []int64{1, -1}},
	}
}

func (d kindData) fetched() map[string]session.Value {
	return map[string]session.Value{
		"number": session.Float64(d.number), "numbers": session.TensorOf(d.numbers), "buckets": session.Any(d.buckets),
		"picture": session.Any(d.picture), "batch": session.TensorValue(d.batch), "encoded": session.Any(d.encoded), "figure": session.Any(d.figure),
		"video": session.Any(d.video), "boxes": session.TensorOf([]float32{1, 2, 8, 7, 3, 3, 5, 5}, 2, 4), "sounds": session.TensorValue(d.sounds),
		"text": session.String(d.text), "table": session.TensorValue(d.table), "labels": session.TensorOf(d.labels),
		"guesses": session.TensorOf(d.guesses), "weights": session.TensorOf(d.weights), "curve": session.Any(d.curve), "mesh": session.Any(d.mesh),
		"tensor": session.TensorValue(d.tensor),
	}
}

func (d kindData) clips() []summary.Clip {
	samples := d.sounds.Data.([]float32)
	return []summary.Clip{{Samples: samples[:3], SampleRate: 8000}, {Samples: samples[3:], SampleRate: 8000}}
}

// batchOf returns the pictures of the batch.
func (d kindData) batchOf(t testing.TB) []image.Image {
	t.Helper()
	images, err := summary.Pictures(d.batch, summary.PictureOptions{})
	require.NoError(t, err)
	return images
}

func doubles(values []float32) []float64 {
	wide := make([]float64, len(values))
	for i, x := range values {
		wide[i] = float64(x)
	}
	return wide
}

// kinds are all of them.
func kinds(t testing.TB) []kind {
	t.Helper()
	d := someData(t)
	batch, clips := d.batchOf(t), d.clips()
	plugin := summary.Plugin{Name: "own", Content: []byte("content")}
	layout := summary.Layout{Categories: []summary.LayoutCategory{{Title: "losses", Charts: []summary.LayoutChart{
		{Title: "all", Tags: []string{"loss.*"}}, {Title: "band", Bands: []summary.LayoutBand{{Value: "v", Lower: "l", Upper: "u"}}},
	}}}}
	metadata := &session.RunMetadata{Nodes: []session.NodeStats{{Name: "a/b", Start: time.Unix(1, 2), Duration: time.Second}}}
	start := summary.HParamsStart{HParams: summary.HParams{"lr": 0.1, "bn": true, "opt": "adam"}, Started: time.Unix(3, 0)}
	experiment := summary.HParamsExperiment{
		HParams: []summary.HParamInfo{{Name: "lr", Min: 0.001, Max: 1}, {Name: "opt", Values: []any{"adam", "sgd"}}}, Metrics: []summary.HParamMetric{{Tag: "loss"}},
	}
	constant := func(values ...summary.Value) summary.Op { return summary.Constant(values...) }
	must := func(v summary.Value, err error) summary.Value {
		require.NoError(t, err)
		return v
	}
	pr := summary.PRCurveOptions{NumThresholds: 5, Weights: doubles(d.weights)}
	return []kind{
		{"scalar", func() ([]summary.Value, error) { return fine(summary.ScalarValue("k", d.number)) },
			func(w *summary.Writer, step int64) error { return w.Scalar("k", d.number, step) }, summary.Scalar("k", "number")},
		{"exact scalar", func() ([]summary.Value, error) { return summary.ExactScalarValues("k", d.number) },
			func(w *summary.Writer, step int64) error { return w.ExactScalar("k", d.number, step) }, summary.ExactScalar("k", "number")},
		{"scalars", func() ([]summary.Value, error) {
			return []summary.Value{summary.ScalarValue("k/a", 1), summary.ScalarValue("k/b", d.number)}, nil
		}, func(w *summary.Writer, step int64) error {
			return w.Scalars(map[string]float64{"k/b": d.number, "k/a": 1}, step)
		}, summary.Merge(constant(summary.ScalarValue("k/a", 1)), summary.Scalar("k/b", "number"))},
		{"histogram", func() ([]summary.Value, error) { return fine(summary.HistogramValue("k", d.numbers)) },
			func(w *summary.Writer, step int64) error { return w.Histogram("k", d.numbers, step) }, summary.Histogram("k", "numbers")},
		{"histogram of equal buckets", func() ([]summary.Value, error) { return one(summary.HistogramBucketsValue("k", d.numbers, 7)) },
			func(w *summary.Writer, step int64) error { return w.HistogramBuckets("k", d.numbers, 7, step) }, summary.HistogramBuckets("k", "numbers", 7)},
		{"histogram by NumPy's rule", func() ([]summary.Value, error) {
			return one(summary.HistogramBucketsValue("k", d.numbers, summary.BucketsAuto))
		}, func(w *summary.Writer, step int64) error {
			return w.HistogramBuckets("k", d.numbers, summary.BucketsAuto, step)
		}, summary.HistogramBuckets("k", "numbers", summary.BucketsAuto)},
		{"histogram of own buckets", func() ([]summary.Value, error) { return one(summary.HistogramRawValue("k", d.buckets)) },
			func(w *summary.Writer, step int64) error { return w.HistogramRaw("k", d.buckets, step) }, summary.HistogramRaw("k", "buckets")},
		{"histogram in version 1", func() ([]summary.Value, error) { return fine(summary.HistogramV1Value("k", d.numbers)) },
			func(w *summary.Writer, step int64) error { return w.HistogramV1("k", d.numbers, step) }, summary.HistogramV1("k", "numbers")},
		{"non-finite values", func() ([]summary.Value, error) { return fine(summary.ScalarValue("k", 2)) },
			func(w *summary.Writer, step int64) error { return w.NonFinite("k", d.numbers, step) }, summary.NonFinite("k", "numbers")},
		{"image", func() ([]summary.Value, error) { return one(summary.ImageValue("k/image", d.picture)) },
			func(w *summary.Writer, step int64) error { return w.Image("k/image", d.picture, step) }, summary.Image("k", "picture", 1)},
		{"image of numbers", func() ([]summary.Value, error) { return one(summary.ImageValue("k/image", batch[0])) },
			func(w *summary.Writer, step int64) error { return w.Image("k/image", batch[0], step) }, summary.Image("k", "batch", 1)},
		{"images", func() ([]summary.Value, error) { return one(summary.ImagesValue("k", batch...)) },
			func(w *summary.Writer, step int64) error { return w.Images("k", batch, step) }, summary.Images("k", "batch", 0)},
		{"image with boxes", func() ([]summary.Value, error) { return one(summary.ImageBoxesValue("k", d.picture, d.boxes...)) },
			func(w *summary.Writer, step int64) error { return w.ImageBoxes("k", d.picture, d.boxes, step) }, summary.ImageBoxes("k", "picture", "boxes")},
		{"encoded images", func() ([]summary.Value, error) { return one(summary.EncodedImagesValue("k", d.encoded...)) },
			func(w *summary.Writer, step int64) error { return w.EncodedImages("k", d.encoded, step) }, summary.EncodedImages("k", "encoded")},
		{"figure", func() ([]summary.Value, error) { return one(summary.FigureValue("k", d.figure)) },
			func(w *summary.Writer, step int64) error { return w.Figure("k", d.figure, step) }, summary.Figure("k", "figure")},
		{"video", func() ([]summary.Value, error) { return one(summary.VideoValue("k", d.video)) },
			func(w *summary.Writer, step int64) error { return w.Video("k", d.video, step) }, summary.Video("k", "video")},
		{"audio", func() ([]summary.Value, error) { return one(summary.AudioValue("k/audio", clips[0])) },
			func(w *summary.Writer, step int64) error { return w.Audio("k/audio", clips[0], step) }, summary.Audio("k", "sounds", 8000, 1)},
		{"audios", func() ([]summary.Value, error) { return one(summary.AudioValue("k", clips...)) },
			func(w *summary.Writer, step int64) error { return w.Audios("k", clips, step) }, summary.Audios("k", "sounds", 8000, 0)},
		{"audio in version 1", func() ([]summary.Value, error) { return one(summary.AudioV1Value("k/audio", clips[0])) },
			func(w *summary.Writer, step int64) error { return w.AudioV1("k/audio", clips[0], step) }, summary.AudioV1("k", "sounds", 8000, 1)},
		{"text", func() ([]summary.Value, error) { return one(summary.TextValue("k", d.text)) },
			func(w *summary.Writer, step int64) error { return w.Text("k", d.text, step) }, summary.Text("k", "text")},
		{"table of texts", func() ([]summary.Value, error) {
			return one(summary.TextTableValue("k", [][]string{{"a", "b"}, {"c", "d"}}))
		}, func(w *summary.Writer, step int64) error {
			return w.TextTable("k", [][]string{{"a", "b"}, {"c", "d"}}, step)
		}, summary.Text("k", "table")},
		{"tensor of a plugin", func() ([]summary.Value, error) { return one(summary.TensorValue("k", plugin, d.tensor)) },
			func(w *summary.Writer, step int64) error { return w.Tensor("k", plugin, d.tensor, step) }, summary.Tensor("k", "tensor", plugin)},
		{"PR curve", func() ([]summary.Value, error) { return one(summary.PRCurveValue("k", d.labels, d.guesses, pr)) },
			func(w *summary.Writer, step int64) error { return w.PRCurve("k", d.labels, d.guesses, pr, step) },
			summary.PRCurve("k", "labels", "guesses", "weights", 5)},
		{"PR curve of own points", func() ([]summary.Value, error) { return one(summary.PRCurveRawValue("k", d.curve)) },
			func(w *summary.Writer, step int64) error { return w.PRCurveRaw("k", d.curve, step) }, summary.PRCurveRaw("k", "curve")},
		{"mesh", func() ([]summary.Value, error) { return summary.MeshValues("k", d.mesh) },
			func(w *summary.Writer, step int64) error { return w.Mesh("k", d.mesh, step) }, summary.Mesh("k", "mesh")},
		{"custom scalars", func() ([]summary.Value, error) { return one(summary.CustomScalarsValue(layout)) },
			func(w *summary.Writer, step int64) error { return w.CustomScalars(layout, step) }, constant(must(summary.CustomScalarsValue(layout)))},
		{"hparams experiment", func() ([]summary.Value, error) { return one(summary.HParamsExperimentValue(experiment)) },
			func(w *summary.Writer, _ int64) error { return w.HParamsExperiment(experiment) }, constant(must(summary.HParamsExperimentValue(experiment)))},
		{"hparams start", func() ([]summary.Value, error) { return one(summary.HParamsStartValue(start)) },
			func(w *summary.Writer, _ int64) error { return w.HParamsStart(start) }, constant(must(summary.HParamsStartValue(start)))},
		{"hparams end", func() ([]summary.Value, error) {
			return one(summary.HParamsEndValue(summary.StatusSuccess, time.Unix(1, 0)))
		}, func(w *summary.Writer, _ int64) error { return w.At(time.Unix(1, 0)).HParamsEnd(summary.StatusSuccess) },
			constant(must(summary.HParamsEndValue(summary.StatusSuccess, time.Unix(1, 0))))},
		{"run metadata", func() ([]summary.Value, error) { return one(summary.RunMetadataValue("k", metadata)) },
			func(w *summary.Writer, step int64) error { return w.RunMetadata("k", metadata, step) }, constant(must(summary.RunMetadataValue("k", metadata)))},
		{"Keras model", func() ([]summary.Value, error) { return one(summary.KerasModelValue("k", `{"class_name": "Model"}`)) },
			func(w *summary.Writer, step int64) error { return w.KerasModel("k", `{"class_name": "Model"}`, step) },
			constant(must(summary.KerasModelValue("k", `{"class_name": "Model"}`)))},
	}
}

func TestAKindIsTheSameAsOpMethodAndFunction(t *testing.T) {
	fetched := fetched(t, someData(t).fetched())
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			made, err := k.values()
			require.NoError(t, err)
			require.NotEmpty(t, made)

			byOp, err := k.op.AppendValues(nil, fetched)
			require.NoError(t, err)
			requireSameValues(t, made, byOp)

			f := newMemoryFile()
			w := openOn(t, f, summary.FileWriterConfig{})
			require.NoError(t, k.write(&w.Writer, 3))
			require.NoError(t, w.Close())
			events := withoutVersion(t, decode(t, f.contents()))
			require.Len(t, events, 1, "all in one event")
			written := events[0].GetSummary().GetValue()
			require.Len(t, written, len(made))
			for i, want := range asMessages(t, made...) {
				requireEqualMessage(t, want, written[i])
			}
		})
	}
}

func requireSameValues(t *testing.T, want, got []summary.Value) {
	t.Helper()
	require.Len(t, got, len(want))
	messages := asMessages(t, got...)
	for i, w := range asMessages(t, want...) {
		requireEqualMessage(t, w, messages[i])
	}
}

// What is encoded by hand is what the library makes of the message: it knows all
// fields, takes as many bytes for them, and the metadata has a class.
func TestEveryKindIsEncodedAsTheMessage(t *testing.T) {
	for _, k := range kinds(t) {
		t.Run(k.name, func(t *testing.T) {
			made, err := k.values()
			require.NoError(t, err)
			payload := summary.EncodeEvent(1.5, 7, true, made...)
			e := new(eventpb.Event)
			require.NoError(t, proto.Unmarshal(payload, e))
			requireNothingUnknown(t, e.ProtoReflect())
			require.Equal(t, proto.Size(e), len(payload))
			for _, v := range e.GetSummary().GetValue() {
				versionOne := v.GetHisto() != nil || v.GetAudio() != nil
				require.Equal(t, versionOne, v.GetMetadata() == nil)
				require.Equal(t, versionOne, v.GetMetadata().GetDataClass() == eventpb.DataClass_UNKNOWN)
			}
		})
	}
}

// requireNothingUnknown wants all fields of a message to be ones that are known.
func requireNothingUnknown(t testing.TB, m protoreflect.Message) {
	t.Helper()
	require.Empty(t, m.GetUnknown(), m.Descriptor().FullName())
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := range v.List().Len() {
				requireNothingUnknown(t, v.List().Get(i).Message())
			}
		default: // there are no maps in events
			requireNothingUnknown(t, v.Message())
		}
		return true
	})
}

// asMessages returns values as messages.
func asMessages(t testing.TB, values ...summary.Value) []*eventpb.Summary_Value {
	t.Helper()
	e := new(eventpb.Event)
	require.NoError(t, proto.Unmarshal(summary.EncodeEvent(1, 0, true, values...), e))
	return e.GetSummary().GetValue()
}
