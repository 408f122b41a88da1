// Package goldentest gives tests the tables of cases that real writers have made:
// those in the testdata of the package, and more of the same kind from the folder
// that RUNHOOK_GOLDENS names.
package goldentest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// More is the folder with more cases, or "".
func More() string { return os.Getenv("RUNHOOK_GOLDENS") }

// Tables returns the tables of a name, histograms.json for example, decoded: the
// one in testdata, which may be compressed and then ends in .gz, first.
func Tables[T any](t testing.TB, name string) []T {
	t.Helper()
	var tables []T
	for _, folder := range []string{"testdata", More()} {
		if folder == "" {
			continue
		}
		content, err := read(filepath.Join(folder, name))
		if folder != "testdata" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		var table T
		require.NoError(t, json.Unmarshal(content, &table), "%s in %s", name, folder)
		tables = append(tables, table)
	}
	return tables
}

func read(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return content, err
	}
	compressed, err := os.ReadFile(path + ".gz")
	if err != nil {
		return nil, err
	}
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
