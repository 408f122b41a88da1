package summary_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// A picture of an event, decoded.
type picture struct {
	tag                       string
	height, width, colorspace int32
	pixels                    [][4]uint8 // red, green, blue, alpha, not multiplied
}

func pictures(t testing.TB, values []*eventpb.Summary_Value) []picture {
	t.Helper()
	var all []picture
	for _, v := range values {
		i := v.GetImage()
		require.NotNil(t, i)
		requireEqualMessage(t, classed("images", eventpb.DataClass_BLOB_SEQUENCE), v.GetMetadata())
		img, err := png.Decode(bytes.NewReader(i.GetEncodedImageString()))
		require.NoError(t, err)
		require.Equal(t, image.Rect(0, 0, int(i.GetWidth()), int(i.GetHeight())), img.Bounds())
		p := picture{tag: v.GetTag(), height: i.GetHeight(), width: i.GetWidth(), colorspace: i.GetColorspace()}
		for y := range int(p.height) {
			for x := range int(p.width) {
				c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
				p.pixels = append(p.pixels, [4]uint8{c.R, c.G, c.B, c.A})
			}
		}
		all = append(all, p)
	}
	return all
}

func TestPicturesAreMadeOfTensorsAndImages(t *testing.T) {
	grey := image.NewGray(image.Rect(5, 5, 7, 6))
	copy(grey.Pix, []uint8{10, 20})
	greyPixels := [][4]uint8{{10, 10, 10, 255}, {20, 20, 20, 255}}
	nan := math.NaN()
	for _, c := range []struct {
		name  string
		value session.Value
		most  int
		want  []picture
	}{
		{"grey bytes", session.TensorOf([]uint8{10, 20}, 1, 1, 2, 1), 1, []picture{{"i/image", 1, 2, 1, greyPixels}}},
		{"grey and alpha", session.TensorOf([]uint8{10, 100, 20, 200}, 1, 2, 1, 2), 1, []picture{{"i/image", 2, 1, 2, [][4]uint8{{10, 10, 10, 100}, {20, 20, 20, 200}}}}},
		{"colours", session.TensorOf([]uint8{1, 2, 3}, 1, 1, 1, 3), 1, []picture{{"i/image", 1, 1, 3, [][4]uint8{{1, 2, 3, 255}}}}},
		{"colours and alpha", session.TensorOf([]uint8{1, 2, 3, 4}, 1, 1, 1, 4), 1, []picture{{"i/image", 1, 1, 4, [][4]uint8{{1, 2, 3, 4}}}}},
		{"floats are scaled, each picture by itself", session.TensorOf([]float32{0, 1, 0, 10}, 2, 1, 2, 1), 0, []picture{
			{"i/image/0", 1, 2, 1, [][4]uint8{{0, 0, 0, 255}, {255, 255, 255, 255}}},
			{"i/image/1", 1, 2, 1, [][4]uint8{{0, 0, 0, 255}, {255, 255, 255, 255}}},
		}},
		{"negative floats around 128", session.TensorOf([]float64{-1, 0, 1}, 1, 1, 3, 1), 1, []picture{
			{"i/image", 1, 3, 1, [][4]uint8{{1, 1, 1, 255}, {128, 128, 128, 255}, {255, 255, 255, 255}}},
		}},
		{"what is not finite is red", session.TensorOf([]float64{nan, 0, 0, 1, 1, 1}, 1, 1, 2, 3), 1, []picture{
			{"i/image", 1, 2, 3, [][4]uint8{{255, 0, 0, 255}, {255, 255, 255, 255}}},
		}},
		{"the first three of a batch by default", session.TensorOf(make([]uint8, 5), 5, 1, 1, 1), 0, []picture{
			{"i/image/0", 1, 1, 1, [][4]uint8{{0, 0, 0, 255}}},
			{"i/image/1", 1, 1, 1, [][4]uint8{{0, 0, 0, 255}}},
			{"i/image/2", 1, 1, 1, [][4]uint8{{0, 0, 0, 255}}},
		}},
		{"an image", session.Any(grey), 1, []picture{{"i/image", 1, 2, 1, greyPixels}}},
		{"an image as an interface", session.Any(image.Image(grey)), 2, []picture{{"i/image/0", 1, 2, 1, greyPixels}}},
		{"images", session.Any([]image.Image{grey, grey, grey}), 2, []picture{{"i/image/0", 1, 2, 1, greyPixels}, {"i/image/1", 1, 2, 1, greyPixels}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, pictures(t, written(t, summary.Image("i", "x", c.most), fetchedX(t, c.value))))
		})
	}
}

