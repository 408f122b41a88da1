package main

import (
	"bytes"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog"
)

func TestTheFiguresAreRecorded(t *testing.T) {
	logdir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), logdir, &out))
	require.Contains(t, out.String(), "tensorboard --logdir "+logdir)

	var steps []int64
	var figures [][]byte
	for e, err := range eventlog.Events(t.Context(), logdir, eventlog.Config{}) {
		require.NoError(t, err)
		for v, err := range e.Values() {
			require.NoError(t, err)
			if v.Tag != "fit" {
				continue
			}
			images, err := v.Images()
			require.NoError(t, err)
			require.Len(t, images.Encoded, 1)
			picture, err := png.Decode(bytes.NewReader(images.Encoded[0]))
			require.NoError(t, err)
			require.Equal(t, images.Width, picture.Bounds().Dx())
			require.Equal(t, images.Height, picture.Bounds().Dy())
			steps = append(steps, e.Step)
			figures = append(figures, bytes.Clone(images.Encoded[0]))
		}
	}
	require.Equal(t, []int64{1, 8, 15, 22, 29, 36, 43, 50}, steps)
	require.NotEqual(t, figures[0], figures[len(figures)-1], "each is of its own step")
}

func TestTheLineIsFound(t *testing.T) {
	f := fit{points: points(80)}
	var loss float64
	for range 200 {
		f, loss = f.step(0.1)
	}
	require.InDelta(t, 2, f.w, 0.1)
	require.InDelta(t, 1, f.b, 0.1)
	require.InDelta(t, 0.09, loss, 0.04)
}

func TestFlags(t *testing.T) {
	logdir, err := parseFlags([]string{"-logdir", "x"})
	require.NoError(t, err)
	require.Equal(t, "x", logdir)
	_, err = parseFlags([]string{"plot"})
	require.EqualError(t, err, `unexpected argument "plot"`)
}
