package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

// TestEveryReaderShowsARunThatWasKilledAndResumed has a run for each of a sample
// of bytes at which its writer was killed. From a checkpoint of step 4 it goes on
// for two steps, with one of its tags only.
func TestEveryReaderShowsARunThatWasKilledAndResumed(t *testing.T) {
	pythonOf(t)
	whole := t.TempDir()
	writing(func(t *testing.T, w *summary.FileWriter) {
		for step := range int64(10) {
			values := []summary.Value{summary.ScalarValue("loss", float64(step))}
			if step%3 == 1 {
				values = append(values, summary.ScalarValue("accuracy", float64(step)))
			}
			require.NoError(t, w.Add(step, values...))
		}
	})(t, whole)
	entries, err := os.ReadDir(whole)
	require.NoError(t, err)
	file, err := os.ReadFile(filepath.Join(whole, entries[0].Name()))
	require.NoError(t, err)

	dir := t.TempDir()
	var want []shown
	for size := 1; size <= len(file); size += 29 {
		name := fmt.Sprintf("killed at %04d", size)
		run := filepath.Join(dir, name)
		require.NoError(t, os.Mkdir(run, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(run, entries[0].Name()), file[:size], 0o666))
		w, err := summary.NewFileWriter(run, summary.FileWriterConfig{Resume: summary.ResumeAtEnd()})
		require.NoError(t, err)
		last, ok := w.ResumedAfter()
		require.NoError(t, w.Close())
		if !ok {
			last = -1
		}
		last = min(last, 4)
		w, err = summary.NewFileWriter(run, summary.FileWriterConfig{Resume: summary.ResumeAfter(last)})
		require.NoError(t, err)
		var loss, accuracy []int64
		for step := range last + 1 {
			loss = append(loss, step)
			if step%3 == 1 {
				accuracy = append(accuracy, step)
			}
		}
		for step := last + 1; step < last+3; step++ {
			require.NoError(t, w.Scalar("loss", float64(step), step))
			loss = append(loss, step)
		}
		require.NoError(t, w.Close())
		want = append(want, shown{run: name, tag: "loss", plugin: "scalars", steps: loss})
		if len(accuracy) > 0 {
			want = append(want, shown{run: name, tag: "accuracy", plugin: "scalars", steps: accuracy})
		}
	}
	requireShown(t, dir, want)
}
