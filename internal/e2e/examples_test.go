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
			requireHeld(t, dir)
		})
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
