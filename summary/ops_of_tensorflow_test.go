package summary_test

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// What TensorFlow's own tests of its summary ops expect.

func TestOpsInScopesAndFamilies(t *testing.T) {
	batch := session.TensorOf(make([]uint8, 5*2*3*1), 5, 2, 3, 1)
	sounds := session.TensorOf(make([]float32, 5*3*4), 5, 3, 4)
	numbers := session.TensorOf([]float32{1, 2})
	for _, c := range []struct {
		name  string
		value session.Value
		op    func(tag string) summary.Op
		want  []string // behind the tag
	}{
		{"scalar", session.Int64(3), func(tag string) summary.Op { return summary.Scalar(tag, "x") }, []string{""}},
		{"histogram", numbers, func(tag string) summary.Op { return summary.Histogram(tag, "x") }, []string{""}},
		{"image", batch, func(tag string) summary.Op { return summary.Image(tag, "x", 3) }, []string{"/image/0", "/image/1", "/image/2"}},
		{"audio", sounds, func(tag string) summary.Op { return summary.Audio(tag, "x", 0.2, 3) }, []string{"/audio/0", "/audio/1", "/audio/2"}},
		{"tensor", numbers, func(tag string) summary.Op { return summary.Tensor(tag, "x", summary.Plugin{Name: "p"}) }, []string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			values := fetchedX(t, c.value)
			var root summary.NameScope
			outer := root.Scope("outer")
			for _, tag := range []struct{ got, want string }{
				{outer.Tag("inner"), "outer/inner"}, {outer.FamilyTag("family", "inner"), "family/outer/family/inner"}, {outer.FamilyTag("family", "inner"), "family/outer/family/inner_1"},
			} {
				want := []string{}
				for _, behind := range c.want {
					want = append(want, tag.want+behind)
				}
				require.Equal(t, want, tagsOf(t, c.op(tag.got), values))
			}
		})
	}
	made := written(t, summary.Scalar("outer/inner", "x"), fetchedX(t, session.TensorOf([]int32{3})))
	require.Equal(t, float32(3), made[0].GetSimpleValue())
}

func TestSampleRatesThatNoSoundHasAreRefused(t *testing.T) {
	sounds := fetchedX(t, session.TensorOf(make([]float32, 6), 1, 6))
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1), 1 << 32} {
		_, err := summary.Audio("a", "x", rate, 1).AppendValues(nil, sounds)
		require.ErrorContains(t, err, fmt.Sprintf("sample rate %v, want", rate))
		_, err = summary.AudioValue("a", summary.Clip{Samples: make([]float32, 6), SampleRate: rate})
		require.ErrorContains(t, err, fmt.Sprintf("sample rate %v, want", rate))
	}
}

// readBack returns what a reader makes of a value.
func readBack(t *testing.T, v summary.Value) eventlog.Value {
	t.Helper()
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{})
	require.NoError(t, w.Add(1, v))
	require.NoError(t, w.Close())
	for e, err := range eventlog.NewReader(bytes.NewReader(f.contents()), eventlog.ReaderConfig{}).Events() {
		require.NoError(t, err)
		for v, err := range e.Values() {
			require.NoError(t, err)
			return v
		}
	}
	t.Fatal("no value")
	return eventlog.Value{}
}