func TestABatchOfNothingMakesNoPictures(t *testing.T) {
	for name, value := range map[string]session.Value{
		"an empty batch":          session.TensorOf([]uint8{}, 0, 4, 4, 1),
		"an empty batch of huge":  session.TensorOf([]float32{}, 0, math.MaxInt, math.MaxInt, 4),
		"no images":               session.Any([]image.Image{}),
		"a nil slice of pictures": session.Any([]image.Image(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, tagsOf(t, summary.Image("i", "x", 3), fetchedX(t, value)))
		})
	}
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	var typedNil *image.RGBA
	for _, c := range []struct {
		name  string
		most  int
		value session.Value
		want  string
	}{
		{"none", 1, session.Value{}, `summary: image "i": fetch "x" is none, want a tensor or an image`},
		{"a number", 1, session.Float64(1), `summary: image "i": fetch "x" is float64, want a tensor or an image`},
		{"a foreign type", 1, session.Any(3), `summary: image "i": fetch "x" is of type int, want a tensor or an image`},
		{"rank 3", 1, session.TensorOf(make([]uint8, 4), 2, 2, 1), `summary: image "i": fetch "x": tensor of shape [2 2 1], want [batch, height, width, channels]`},
		{"five channels", 1, session.TensorOf(make([]uint8, 5), 1, 1, 1, 5), `summary: image "i": fetch "x": pixels: 5 channels, want 1 to 4`},
		{"no channels", 1, session.TensorOf([]uint8{}, 1, 1, 1, 0), `summary: image "i": fetch "x": pixels: 0 channels, want 1 to 4`},
		{"no height", 1, session.TensorOf([]float32{}, 1, 0, 1, 1), `summary: image "i": fetch "x": pixels: height 0 and width 1, want at least 1`},
		{"integers", 1, session.TensorOf(make([]int64, 1), 1, 1, 1, 1), `summary: image "i": fetch "x": tensor of int64, want uint8, float32 or float64`},
		{"truth", 1, session.TensorOf(make([]bool, 1), 1, 1, 1, 1), `summary: image "i": fetch "x": tensor of bool, want uint8, float32 or float64`},
		{"a shape that does not fit", 1, session.TensorOf(make([]uint8, 3), 1, 2, 2, 1), `summary: image "i": fetch "x": tensor shape [1 2 2 1] holds 4 elements, data has 3`},
		{"a negative dimension", 1, session.TensorOf(make([]uint8, 4), -1, -2, 2, 1), `summary: image "i": fetch "x": tensor shape [-1 -2 2 1]: negative dimension`},
		{"maxOutputs", -1, session.TensorOf(make([]uint8, 1), 1, 1, 1, 1), `summary: image "i": maxOutputs is -1, want 0 (3) or more`},
		{"a nil image", 1, session.Any(typedNil), `summary: image "i/image": the image is nil`},
		{"a nil image among others", 2, session.Any([]image.Image{image.NewGray(image.Rect(0, 0, 1, 1)), nil}), `summary: image "i/image/1": the image is nil`},
		{"an empty image", 1, session.Any(image.NewGray(image.Rectangle{})), `summary: image "i/image": pixels: height 0 and width 0, want at least 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := summary.Image("i", "x", c.most).AppendValues(nil, fetchedX(t, c.value))
			require.EqualError(t, err, c.want)
		})
	}
}

func TestAPlainLoopWritesImages(t *testing.T) {
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{MaxQueueBytes: 1000})
	large := image.NewNRGBA(image.Rect(-300, -10, 300, 200))
	for i := range large.Pix {
		large.Pix[i] = uint8(i*i>>8 ^ i*31)
	}
	var typedNil *image.Gray
	require.EqualError(t, w.Image("img", nil, 1), `summary: image "img": the image is nil`)
	require.EqualError(t, w.Image("img", typedNil, 1), `summary: image "img": the image is nil`)
	require.EqualError(t, w.Image("img", image.NewUniform(color.White), 1), `summary: image "img": pixels: height 2000000000 × width 2000000000, want less than 536870912 pixels`)
	require.NoError(t, w.Image("img", large, 1))
	require.NoError(t, w.Close())
	events := withoutVersion(t, decode(t, f.contents()))
	require.Len(t, events, 1)
	got := pictures(t, events[0].GetSummary().GetValue())
	require.Equal(t, "img", got[0].tag)
	require.Equal(t, [4]uint8{large.Pix[0], large.Pix[1], large.Pix[2], large.Pix[3]}, got[0].pixels[0])
}
