package readers_test

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventlog/readers"
)

// TestPurgeOfEventlogIsThatOfEventAccumulator compares the curves that eventlog
// makes of all recorded directories with what EventAccumulator keeps of its
// scalars, which the tests above hold to the real one.
func TestPurgeOfEventlogIsThatOfEventAccumulator(t *testing.T) {
	dirs, err := filepath.Glob("testdata/cases/*")
	require.NoError(t, err)
	for _, file := range []string{"testdata/awkward.zip", "testdata/directories.zip"} {
		archive, err := zip.OpenReader(file)
		require.NoError(t, err)
		t.Cleanup(func() { archive.Close() })
		unpacked := t.TempDir()
		require.NoError(t, os.CopyFS(unpacked, archive))
		in, err := fs.Glob(os.DirFS(unpacked), "*")
		require.NoError(t, err)
		for _, name := range in {
			dirs = append(dirs, filepath.Join(unpacked, name))
		}
	}
	compared := 0
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue // The answers.
		}
		if profiles, err := filepath.Glob(filepath.Join(dir, "*.profile-empty")); err != nil || len(profiles) > 0 {
			continue // Which EventAccumulator does not read.
		}
		shown, err := readers.EventAccumulator{}.Load(t.Context(), os.DirFS(dir))
		require.NoError(t, err)
		curves, _ := eventlog.Scalars(t.Context(), dir, eventlog.Config{Purge: true}) // Damage is told.
		for _, run := range shown.Runs {
			if run.Err != nil {
				continue
			}
			lists := make(map[string]int)
			for _, tag := range run.Tags {
				lists[tag.Name]++
			}
			for _, c := range curves {
				tag := run.Tag(c.Tag)
				if c.Run != run.Name || tag == nil || tag.List != readers.ListScalars || lists[c.Tag] > 1 {
					continue
				}
				var steps []int64
				for _, p := range tag.Points {
					steps = append(steps, p.Step)
				}
				require.Equal(t, steps, c.Steps, "%s, run %q, tag %q", dir, c.Run, c.Tag)
				compared++
			}
		}
	}
	require.Greater(t, compared, 200)
}