func TestHistogramsAreReadBack(t *testing.T) {
	var ascending []float64
	for i := range 100 {
		ascending = append(ascending, float64(i))
	}
	for i := range 99 {
		ascending = append(ascending, float64(1000*(i+1)))
	}
	for _, c := range []struct {
		name   string
		values []float64
	}{
		{"nothing", nil},
		{"a single value", []float64{-3}},
		{"many values", ascending},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, form := range []func(string, []float64) summary.Value{summary.HistogramValue[float64], summary.HistogramV1Value[float64]} {
				v := readBack(t, form("h", c.values))
				buckets, err := v.Histogram()
				require.NoError(t, err)
				count := 0.0
				for i, b := range buckets {
					count += b.Count
					in := 0.0
					for _, x := range c.values {
						if x >= b.Left && (x < b.Right || x == b.Right && i == len(buckets)-1) {
							in++
						}
					}
					require.Equal(t, in, b.Count, "%+v", b)
				}
				require.EqualValues(t, len(c.values), count)
			}
		})
	}
	t.Run("own buckets", func(t *testing.T) {
		edges := []float64{-10, -5, 0, 5, 10, 100, 1000, 10000}
		var want []summary.Bucket
		for i := range edges[1:] {
			want = append(want, summary.Bucket{Left: edges[i], Right: edges[i+1], Count: float64(i)})
		}
		made, err := summary.HistogramRawValue("h", want)
		require.NoError(t, err)
		v := readBack(t, made)
		got, err := v.Histogram()
		require.NoError(t, err)
		require.Len(t, got, len(want))
		for i, b := range want {
			require.Equal(t, eventlog.Bucket(b), got[i])
		}
	})
}

func TestHistogramsOfSixNumbersInEachType(t *testing.T) {
	for _, c := range []struct {
		name string
		op   summary.Op
		of   session.Value
	}{
		{"float32", summary.HistogramV1("h", "x"), session.TensorOf([]float32{0.1, -0.7, 4.1, 4, 5, 4})},
		{"float64", summary.HistogramV1("h", "x"), session.TensorOf([]float64{0.1, -0.7, 4.1, 4, 5, 4})},
		{"float16 as float32", summary.HistogramV1("h", "x"), session.TensorOf([]float32{0.0999755859375, -0.7001953125, 4.1015625, 4, 5, 4})},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := written(t, c.op, fetchedX(t, c.of))[0].GetHisto()
			require.Equal(t, 6.0, h.GetNum())
			require.InDelta(t, 2.75, h.GetSum()/6, 0.001)
			require.InDelta(t, 2.20, math.Sqrt(h.GetSumSquares()/6-h.GetSum()*h.GetSum()/36), 0.005)
			require.InDelta(t, -0.7, h.GetMin(), 0.001)
			require.Equal(t, 5.0, h.GetMax())
			require.Equal(t, []float64{1, 1, 3, 1}, slices.DeleteFunc(h.GetBucket(), func(n float64) bool { return n == 0 }))
		})
	}
}

func TestHistogramsOfEveryTypeOfNumber(t *testing.T) {
	want := histogramMessage("h", []float64{1, 2, 100})
	for _, values := range []any{
		[]int{1, 2, 100}, []int8{1, 2, 100}, []int16{1, 2, 100}, []int32{1, 2, 100}, []int64{1, 2, 100},
		[]uint{1, 2, 100}, []uint8{1, 2, 100}, []uint16{1, 2, 100}, []uint32{1, 2, 100}, []uint64{1, 2, 100},
		[]float32{1, 2, 100}, []float64{1, 2, 100},
	} {
		got := written(t, summary.Histogram("h", "x"), fetchedX(t, session.Any(values)))
		requireEqualMessage(t, want, got[0])
	}
	type weight float32
	requireEqualMessage(t, want, asMessages(t, summary.HistogramValue("h", []weight{1, 2, 100}))[0])
}

func TestMergedAHistogramAndAScalar(t *testing.T) {
	values := fetched(t, map[string]session.Value{"h": session.Float64(10), "s": session.Float64(-1)})
	made := written(t, summary.Merge(summary.HistogramV1("h", "h"), summary.Scalar("c", "s")), values)
	requireEqualMessage(t, &eventpb.Summary_Value{Tag: "h", Value: &eventpb.Summary_Value_Histo{Histo: &eventpb.HistogramProto{
		Min: 10, Max: 10, Num: 1, Sum: 10, SumSquares: 100,
		BucketLimit: []float64{9.938094902880803, 10.931904393168884, math.MaxFloat64}, Bucket: []float64{0, 1, 0},
	}}}, made[0])
	require.Equal(t, float32(-1), made[1].GetSimpleValue())
	require.Len(t, made, 2)
}

