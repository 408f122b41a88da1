package summary_test

import (
	"encoding/binary"
	"image"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// fuzzed is what all kinds are made of, whatever sense it makes.
type fuzzed struct {
	text    string
	data    []byte
	floats  []float32
	doubles []float64
	a, b, c int
	x, y    float64
}

func newFuzzed(text string, data []byte, a, b, c int16, x, y float64) fuzzed {
	z := fuzzed{text: text, data: data, a: int(a) % 300, b: int(b), c: int(c), x: x, y: y} // a is also how much is made
	for i := 0; i+4 <= len(data); i += 4 {
		z.floats = append(z.floats, math.Float32frombits(binary.LittleEndian.Uint32(data[i:])))
	}
	for _, f := range z.floats {
		z.doubles = append(z.doubles, float64(f))
	}
	return z
}

func (z fuzzed) tensors() []session.Tensor {
	shape := []int{z.a, z.b, z.c, 3}[:min(4, 1+len(z.data)%4)]
	truths, texts := make([]bool, len(z.data)), make([]string, len(z.data))
	integers := make([]int64, len(z.data))
	for i, b := range z.data {
		truths[i], texts[i], integers[i] = b&1 == 1, string(z.data[:i]), int64(b)<<56
	}
	var all []session.Tensor
	for _, data := range []any{z.data, z.floats, z.doubles, truths, texts, integers, z.text} {
		n := session.Tensor{Data: data}.Len()
		all = append(all, session.Tensor{Shape: shape, Data: data}, session.Tensor{Shape: []int{n}, Data: data}, session.Tensor{Shape: []int{1, n}, Data: data},
			session.Tensor{Shape: []int{1, 1, n / 3, 3}, Data: data}, session.Tensor{Shape: []int{n / 4, 4}, Data: data})
	}
	at := int(uint16(z.c)) % len(all)
	return slices.Concat(all[at:], all[:at])[:5]
}

func (z fuzzed) images() []image.Image {
	rect := image.Rect(z.a%20, z.b%20, z.c%20, z.a%31)
	grey, colours := image.NewGray(rect), image.NewNRGBA(rect)
	copy(grey.Pix, z.data)
	copy(colours.Pix, z.data)
	return []image.Image{nil, grey, colours, grey.SubImage(image.Rect(0, 0, z.b%9, z.c%9)), (*image.RGBA)(nil)}
}

// values calls check with what every constructor makes of z.
func (z fuzzed) values(tag string, check func(err error, values ...summary.Value)) {
	try := func(v summary.Value, err error) { check(err, v) }
	triples := make([][3]float32, len(z.floats)/3)
	faces := make([][3]int32, len(z.data)%5)
	for i := range triples {
		triples[i] = [3]float32(z.floats[3*i:])
	}
	for i := range faces {
		faces[i] = [3]int32{int32(z.a), int32(i), int32(z.b)}
	}
	half := z.doubles[:len(z.doubles)/2]
	check(nil, summary.ScalarValue(tag, z.x), summary.HistogramValue(tag, z.floats), summary.HistogramV1Value(tag, z.doubles), summary.NonFiniteValue(tag, z.floats))
	check(nil, summary.HistogramValue(tag, z.data), summary.ScalarValue(tag, z.y).Described(z.text, z.text))
	exact, err := summary.ExactScalarValues(tag, z.x)
	check(err, exact...)
	try(summary.HistogramBucketsValue(tag, z.floats, summary.Buckets(z.a)))
	try(summary.HistogramRawValue(tag, []summary.Bucket{{Left: z.x, Right: z.y, Count: float64(z.a)}, {Left: z.y, Right: z.x, Count: z.y}}))
	for _, img := range z.images() {
		try(summary.ImageValue(tag, img))
		try(summary.ImagesValue(tag, img, img))
		try(summary.ImageBoxesValue(tag, img, summary.Box{XMin: z.x, YMin: z.y, XMax: float64(z.a), YMax: float64(z.b), Label: z.text}))
		try(summary.VideoValue(tag, summary.Animation{Frames: []image.Image{img, img}, FPS: z.x}))
	}
	try(summary.EncodedImagesValue(tag, z.data))
	try(summary.FigureValue(tag, encodedFigure(z.data)))
	clip := summary.Clip{Samples: z.floats, SampleRate: z.x, Channels: z.a}
	try(summary.AudioValue(tag, clip, clip))
	try(summary.AudioV1Value(tag, clip))
	try(summary.TextValue(tag, z.text))
	try(summary.TextTableValue(tag, [][]string{{z.text}, strings.Fields(z.text)}))
	for _, t := range z.tensors() {
		for _, class := range []summary.DataClass{summary.ClassTensor, summary.ClassScalar, summary.ClassBlobSequence, summary.DataClass(z.a)} {
			try(summary.TensorValue(tag, summary.Plugin{Name: z.text, Content: z.data, Class: class}, t))
		}
		images, err := summary.Pictures(t, summary.PictureOptions{Scale: summary.PictureScale(z.a % 3), BadColor: z.data, Half: z.b%2 == 0})
		check(err)
		if err == nil && len(images) > 0 {
			try(summary.ImageValue(tag, images[0]))
		}
	}
	labels := make([]bool, len(z.floats))
	try(summary.PRCurveValue(tag, labels, z.floats, summary.PRCurveOptions{NumThresholds: z.a, Weights: z.doubles}))
	try(summary.PRCurveRawValue(tag, summary.PRCurvePoints{z.doubles, z.doubles, half, z.doubles, z.doubles, z.doubles}))
	try(summary.PRCurveRawValue(tag, summary.PRCurvePoints{half, half, half, half, half, half}))
	mesh, err := summary.MeshValues(tag, summary.MeshData{Vertices: triples, Faces: faces, Config: z.text})
	check(err, mesh...)
	mesh, err = summary.MeshValues(tag, summary.MeshData{Vertices: triples, Colors: make([][3]uint8, z.a&7)})
	check(err, mesh...)
	try(summary.CustomScalarsValue(summary.Layout{Categories: []summary.LayoutCategory{{Title: z.text, Charts: []summary.LayoutChart{{Title: tag, Tags: []string{z.text}}}}}}))
	try(summary.CustomScalarsValue(summary.Layout{Categories: []summary.LayoutCategory{{Charts: []summary.LayoutChart{{Bands: []summary.LayoutBand{{z.text, tag, tag}}}}}}}))
	try(summary.HParamsExperimentValue(summary.HParamsExperiment{
		Name: z.text, Description: tag, Created: time.Unix(int64(z.a), 0),
		HParams: []summary.HParamInfo{{Name: z.text, Type: summary.HParamType(z.a & 3), Values: []any{z.text, z.a}}, {Name: tag, Min: z.x, Max: z.y}},
		Metrics: []summary.HParamMetric{{Tag: z.text, Dataset: summary.HParamDataset(z.b & 3)}},
	}))
	try(summary.HParamsStartValue(summary.HParamsStart{HParams: summary.HParams{z.text: z.x, tag: z.text, "b": z.a == 1, "i": z.b, "u": uint16(z.c)}, GroupName: z.text}))
	try(summary.HParamsEndValue(summary.HParamsStatus(z.a&7), time.Unix(int64(z.b), int64(z.c))))
	try(summary.RunMetadataValue(tag, &session.RunMetadata{Nodes: []session.NodeStats{{Name: z.text, Start: time.Unix(int64(z.a), 0), Duration: time.Duration(z.b)}}}))
	try(summary.KerasModelValue(tag, z.text))
}

// fuzzedOps are ops that fetch whatever there is under the name x.
func (z fuzzed) ops(tag string) []summary.Op {
	return []summary.Op{
		summary.Scalar(tag, "x"), summary.ExactScalar(tag, "x"), summary.Histogram(tag, "x"), summary.HistogramV1(tag, "x"), summary.HistogramBuckets(tag, "x", summary.Buckets(z.a)),
		summary.HistogramRaw(tag, "x"), summary.NonFinite(tag, "x"), summary.Image(tag, "x", z.a), summary.Images(tag, "x", z.b), summary.ImageBoxes(tag, "x", "x"),
		summary.EncodedImages(tag, "x"), summary.Figure(tag, "x"), summary.Video(tag, "x"), summary.Audio(tag, "x", z.x, z.a), summary.AudioV1(tag, "x", z.y, z.b),
		summary.Audios(tag, "x", z.x, z.a), summary.Text(tag, "x"), summary.Tensor(tag, "x", summary.Plugin{Name: z.text}), summary.PRCurve(tag, "x", "x", "x", z.a),
		summary.PRCurveRaw(tag, "x"), summary.Mesh(tag, "x"), summary.Serialized("x"),
	}
}

// FuzzKinds wants no panic, errors that are ours, and of what is no error, an event
// that the library would encode in as many bytes.
func FuzzKinds(f *testing.F) {
	f.Add("loss", "*text*", []byte{0, 0, 128, 63, 1, 2, 3, 4, 5, 6, 7, 8}, int16(2), int16(3), int16(1), 0.5, 8000.0)
	f.Add("größe/日本語", `{"camera": {}}`, []byte("\x89PNG\r\n\x1a\n0123456789ab"), int16(-1), int16(0), int16(4), math.NaN(), math.Inf(1))
	f.Add("", "\xff", []byte{}, int16(math.MaxInt16), int16(math.MinInt16), int16(0), -1.0, math.MaxFloat64)
	f.Add("a", "b", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"), int16(1), int16(1), int16(1), 1.0, 4.0)
	f.Fuzz(func(t *testing.T, tag, text string, data []byte, a, b, c int16, x, y float64) {
		z := newFuzzed(text, data[:min(len(data), 200)], a, b, c, x, y)
		check := func(err error, values ...summary.Value) {
			t.Helper()
			if err != nil {
				require.Regexp(t, `^summary: `, err.Error())
				return
			}
			if len(values) == 0 || tag == "" || !utf8.ValidString(tag) {
				return
			}
			payload := summary.EncodeEvent(1, 2, true, values...)
			e := new(eventpb.Event)
			require.NoError(t, proto.Unmarshal(payload, e))
			requireNothingUnknown(t, e.ProtoReflect())
			require.Len(t, e.GetSummary().GetValue(), len(values))
			require.Equal(t, proto.Size(e), len(payload))
		}
		z.values(tag, check)
		fetchable := []session.Value{session.Float64(x), session.String(text), session.Bool(a == 1), {}, session.Any(z.images()), session.Any(z.images()[int(uint16(b))%5])}
		for _, tensor := range z.tensors() {
			fetchable = append(fetchable, session.TensorValue(tensor))
		}
		for _, v := range fetchable {
			fetched := fetchedX(t, v)
			for _, op := range z.ops(tag) {
				values, err := op.AppendValues(nil, fetched)
				check(err, values...)
			}
		}
	})
}
