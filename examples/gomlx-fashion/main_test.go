package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/examples/digits/data"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/summary/eventlog"
)

// writeDigits makes a data set in the files of Fashion-MNIST of the real digits of
// examples/digits, each pixel three by three.
func writeDigits(t *testing.T) (dir string) {
	t.Helper()
	inks, labels, err := data.Load()
	require.NoError(t, err)
	images := make([]byte, len(labels)*pixels)
	for i, ink := range inks {
		x, y := i%data.Side, i%data.Pixels/data.Side
		for dot := range 9 {
			images[i/data.Pixels*pixels+(2+3*y+dot/3)*side+2+3*x+dot%3] = byte(255 * ink)
		}
	}
	const testing = 297
	dir = t.TempDir()
	writeIDX(t, filepath.Join(dir, "train-images-idx3-ubyte.gz"), images[testing*pixels:], side, side)
	writeIDX(t, filepath.Join(dir, "train-labels-idx1-ubyte.gz"), labels[testing:])
	writeIDX(t, filepath.Join(dir, "t10k-images-idx3-ubyte.gz"), images[:testing*pixels], side, side)
	writeIDX(t, filepath.Join(dir, "t10k-labels-idx1-ubyte.gz"), labels[:testing])
	return dir
}

func writeIDX(t *testing.T, path string, data []byte, shape ...uint32) {
	t.Helper()
	size := 1
	for _, n := range shape {
		size *= int(n)
	}
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	header := append([]uint32{0x0801 + uint32(len(shape)), uint32(len(data) / size)}, shape...)
	require.NoError(t, binary.Write(zipped, binary.BigEndian, header))
	_, err := zipped.Write(data)
	require.NoError(t, err)
	require.NoError(t, zipped.Close())
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o666))
}

func flags(t *testing.T, args ...string) options {
	t.Helper()
	o, err := parseFlags(args)
	require.NoError(t, err)
	return o
}

func TestItLearnsAndGoesOn(t *testing.T) {
	files, logdir := writeDigits(t), t.TempDir()
	var out strings.Builder
	accuracy, err := run(t.Context(), flags(t, "-data", files, "-logdir", logdir, "-epochs", "10"), &out)
	require.NoError(t, err)
	require.Greater(t, accuracy, 0.85, out.String())
	require.Contains(t, out.String(), "step   234 of 234")
	latest, err := checkpoint.LatestCheckpoint(logdir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(logdir, "model.ckpt-234"), latest)

	out.Reset()
	_, err = run(t.Context(), flags(t, "-data", files, "-logdir", logdir, "-epochs", "12"), &out)
	require.NoError(t, err)
	require.Contains(t, out.String(), "step   234 of 281")
	curves, err := eventlog.Scalars(t.Context(), logdir, eventlog.Config{})
	require.NoError(t, err)
	tags := make(map[string][]int64)
	for _, c := range curves {
		tags[filepath.Join(c.Run, c.Tag)] = c.Steps
	}
	require.Equal(t, []int64{0, 234, 234, 281}, tags["eval/accuracy"])
	require.Equal(t, int64(1), tags["loss"][0])
	require.Subset(t, tags["loss"], []int64{221, 235, 275})
}

func TestItStopsEarly(t *testing.T) {
	var out strings.Builder
	// The accuracy has to rise in every evaluation, of which there is one in 300 steps.
	_, err := run(t.Context(), flags(t, "-data", writeDigits(t), "-logdir", t.TempDir(), "-epochs", "200", "-patience", "1"), &out)
	require.NoError(t, err)
	require.NotContains(t, out.String(), "step  4687 of 4687")
}

func TestAnInterruptionSavesEverything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	logdir := t.TempDir()
	out := &cancelling{cancel: cancel, at: "step   300"}
	_, err := run(ctx, flags(t, "-data", writeDigits(t), "-logdir", logdir, "-epochs", "100"), out)
	require.NoError(t, err)
	require.Contains(t, out.String(), "run again with -logdir "+logdir)
	latest, err := checkpoint.LatestCheckpoint(logdir)
	require.NoError(t, err)
	step, err := checkpoint.GlobalStep(latest)
	require.NoError(t, err)
	require.GreaterOrEqual(t, step, int64(300))
}

// cancelling calls cancel when it is written something.
type cancelling struct {
	strings.Builder
	cancel context.CancelFunc
	at     string
}

func (c *cancelling) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.at) {
		c.cancel()
	}
	return c.Builder.Write(p)
}

func TestDataThatAreNotThere(t *testing.T) {
	_, err := run(t.Context(), flags(t, "-data", "/nowhere"), new(strings.Builder))
	require.EqualError(t, err, "there is no /nowhere: install Debian's package dataset-fashion-mnist, or say with -data where its files are")

	dir := t.TempDir()
	_, err = run(t.Context(), flags(t, "-data", dir), new(strings.Builder))
	require.ErrorIs(t, err, os.ErrNotExist)

	images := filepath.Join(dir, "train-images-idx3-ubyte.gz")
	for _, c := range []struct {
		shape []uint32
		want  string
	}{
		{[]uint32{side}, "begins with 0x802, want 0x803"},
		{[]uint32{side, side - 1}, "dimension 2 is 27, want 28"},
		{[]uint32{side, side}, "train-labels-idx1-ubyte.gz"}, // is missing
	} {
		writeIDX(t, images, make([]byte, 2*pixels), c.shape...)
		_, err = run(t.Context(), flags(t, "-data", dir), new(strings.Builder))
		require.ErrorContains(t, err, c.want)
	}
	content, err := os.ReadFile(images)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(images, content[:len(content)/2], 0o666))
	_, err = run(t.Context(), flags(t, "-data", dir), new(strings.Builder))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestFlagsThatCannotWork(t *testing.T) {
	for want, args := range map[string][]string{
		`unexpected argument "x"`:         {"x"},
		"-epochs is 0, want 1 or more":    {"-epochs", "0"},
		"-patience is -1, want 1 or more": {"-patience", "-1"},
	} {
		_, err := parseFlags(args)
		require.EqualError(t, err, want)
	}
}
