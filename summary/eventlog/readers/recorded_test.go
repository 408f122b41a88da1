package readers_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

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

func recordings(t *testing.T, file string) map[string]recording {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return decodeRecordings(t, data)
}

func decodeRecordings(t *testing.T, data []byte) map[string]recording {
	t.Helper()
	var out map[string]recording
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&out))
	require.NotEmpty(t, out)
	return out
}

// TestAgreesWithTheReaders shows runs made by hand, each of one edge of the
// format, to the views. TensorBoard 2.21.0 was asked about the same files.
func TestAgreesWithTheReaders(t *testing.T) {
	all := recordings(t, "testdata/cases.json")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, view := range readers.All() {
			t.Run(name+"/"+view.Name(), func(t *testing.T) {
				shown, err := view.Load(t.Context(), os.DirFS(filepath.Join("testdata/cases", name)))
				require.NoError(t, err)
				require.Empty(t, differences(view, shown, ".", all[name].of(view)), all[name].Note)
			})
		}
	}
}

// TestAgreesWithTheReadersOnAwkwardRuns has runs of what awkward mixes at
// random. TensorBoard 2.21.0 was asked about the same files.
func TestAgreesWithTheReadersOnAwkwardRuns(t *testing.T) {
	archive, err := zip.OpenReader("testdata/awkward.zip")
	require.NoError(t, err)
	defer archive.Close()
	data, err := fs.ReadFile(archive, "answers.json")
	require.NoError(t, err)
	all := decodeRecordings(t, data)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fsys, err := fs.Sub(archive, name)
		require.NoError(t, err)
		for _, view := range readers.All() {
			t.Run(name+"/"+view.Name(), func(t *testing.T) {
				shown, err := view.Load(t.Context(), fsys)
				require.NoError(t, err)
				require.Empty(t, differences(view, shown, ".", all[name].of(view)))
			})
		}
	}
}