func TestPicturesOfABatch(t *testing.T) {
	for _, c := range []struct {
		name          string
		shape         []int
		most          int
		tags          []string
		height, width int32
	}{
		{"three grey of five", []int{5, 2, 1, 1}, 3, []string{"tag/image/0", "tag/image/1", "tag/image/2"}, 2, 1},
		{"one grey of five", []int{5, 2, 1, 1}, 1, []string{"tag/image"}, 2, 1},
		{"one in colours", []int{1, 5, 2, 3}, 1, []string{"tag/image"}, 5, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := make([]float32, c.shape[0]*c.shape[1]*c.shape[2]*c.shape[3])
			for i := range data {
				data[i] = float32(i)
			}
			made := written(t, summary.Image("tag", "x", c.most), fetchedX(t, session.TensorOf(data, c.shape...)))
			tags := []string{}
			for _, v := range made {
				tags = append(tags, v.GetTag())
				require.Equal(t, []int32{c.height, c.width, int32(c.shape[3])}, []int32{v.GetImage().GetHeight(), v.GetImage().GetWidth(), v.GetImage().GetColorspace()})
			}
			require.Equal(t, c.tags, tags)
		})
	}
}

// TensorFlow's test computes what becomes of each pixel.
func TestPixelsOfFloatsAndBytes(t *testing.T) {
	for _, channels := range []int{1, 3, 4} {
		for _, signed := range []bool{false, true} {
			t.Run(fmt.Sprint(channels, " channels, negative too: ", signed), func(t *testing.T) {
				data := make([]float64, 4*7*5*channels)
				for i := range data {
					data[i] = math.Abs(math.Sin(float64(i*i))) * 3
					if signed && i%2 == 0 {
						data[i] = -data[i]
					}
				}
				data[0] = math.NaN()
				first := data[:7*5*channels]
				scale, offset, most := 255.0, 0.0, 0.0
				for _, x := range first[channels:] {
					most = max(most, math.Abs(x))
				}
				if signed {
					scale, offset = 127, 128
				}
				factor := float64(float32(scale) / float32(most))
				made := written(t, summary.Image("img", "x", 3), fetchedX(t, session.TensorOf(data, 4, 7, 5, channels)))
				require.Len(t, made, 3)
				got := decodePixels(t, made[0].GetImage().GetEncodedImageString(), channels)
				require.Equal(t, map[int][]uint8{1: {255}, 3: {255, 0, 0}, 4: {255, 0, 0, 255}}[channels], got[:channels])
				for i := channels; i < len(first); i++ {
					require.Equal(t, uint8(float64(first[i]*factor)+offset), got[i], "value %d", i)
				}
			})
		}
		t.Run(fmt.Sprint(channels, " channels of bytes"), func(t *testing.T) {
			data := make([]uint8, 7*5*channels)
			for i := range data {
				data[i] = uint8(i * 41)
			}
			made := written(t, summary.Image("img", "x", 1), fetchedX(t, session.TensorOf(data, 1, 7, 5, channels)))
			require.Equal(t, data, decodePixels(t, made[0].GetImage().GetEncodedImageString(), channels))
		})
	}
}

func decodePixels(t *testing.T, encoded []byte, channels int) (values []uint8) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(encoded))
	require.NoError(t, err)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			values = append(values, []uint8{c.R, c.G, c.B, c.A}[:channels]...)
		}
	}
	return values
}

func TestSoundsOfABatch(t *testing.T) {
	for _, c := range []struct {
		name     string
		shape    []int
		most     int
		channels int64
		frames   int64
	}{
		{"of two channels", []int{4, 2, 2}, 3, 2, 2},
		{"of one channel", []int{4, 4}, 3, 1, 4},
		{"without frames", []int{4, 0, 2}, 3, 2, 0},
		{"of five channels", []int{4, 7, 5}, 3, 5, 7},
		{"of eight channels", []int{4, 7, 8}, 3, 8, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			size := 1
			for _, n := range c.shape {
				size *= n
			}
			made := written(t, summary.AudioV1("tag", "x", 44100, c.most), fetchedX(t, session.TensorOf(make([]float32, size), c.shape...)))
			require.Len(t, made, c.most)
			for i, v := range made {
				require.Equal(t, fmt.Sprint("tag/audio/", i), v.GetTag())
				a := v.GetAudio()
				require.Equal(t, "audio/wav", a.GetContentType())
				require.Equal(t, float32(44100), a.GetSampleRate())
				require.Equal(t, []int64{c.channels, c.frames}, []int64{a.GetNumChannels(), a.GetLengthFrames()})
				require.Len(t, a.GetEncodedAudioString(), int(44+2*c.channels*c.frames))
			}
		})
	}
}

