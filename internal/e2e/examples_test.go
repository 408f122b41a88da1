package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryExampleIsReadAlike runs the programs in examples, all of which write
// where -logdir says.
func TestEveryExampleIsReadAlike(t *testing.T) {
	pythonOf(t)
	programs, err := os.ReadDir("../../examples")
	require.NoError(t, err)
	require.NotEmpty(t, programs)
	for _, program := range programs {
		if !program.IsDir() {
			continue
		}
		t.Run(program.Name(), func(t *testing.T) {
			dir := t.TempDir()
			runExample(t, program.Name(), "-logdir", dir)
			if version1 := filepath.Join(dir, "moons", "version_1"); program.Name() == "gallery" {
				requireVersion1(t, version1)
				require.NoError(t, os.RemoveAll(version1))
			}
			requireHeld(t, dir)
		})
	}
}

// requireVersion1 wants every reader to show the run with the forms of TensorFlow's
// first API, and to differ as they do: in the empty buckets of histograms and the
// type of sounds.
func requireVersion1(t *testing.T, dir string) {
	t.Helper()
	answer := askReaders(t, dir)
	require.Len(t, answer.Disagreements, 2)
	require.Contains(t, answer.Disagreements[0], `'version_1/loss' types: py=["audio/wav"]  rb=["application/octet-stream"]`)
	require.Contains(t, answer.Disagreements[1], `'version_1/losses' rows: `)
	for _, name := range readerNames {
		shown := entriesOf(t, name, answer.Readers[name])["."]
		require.Len(t, shown, 2, name)
		require.Equal(t, []int64{500}, shown["version_1/loss"].steps, name)
		require.Equal(t, []int64{0, 100, 200, 300, 400, 500}, shown["version_1/losses"].steps, name)
	}
}

// runExample runs one of the programs in examples, which may be a module of its
// own.
func runExample(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "."}, args...)...)
	cmd.Dir = filepath.Join("../../examples", name)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
