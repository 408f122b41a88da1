package pixels_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
	"github.com/runhook/runhook/internal/pixels"
)

// golden is an array [batch, height, width, channels] and what TensorFlow 2.21.0
// made of it.
type golden struct {
	Input struct {
		DType string
		Shape []int
		Data  []number
	}
	BadColor bytes           `json:"bad_color"`
	TF1      json.RawMessage // pictures of the v1 op, or an error
	TF2      json.RawMessage // of tf.summary.image
}

type picture struct {
	Colorspace, Height, Width int
	PNG                       pngFile
}

type pngFile struct {
	Width, Height int
	Pixels        bytes
}

// number is a JSON number, a truth value, or one of the strings NaN, Infinity and
// -Infinity.
type number float64

func (n *number) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "true":
		*n = 1
		return nil
	case "false":
		*n = 0
		return nil
	}
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	*n = number(v)
	return err
}

// bytes is an array of numbers, which encoding/json does not read into a
// []uint8.
type bytes []uint8

func (b *bytes) UnmarshalJSON(text []byte) error {
	var values []uint16
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	*b = convert[uint8](values)
	return nil
}

func convert[T uint8 | float32 | float64, S number | uint16](from []S) []T {
	to := make([]T, len(from))
	for i, v := range from {
		to[i] = T(v)
	}
	return to
}

// picture makes ours of one picture of the batch; ok is false if there are none of
// the type.
func (g golden) picture(data []number, s pixels.Shape) (pix []uint8, ok bool, err error) {
	switch g.Input.DType {
	case "uint8":
		pix = convert[uint8](data)
		err = s.Check(len(pix))
	case "float16":
		pix, err = pixels.FromHalf(nil, convert[float32](data), s, g.BadColor)
	case "float32":
		pix, err = pixels.FromFloat32(nil, convert[float32](data), s, g.BadColor)
	case "float64":
		pix, err = pixels.FromFloat64(nil, convert[float64](data), s, g.BadColor)
	default:
		return nil, false, nil
	}
	return pix, true, err
}

// unitPicture does so by the rule of tf.summary.image.
func (g golden) unitPicture(data []number, s pixels.Shape) (pix []uint8, ok bool, err error) {
	switch g.Input.DType {
	case "float16":
		pix, err = pixels.FromUnitHalf(nil, convert[float32](data), s)
	case "float32":
		pix, err = pixels.FromUnit(nil, convert[float32](data), s)
	case "float64":
		pix, err = pixels.FromUnit(nil, convert[float64](data), s)
	default:
		return g.picture(data, s)
	}
	return pix, true, err
}

func TestGoldens(t *testing.T) {
	count := 0
	for i, goldens := range goldentest.Tables[map[string]golden](t, "images.json") {
		for name, g := range goldens {
			count++
			t.Run(strings.Repeat("more ", i)+name, g.test)
		}
	}
	require.GreaterOrEqual(t, count, 25)
}

func (g golden) test(t *testing.T) {
	if len(g.Input.Shape) != 4 {
		require.Contains(t, string(g.TF1), "error")
		return // a Shape cannot say this
	}
	s := pixels.Shape{Height: g.Input.Shape[1], Width: g.Input.Shape[2], Channels: g.Input.Shape[3]}
	g.testEach(t, s, g.TF1, g.picture, func(t *testing.T, raw json.RawMessage) (want []pngFile) {
		for _, p := range decodeJSON[[]picture](t, raw) {
			require.Equal(t, pixels.Shape{Height: p.Height, Width: p.Width, Channels: p.Colorspace}, s)
			want = append(want, p.PNG)
		}
		return want
	})
	g.testEach(t, s, g.TF2, g.unitPicture, decodeJSON[[]pngFile])
}

// testEach compares what one of TensorFlow's functions has made with ours.
func (g golden) testEach(t *testing.T, s pixels.Shape, theirs json.RawMessage, picture func([]number, pixels.Shape) ([]uint8, bool, error), read func(*testing.T, json.RawMessage) []pngFile) {
	t.Helper()
	size := s.Height * s.Width * s.Channels
	first := g.Input.Data[:min(size, len(g.Input.Data))]
	_, ok, err := picture(first, s)
	switch {
	case len(theirs) == 0:
		return // the function was not asked
	case !ok:
		return // ours has no pictures of the type
	case strings.HasPrefix(string(theirs), "{"): // an error, or the process died
		grey2 := size > 0 && s.Channels == 2 && strings.Contains(string(theirs), "last dim 1, 3, or 4") && (g.BadColor == nil || len(g.BadColor) > 1)
		require.Equal(t, grey2, err == nil, "%s", theirs) // grey and alpha belong to the format all the same
		return
	}
	for i, w := range read(t, theirs) {
		pix, _, err := picture(g.Input.Data[i*size:(i+1)*size], s)
		require.NoError(t, err)
		require.Equal(t, []uint8(w.Pixels), pix)
		file, err := pixels.EncodePNG(nil, pix, s)
		require.NoError(t, err)
		require.Equal(t, pix, decode(t, file, s))
	}
}

func decodeJSON[T any](t *testing.T, raw json.RawMessage) (x T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(raw, &x))
	return x
}
