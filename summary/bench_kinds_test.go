package summary_test

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// BenchmarkHistogram compares the histogram of a million weights with what
// TensorFlow does: look for each value's limit among 1,551, and marshal the message.
func BenchmarkHistogram(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, 1_000_000)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	for _, bench := range []struct {
		name  string
		write func(w *summary.FileWriter, step int64) error
	}{
		{"runhook", func(w *summary.FileWriter, step int64) error { return w.HistogramV1("weights", values, step) }},
		{"runhook rows", func(w *summary.FileWriter, step int64) error { return w.Histogram("weights", values, step) }},
		{"binary search", func(w *summary.FileWriter, step int64) error {
			return w.AddSummary(&eventpb.Summary{Value: []*eventpb.Summary_Value{{
				Tag: "weights", Value: &eventpb.Summary_Value_Histo{Histo: searchedHistogram(values)},
			}}}, step)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			w := openWriter(b, b.TempDir(), summary.FileWriterConfig{})
			b.ReportAllocs()
			step := int64(0)
			for b.Loop() {
				step++
				if err := bench.write(w, step); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(step)/float64(len(values)), "ns/value")
		})
	}
}

var histogramLimits = func() []float64 {
	limits := []float64{0, -math.MaxFloat64, math.MaxFloat64}
	for v := 1e-12; v < 1e20; v *= 1.1 {
		limits = append(limits, v, -v)
	}
	sort.Float64s(limits)
	return limits
}()

// searchedHistogram is TensorFlow's histogram in plain code.
func searchedHistogram(values []float32) *eventpb.HistogramProto {
	h := &eventpb.HistogramProto{Min: math.MaxFloat64, Max: -math.MaxFloat64, Num: float64(len(values))}
	counts := make([]float64, len(histogramLimits))
	for _, x := range values {
		v := float64(x)
		counts[sort.Search(len(histogramLimits), func(i int) bool { return histogramLimits[i] > v })]++
		h.Min, h.Max = min(h.Min, v), max(h.Max, v)
		h.Sum += v
		h.SumSquares += v * v
	}
	for i := 0; i < len(counts); i++ {
		for i+1 < len(counts) && counts[i] == 0 && counts[i+1] == 0 {
			i++
		}
		h.BucketLimit, h.Bucket = append(h.BucketLimit, histogramLimits[i]), append(h.Bucket, counts[i])
	}
	return h
}

func TestTheHistogramThatIsMeasuredAgainstIsTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float32, 1000)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	requireEqualMessage(t, searchedHistogram(values), asMessages(t, summary.HistogramV1Value("h", values))[0].GetHisto())
}

// BenchmarkImage compares a photo with what image/png makes of it at its fastest,
// and the message.
func BenchmarkImage(b *testing.B) {
	photo := somePhoto(1024, 768)
	fastest := png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: new(pngBuffers)}
	for _, bench := range []struct {
		name  string
		write func(w *summary.FileWriter, step int64) error
	}{
		{"runhook", func(w *summary.FileWriter, step int64) error { return w.Image("photo", photo, step) }},
		{"image_png BestSpeed", func(w *summary.FileWriter, step int64) error {
			var encoded bytes.Buffer
			if err := fastest.Encode(&encoded, photo); err != nil {
				return err
			}
			return w.AddSummary(&eventpb.Summary{Value: []*eventpb.Summary_Value{{Tag: "photo", Value: &eventpb.Summary_Value_Image{Image: &eventpb.Summary_Image{
				Height: 768, Width: 1024, Colorspace: 3, EncodedImageString: encoded.Bytes(),
			}}}}}, step)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			w := openWriter(b, b.TempDir(), summary.FileWriterConfig{})
			b.ReportAllocs()
			step := int64(0)
			for b.Loop() {
				step++
				if err := bench.write(w, step); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// somePhoto makes a picture of soft shapes in all colours, with noise as a camera's.
func somePhoto(width, height int) image.Image {
	r := rand.New(rand.NewPCG(1, 2))
	photo := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range photo.Pix {
		x, y, c := i/4%width, i/4/width, i%4
		if c == 3 {
			photo.Pix[i] = 255
			continue
		}
		u, v := float64(x)/200+float64(c), float64(y)/150
		light := 128 + 60*math.Sin(u+2*math.Sin(v)) + 40*math.Cos(3*v-u) + 4*r.NormFloat64()
		photo.Pix[i] = uint8(min(max(light, 0), 255))
	}
	return photo
}

type pngBuffers struct{ buffer *png.EncoderBuffer }

func (b *pngBuffers) Get() *png.EncoderBuffer       { return b.buffer }
func (b *pngBuffers) Put(buffer *png.EncoderBuffer) { b.buffer = buffer }