func TestTensorsKeepWhatTheyAre(t *testing.T) {
	many := make([]float32, 5*5*5)
	for i := range many {
		many[i] = float32(i)
	}
	for _, c := range []struct {
		name   string
		tensor session.Tensor
	}{
		{"a number", session.Tensor{Data: []float32{3}}},
		{"a string", session.Tensor{Data: []string{"foobar"}}},
		{"many numbers", session.Tensor{Shape: []int{5, 5, 5}, Data: many}},
		{"many strings", session.Tensor{Shape: []int{2, 2}, Data: []string{"a", "bb", "", "größe"}}},
		{"bools", session.Tensor{Shape: []int{3}, Data: []bool{true, false, true}}},
		{"nothing", session.Tensor{Shape: []int{0, 3}, Data: []float64{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			made := written(t, summary.Tensor("foo/s", "x", summary.Plugin{Name: "p", Content: []byte("c")}), fetchedX(t, session.TensorValue(c.tensor)))
			require.Equal(t, "foo/s", made[0].GetTag())
			require.Equal(t, "p", made[0].GetMetadata().GetPluginData().GetPluginName())
			require.Equal(t, []byte("c"), made[0].GetMetadata().GetPluginData().GetContent())
			got, err := summary.TensorValue("foo/s", summary.Plugin{Name: "p", Content: []byte("c")}, c.tensor)
			require.NoError(t, err)
			v := readBack(t, got)
			tensor, err := v.Tensor()
			require.NoError(t, err)
			require.Len(t, tensor.Shape, len(c.tensor.Shape))
			for i, n := range c.tensor.Shape {
				require.EqualValues(t, n, tensor.Shape[i])
			}
			require.Equal(t, c.tensor.Len(), tensor.Len())
			for i := range c.tensor.Len() {
				require.Equal(t, fmt.Sprint(c.tensor.At(i).Any()), elementOf(t, made[0].GetTensor(), i))
			}
		})
	}
}

// elementOf is an element of a tensor as fmt writes it.
func elementOf(t *testing.T, tensor *eventpb.TensorProto, i int) string {
	t.Helper()
	switch tensor.GetDtype() {
	case eventpb.DataType_STRING:
		return string(tensor.GetStringVal()[i])
	case eventpb.DataType_BOOL:
		return fmt.Sprint(tensor.GetTensorContent()[i] == 1)
	case eventpb.DataType_FLOAT:
		b := tensor.GetTensorContent()[4*i:]
		return fmt.Sprint(math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24))
	}
	t.Fatalf("no element of a %v", tensor.GetDtype())
	return ""
}

func TestDescriptionsOfOps(t *testing.T) {
	values := fetchedX(t, session.TensorOf([]float32{1}))
	op := summary.Tensor("t", "x", summary.Plugin{Name: "p"})
	for _, c := range []struct {
		name               string
		op                 summary.Op
		shown, description string
	}{
		{"none by default", op, "", ""},
		{"both", summary.Described(op, "Name", "*what*"), "Name", "*what*"},
		{"a name only", summary.Described(op, "Name", ""), "Name", ""},
		{"the outer one wins", summary.Described(summary.Described(op, "inner", "inner"), "outer", "outer"), "outer", "outer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := written(t, c.op, values)[0].GetMetadata()
			require.Equal(t, c.shown, m.GetDisplayName())
			require.Equal(t, c.description, m.GetSummaryDescription())
		})
	}
}
