package wav_test

import (
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/wav"
)

// golden is an array [batch, frames, channels], of two dimensions if mono, and
// what TensorFlow 2.21.0 made of it: the v1 op sounds or an error, the v2 op an
// error, or sounds equal to the v1 op's.
type golden struct {
	Input struct {
		Shape []int
		Data  []number
	}
	SampleRate float64 `json:"sample_rate"`
	TF1, TF2   json.RawMessage
}

type sound struct {
	SampleRate float64 `json:"sample_rate"`
	Channels   int     `json:"num_channels"`
	Frames     int     `json:"length_frames"`
	WAV        string  `json:"wav_hex"`
}

// number is a JSON number or one of the strings NaN, Infinity and -Infinity.
type number float32

func (n *number) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 32)
	*n = number(v)
	return err
}

func TestGoldens(t *testing.T) {
	file, err := os.Open("testdata/audio.json.gz")
	require.NoError(t, err)
	defer file.Close()
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	var goldens map[string]golden
	require.NoError(t, json.NewDecoder(text).Decode(&goldens))
	require.Len(t, goldens, 10)

	refused := map[string]string{
		"no_channels":   "0 channels",
		"rate_negative": "sample rate -1",
	}
	for name, g := range goldens {
		t.Run(name, func(t *testing.T) {
			frames, channels := g.Input.Shape[1], 1
			if len(g.Input.Shape) == 3 {
				channels = g.Input.Shape[2]
			}
			if why, ok := refused[name]; ok {
				for _, message := range []json.RawMessage{g.TF1, g.TF2} {
					assert.Contains(t, string(message), "InvalidArgumentError")
				}
				_, err := wav.Encode(nil, make([]float32, len(g.Input.Data)), g.SampleRate, channels)
				assert.ErrorContains(t, err, why)
				return
			}
			if len(g.Input.Shape) == 3 {
				require.JSONEq(t, `"same bytes as tf1"`, string(g.TF2))
			}
			var want []sound
			require.NoError(t, json.Unmarshal(g.TF1, &want))
			require.Len(t, want, g.Input.Shape[0])
			size := frames * channels
			for i, w := range want {
				require.Equal(t, sound{SampleRate: g.SampleRate, Channels: channels, Frames: frames, WAV: w.WAV}, w)
				narrow, wide := make([]float32, size), make([]float64, size)
				for j, n := range g.Input.Data[i*size : (i+1)*size] {
					narrow[j], wide[j] = float32(n), float64(n)
				}
				got, err := wav.Encode(nil, narrow, g.SampleRate, channels)
				require.NoError(t, err)
				assert.Equal(t, w.WAV, hex.EncodeToString(got))
				got64, err := wav.Encode(nil, wide, g.SampleRate, channels)
				require.NoError(t, err)
				assert.Equal(t, got, got64)
			}
		})
	}
}
