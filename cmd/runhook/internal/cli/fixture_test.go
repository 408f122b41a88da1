package cli_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/color"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/cmd/runhook/internal/cli"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	time.Local = time.UTC // Golden outputs have times.
	os.Exit(m.Run())
}

// A result is what a command has written and ended with.
type result struct {
	out, err string
	status   int
}

// command runs the command without a terminal.
func command(t *testing.T, args ...string) result {
	t.Helper()
	return commandOn(t, t.Context(), cli.Streams{}, args...)
}

func commandOn(t *testing.T, ctx context.Context, s cli.Streams, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	s.Out, s.Err = &out, &err
	status := cli.Main(ctx, args, s)
	return result{out.String(), err.String(), status}
}

// succeeds runs a command that has nothing to complain of.
func succeeds(t *testing.T, args ...string) string {
	t.Helper()
	r := command(t, args...)
	require.Zero(t, r.status, r.err)
	require.Empty(t, r.err)
	return r.out
}

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(origin, "testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// origin is where the tests begin; they change the directory.
var origin = func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return dir
}()

// write makes the event file dir/name with the library's writer, at the times of
// a bubble: they begin with the year 2000.
func write(t *testing.T, dir, name string, do func(w *summary.FileWriter)) {
	t.Helper()
	writeLater(t, 0, dir, name, do)
}

// writeLater does so after some time.
func writeLater(t *testing.T, after time.Duration, dir, name string, do func(w *summary.FileWriter)) {
	t.Helper()
	made := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(after)
		w, err := summary.NewFileWriter(made, summary.FileWriterConfig{})
		require.NoError(t, err)
		do(w)
		require.NoError(t, w.Close())
	})
	files, err := filepath.Glob(filepath.Join(made, "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.MkdirAll(dir, 0o777))
	require.NoError(t, os.Rename(files[0], filepath.Join(dir, name)))
}

const (
	first  = "events.out.tfevents.0946684800.host"
	second = "events.out.tfevents.0946684900.host"
)

func must(t *testing.T, err error) {
	t.Helper()
	require.NoError(t, err)
}

// logdir makes the log directory "runs" of testdata, with two runs of which train
// was resumed at step 60, and changes to the directory above it. It is kept as
// writeLogdir once made it, so that offsets in golden files stay; -update makes
// it again where it was removed.
func logdir(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	archive, err := zip.OpenReader(runsZip)
	if *update && errors.Is(err, fs.ErrNotExist) {
		updateLogdir(t)
		archive, err = zip.OpenReader(runsZip)
	}
	require.NoError(t, err)
	defer archive.Close()
	require.NoError(t, os.CopyFS("runs", archive))
}

var runsZip = filepath.Join(origin, "testdata", "runs.zip")

func updateLogdir(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	writeLogdir(t, dir)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	require.NoError(t, w.AddFS(os.DirFS(dir)))
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(runsZip, b.Bytes(), 0o666))
}

func writeLogdir(t *testing.T, dir string) {
	t.Helper()
	scalars := func(w *summary.FileWriter, from, to int64, offset float64) {
		for step := from; step <= to; step += 10 {
			time.Sleep(time.Second)
			loss := math.Exp(-float64(step)/40) + offset
			if step == 30 {
				loss = math.NaN()
			}
			must(t, w.Scalar("loss", loss, step))
			must(t, w.Scalar("accuracy", float64(step)/128, step))
		}
	}
	start := &eventpb.SessionLog{Status: eventpb.SessionLog_START}
	write(t, filepath.Join(dir, "train"), first, func(w *summary.FileWriter) {
		must(t, w.AddSessionLog(start, 0))
		must(t, w.HParamsStart(summary.HParamsStart{HParams: summary.HParams{"lr": 0.5}, GroupName: "g"}))
		must(t, w.Text("notes/a\nb", "# Title\x1b[31m", 0))
		must(t, w.Histogram("weights", []float64{-1, 0, 0, 1}, 0))
		must(t, w.Image("samples/in", picture(3), 0))
		must(t, w.Image("samples/in", picture(5), 50))
		scalars(w, 0, 80, 0)
	})
	writeLater(t, 100*time.Second, filepath.Join(dir, "train"), second, func(w *summary.FileWriter) {
		must(t, w.AddSessionLog(start, 60))
		must(t, w.AddSessionLog(start, 60))
		scalars(w, 60, 100, 0.125)
	})
	write(t, filepath.Join(dir, "eval"), first, func(w *summary.FileWriter) { scalars(w, 0, 100, 0.5) })
}

func picture(n int) image.Image {
	img := image.NewGray(image.Rect(0, 0, n, n))
	for i := range n {
		img.SetGray(i, i, color.Gray{Y: 255})
	}
	return img
}

func imagesOf(n, size int) []image.Image {
	out := make([]image.Image, n)
	for i := range out {
		out[i] = picture(size)
	}
	return out
}
