package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

// A run in many files is one run to every reader.
func TestEveryReaderShowsOneRunOfManyFiles(t *testing.T) {
	const steps = 30
	want := make([]int64, steps)
	values := make([]float64, steps)
	for i := range want {
		want[i], values[i] = int64(i), float64(i)/2
	}
	series := []shown{
		{tag: "loss", plugin: "scalars", steps: want, values: values},
		{tag: "weights", plugin: "histograms", steps: []int64{0, 10, 20}},
		{tag: "note", plugin: "text", steps: []int64{5, 15, 25}, values: []string{"<p>later</p>", "<p>later</p>", "<p>later</p>"}},
	}
	for _, test := range []struct {
		name   string
		config summary.FileWriterConfig
		files  int
		during func(step int64)
	}{
		{name: "By events", config: summary.FileWriterConfig{Rotate: summary.Rotate{Events: 4}}, files: 9},
		{name: "By bytes", config: summary.FileWriterConfig{Rotate: summary.Rotate{Bytes: 300}}, files: 5},
		{
			name: "By time", config: summary.FileWriterConfig{Rotate: summary.Rotate{Every: 20 * time.Millisecond}}, files: 5,
			during: func(step int64) {
				if step%6 == 5 {
					time.Sleep(20 * time.Millisecond) // so that the file is old
				}
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			w, err := summary.NewFileWriter(dir, test.config)
			require.NoError(t, err)
			for step := range int64(steps) {
				writeStep(t, w, step)
				if test.during != nil {
					test.during(step)
				}
			}
			require.NoError(t, w.Close())
			require.GreaterOrEqual(t, int(w.Stats().Files), test.files)
			requireShown(t, dir, series)
		})
	}
}

// writeStep writes what there is of one step.
func writeStep(t *testing.T, w *summary.FileWriter, step int64) {
	t.Helper()
	require.NoError(t, w.Scalar("loss", float64(step)/2, step))
	switch step % 10 {
	case 0:
		require.NoError(t, w.Histogram("weights", []float64{1, 2, float64(step)}, step))
	case 5:
		require.NoError(t, w.Text("note", "later", step))
	}
}

// Of a run whose file was removed, every reader shows what was written after that,
// tags that were described in the old file among it.
func TestEveryReaderShowsWhatCameAfterTheFileWasRemoved(t *testing.T) {
	dir := t.TempDir()
	w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{WhenBroken: summary.ErrorHeal})
	require.NoError(t, err)
	for step := range int64(13) {
		writeStep(t, w, step)
	}
	require.NoError(t, w.Flush())
	require.NoError(t, os.Remove(w.Stats().File))
	for step := int64(13); step < 17; step++ {
		writeStep(t, w, step)
	}
	require.NoError(t, w.Flush())
	writeStep(t, w, 20)
	require.NoError(t, w.Close())
	require.Zero(t, w.Stats().Lost)
	requireShown(t, dir, []shown{
		{tag: "loss", plugin: "scalars", steps: []int64{13, 14, 15, 16, 20}, values: []float64{6.5, 7, 7.5, 8, 10}},
		{tag: "note", plugin: "text", steps: []int64{15}},
		{tag: "weights", plugin: "histograms", steps: []int64{20}},
	})
}

// Two sessions, each over several files; the second begins again at step 20.
func TestEveryReaderShowsARestartOverManyFiles(t *testing.T) {
	dir := t.TempDir()
	for _, from := range []int64{0, 20} {
		w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{Rotate: summary.Rotate{Events: 3}})
		require.NoError(t, err)
		require.NoError(t, w.BeginSession())
		w.SessionAt(from + 1)
		require.NoError(t, w.StartSession(from+1))
		for step := from + 1; step <= from+30; step += 2 {
			require.NoError(t, w.Scalar("loss", float64(from), step))
		}
		w.EndSession()
		require.NoError(t, w.Close())
		require.Greater(t, w.Stats().Files, int64(3))
	}
	var steps []int64
	var values []float64
	for step := int64(1); step <= 50; step += 2 {
		steps = append(steps, step)
		values = append(values, map[bool]float64{true: 0, false: 20}[step <= 20])
	}
	requireShown(t, dir, []shown{{tag: "loss", plugin: "scalars", steps: steps, values: values}})
}
