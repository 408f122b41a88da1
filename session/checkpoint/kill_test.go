package checkpoint_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session/checkpoint"
)

// savesForever names the folder in which the test, run as a program of its own,
// saves until it is killed.
const savesForever = "RUNHOOK_SAVES_FOREVER"

// Each program is killed soon after it has said that it begins another save: at
// any place in that.
func TestAProgramThatIsKilledLeavesAWholeCheckpoint(t *testing.T) {
	if dir := os.Getenv(savesForever); dir != "" {
		saveForever(t, dir)
	}
	dir := t.TempDir()
	var last int64
	for i := range 20 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), savesForever+"="+dir)
		said, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(said)
		for range 2 + i%3 {
			require.True(t, lines.Scan())
		}
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		step := newest(t, dir)
		require.Greater(t, step, last)
		last = step
	}
	require.LessOrEqual(t, len(filesIn(t, dir)), 5, "rests are removed: two checkpoints, one that is being written, the state")
}

func saveForever(t *testing.T, dir string) {
	saver := newSaver(t, checkpoint.SaverConfig{MaxToKeep: 2})
	step := int64(0)
	if state, err := saver.CheckpointState(t.Context(), dir); err == nil && state != nil {
		step = newest(t, dir)
		require.NoError(t, saver.RecoverLastCheckpoints(t.Context(), state.AllModelCheckpointPaths))
	}
	for {
		step++
		_, err := os.Stdout.WriteString("saving\n")
		require.NoError(t, err)
		_, err = saver.Save(t.Context(), atStep(step), filepath.Join(dir, "m"), step)
		require.NoError(t, err)
	}
}
