package pixels_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/pixels"
)

// golden is an array [batch, height, width, channels] and what TensorFlow
// 2.21.0's v1 op made of it.
type golden struct {
	Input struct {
		DType string
		Shape []int
		Data  []number
	}
	BadColor bytes           `json:"bad_color"`
	TF1      json.RawMessage // pictures, or an error
}

type picture struct {
	Colorspace, Height, Width int
	PNG                       struct{ Pixels bytes }
}

// number is a JSON number or one of the strings NaN, Infinity and -Infinity.
type number float64

func (n *number) UnmarshalJSON(text []byte) error {
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

// picture makes ours of one picture of the batch.
func (g golden) picture(t *testing.T, data []number, s pixels.Shape) ([]uint8, error) {
	t.Helper()
	switch g.Input.DType {
	case "uint8":
		pix := convert[uint8](data)
		return pix, s.Check(len(pix))
	case "float16":
		return pixels.FromHalf(nil, convert[float32](data), s, g.BadColor)
	case "float32":
		return pixels.FromFloat32(nil, convert[float32](data), s, g.BadColor)
	case "float64":
		return pixels.FromFloat64(nil, convert[float64](data), s, g.BadColor)
	}
	t.Fatalf("no function for %s", g.Input.DType)
	return nil, nil
}

func TestGoldens(t *testing.T) {
	file, err := os.Open("testdata/images.json.gz")
	require.NoError(t, err)
	defer file.Close()
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	var goldens map[string]golden
	require.NoError(t, json.NewDecoder(text).Decode(&goldens))

	refused := map[string]string{
		"five_channels":   "5 channels",
		"no_pixels":       "height 0 and width 2",
		"bad_color_short": "bad color of 1 channels, want at least the picture's 3",
	}
	for name, g := range goldens {
		t.Run(name, func(t *testing.T) {
			if name == "rank3" {
				assert.Contains(t, string(g.TF1), "Tensor must be 4-D")
				return // a Shape cannot say this
			}
			require.Len(t, g.Input.Shape, 4)
			s := pixels.Shape{Height: g.Input.Shape[1], Width: g.Input.Shape[2], Channels: g.Input.Shape[3]}
			if why, ok := refused[name]; ok {
				assert.Contains(t, string(g.TF1), "InvalidArgumentError")
				_, err := g.picture(t, g.Input.Data, s)
				assert.ErrorContains(t, err, why)
				return
			}
			var want []picture
			require.NoError(t, json.Unmarshal(g.TF1, &want))
			require.Len(t, want, g.Input.Shape[0])
			size := s.Height * s.Width * s.Channels
			for i, w := range want {
				require.Equal(t, pixels.Shape{Height: w.Height, Width: w.Width, Channels: w.Colorspace}, s)
				pix, err := g.picture(t, g.Input.Data[i*size:(i+1)*size], s)
				require.NoError(t, err)
				assert.Equal(t, []uint8(w.PNG.Pixels), pix)
				file, err := pixels.EncodePNG(nil, pix, s)
				require.NoError(t, err)
				assert.Equal(t, []uint8(w.PNG.Pixels), decode(t, file, s))
			}
		})
	}
}
