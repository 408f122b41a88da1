package readers_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/goldentest"
	"github.com/runhook/runhook/summary/eventlog/readers"
)

// A recording holds what the three readers showed of a run.
type recording struct {
	Note string `json:"note"`
	EA   answer `json:"ea"`
	PY   answer `json:"py"`
	RB   answer `json:"rb"`
}

// of returns the answer of the reader that a view imitates.
func (r recording) of(view readers.View) answer {
	switch view.(type) {
	case readers.EventAccumulator:
		return r.EA
	case readers.PythonServer:
		return r.PY
	}
	return r.RB
}

// decoded keeps the numbers as they are written.
func decoded[T any](t *testing.T, data []byte) (out T) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&out))
	return out
}

// TestAgreesWithTheReaders shows runs made by hand, each of one edge of the
// format, to the views. TensorBoard 2.21.0 was asked about the same files. More of
// them are reader_cases and reader_cases.json where package goldentest finds more.
func TestAgreesWithTheReaders(t *testing.T) {
	testCases(t, "testdata/cases")
	if more := goldentest.More(); more != "" {
		testCases(t, filepath.Join(more, "reader_cases"))
	}
}

// testCases has a folder of runs, and the recordings in the .json beside it.
func testCases(t *testing.T, folder string) {
	t.Helper()
	data, err := os.ReadFile(folder + ".json")
	if folder != "testdata/cases" && errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(t, err)
	all := decoded[map[string]recording](t, data)
	require.NotEmpty(t, all)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, view := range readers.All() {
			t.Run(name+"/"+view.Name(), func(t *testing.T) {
				shown, err := view.Load(t.Context(), os.DirFS(filepath.Join(folder, name)))
				require.NoError(t, err)
				require.Empty(t, differences(view, shown, ".", all[name].of(view)), all[name].Note)
			})
		}
	}
}

// TestAgreesWithTheReadersOnAwkwardRuns has runs of what awkward mixes at
// random. TensorBoard 2.21.0 was asked about the same files.
func TestAgreesWithTheReadersOnAwkwardRuns(t *testing.T) {
	eachRecorded(t, "testdata/awkward.zip", func(t *testing.T, answer []byte) map[string]recording {
		return map[string]recording{".": decoded[recording](t, answer)}
	})
}

// TestAgreesWithTheReadersOnWholeDirectories has directories of several runs: the
// files of real writers with changes at random, and sessions of hyperparameters
// whose metrics are not what they should be. TensorBoard 2.21.0 was asked about
// the same files.
func TestAgreesWithTheReadersOnWholeDirectories(t *testing.T) {
	eachRecorded(t, "testdata/directories.zip", func(t *testing.T, answer []byte) map[string]recording {
		return decoded[map[string]recording](t, answer)
	})
}

// eachRecorded shows every log directory of an archive to the views, and compares
// with the answers, of which recordings makes one for each run.
func eachRecorded(t *testing.T, file string, recordings func(t *testing.T, answer []byte) map[string]recording) {
	t.Helper()
	archive, err := zip.OpenReader(file)
	require.NoError(t, err)
	defer archive.Close()
	data, err := fs.ReadFile(archive, "answers.json")
	require.NoError(t, err)
	all := decoded[map[string]json.RawMessage](t, data)
	require.NotEmpty(t, all)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fsys, err := fs.Sub(archive, name)
		require.NoError(t, err)
		for _, view := range readers.All() {
			t.Run(name+"/"+view.Name(), func(t *testing.T) {
				shown, err := view.Load(t.Context(), fsys)
				require.NoError(t, err)
				for run, recorded := range recordings(t, all[name]) {
					require.Empty(t, differences(view, shown, run, recorded.of(view)), run)
				}
			})
		}
	}
}
