package cli_test

import (
	"encoding/csv"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func TestParquetHasTheRowsOfCSV(t *testing.T) {
	logdir(t)
	r := command(t, "export", "runs", "-o", "out.parquet")
	require.Zero(t, r.status)
	require.Equal(t, "runhook: 50 values written\n", r.err)
	rows, err := parquet.ReadFile[struct {
		Run      string  `parquet:"run"`
		Tag      string  `parquet:"tag"`
		Step     int64   `parquet:"step"`
		WallTime float64 `parquet:"wall_time"`
		Value    float64 `parquet:"value"`
	}]("out.parquet")
	require.NoError(t, err)
	table, err := csv.NewReader(strings.NewReader(succeeds(t, "export", "runs"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, len(table)-1)
	for i, row := range table[1:] {
		require.Equal(t, row[:2], []string{rows[i].Run, rows[i].Tag})
		var step int64
		var wall, value float64
		require.NoError(t, json.Unmarshal([]byte(row[2]), &step))
		require.NoError(t, json.Unmarshal([]byte(row[3]), &wall))
		require.Equal(t, step, rows[i].Step)
		require.Equal(t, wall, rows[i].WallTime)
		if row[4] == "nan" {
			require.True(t, math.IsNaN(rows[i].Value))
			continue
		}
		require.NoError(t, json.Unmarshal([]byte(row[4]), &value))
		require.Equal(t, value, rows[i].Value)
	}
}

func TestMediaBecomeFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "runs/a", first, func(w *summary.FileWriter) {
		must(t, w.Image("../../in/x", picture(3), 7))
		must(t, w.Image("../../in/x", picture(4), 7))
		must(t, w.Images("two\x1b", imagesOf(2, 5), 8))
		must(t, w.Audio("clip", summary.Clip{SampleRate: 8000, Channels: 1, Samples: []float32{0, 1}}, 9))
		must(t, w.TextTable("table", [][]string{{"a", "b"}}, 1))
		must(t, w.Text("step-1.md", "plain", -3))
		must(t, w.Scalar("loss", 1, 1))
	})
	r := command(t, "export", "runs", "--format", "files", "-o", "media")
	require.Zero(t, r.status, r.err)
	var found []string
	require.NoError(t, filepath.WalkDir("media", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, filepath.ToSlash(path))
		}
		return err
	}))
	require.Equal(t, []string{
		"media/a/%2E%2E/%2E%2E/in/x/step-7.png",
		"media/a/%2E%2E/%2E%2E/in/x/step-7~2.png",
		"media/a/%73tep-1.md/step--3.md",
		"media/a/clip/step-9.wav",
		"media/a/table/step-1-0.md",
		"media/a/table/step-1-1.md",
		"media/a/two%1B/step-8-0.png",
		"media/a/two%1B/step-8-1.png",
		"media/index.ndjson",
	}, found)
	index, err := os.ReadFile("media/index.ndjson")
	require.NoError(t, err)
	var listed []string
	for line := range strings.Lines(string(index)) {
		var f struct{ File, Tag, Kind string }
		require.NoError(t, json.Unmarshal([]byte(line), &f))
		listed = append(listed, "media/"+f.File)
	}
	slices.Sort(listed)
	require.Equal(t, found[:8], listed)
	require.Contains(t, string(index), `{"file":"a/clip/step-9.wav","run":"a","tag":"clip","kind":"audio","step":9,`)
}

func TestAFileIsReplacedOnlyIfForced(t *testing.T) {
	logdir(t)
	require.NoError(t, os.WriteFile("x.csv", []byte("mine"), 0o600))
	r := command(t, "export", "runs", "-o", "x.csv")
	require.Equal(t, 2, r.status)
	require.Contains(t, r.err, "x.csv: file already exists; --force replaces it")
	r = command(t, "export", "runs", "-o", "x.csv", "--force", "-q")
	require.Equal(t, result{}, r)
	got, err := os.ReadFile("x.csv")
	require.NoError(t, err)
	require.Equal(t, succeeds(t, "export", "runs"), string(got))
	r = command(t, "export", "runs", "-o", "x.doc")
	require.Equal(t, "runhook: --format \"doc\", want one of csv, ndjson, parquet, files\n", r.err)
}

func TestExportTellsWhatItWroteInJSON(t *testing.T) {
	logdir(t)
	require.JSONEq(t, `{"output": "x.jsonl", "format": "ndjson", "values": 55}`, succeeds(t, "export", "runs", "-o", "x.jsonl", "--json"))
	lines, err := os.ReadFile("x.jsonl")
	require.NoError(t, err)
	require.Equal(t, string(lines), succeeds(t, "export", "runs", "--json"))
}
