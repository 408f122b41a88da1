package wav_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
	"github.com/runhook/runhook/internal/wav"
)

// golden is an array [batch, frames, channels], of two dimensions if mono, and
// what TensorFlow 2.21.0's v1 op made of it: sounds or an error. The v2 op makes
// the same.
type golden struct {
	Input struct {
		Shape []int
		Data  []number
	}
	SampleRate float64 `json:"sample_rate"`
	TF1        json.RawMessage
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
	count := 0
	for i, goldens := range goldentest.Tables[map[string]golden](t, "audio.json") {
		for name, g := range goldens {
			count++
			t.Run(strings.Repeat("more ", i)+name, g.test)
		}
	}
	require.GreaterOrEqual(t, count, 10)
}

func (g golden) test(t *testing.T) {
	rank := len(g.Input.Shape)
	refused := bytes.Contains(g.TF1, []byte("error"))
	if rank != 2 && rank != 3 {
		require.True(t, refused)
		return // a clip cannot say this
	}
	frames, channels := g.Input.Shape[1], 1
	if rank == 3 {
		channels = g.Input.Shape[2]
	}
	if refused {
		_, err := wav.Encode(nil, make([]float32, len(g.Input.Data)), g.SampleRate, channels)
		assert.Error(t, err, string(g.TF1))
		return
	}
	var want []sound
	require.NoError(t, json.Unmarshal(g.TF1, &want))
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
}
