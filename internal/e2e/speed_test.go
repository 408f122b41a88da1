package e2e

import (
	"bytes"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
)

// TestScalarsAreReadFasterThanByTheDataServer has both read the same million of
// scalars, and keep them all. What the machine does besides slows down either, so
// the best of three rounds counts.
func TestScalarsAreReadFasterThanByTheDataServer(t *testing.T) {
	python := pythonOf(t)
	path, err := exec.CommandContext(t.Context(), python, "-c", "import tensorboard_data_server as s; print(s.server_binary())").Output()
	require.NoError(t, err)
	server := string(bytes.TrimSpace(path))
	const events = 1_000_000
	dir := t.TempDir()
	writing(func(t *testing.T, w *summary.FileWriter) {
		tags := []string{"loss", "accuracy", "hidden/weights/mean", "hidden/weights/stddev"}
		for i := range int64(events) {
			require.NoError(t, w.Scalar(tags[i%4], float64(i), i/4))
		}
	})(t, dir)

	ours, theirs := time.Hour, time.Hour
	for range 3 {
		began := time.Now()
		curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{})
		ours = min(ours, time.Since(began))
		require.NoError(t, err)
		require.Len(t, curves, 4)
		theirs = min(theirs, loadCycle(t, server, dir))
	}
	t.Logf("%d scalars: eventlog %v, data server %v", events, ours, theirs)
	require.Less(t, ours, theirs)
}

// loadCycle is how long the data server says that it has taken to load dir.
func loadCycle(t *testing.T, server, dir string) time.Duration {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), server, "--logdir", dir, "--reload=once", "--samples-per-plugin=scalars=0", "--port=0", "--die-after-stdin", "-v")
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var text []byte
	finished := regexp.MustCompile(`Finished load cycle \((.*)\)`)
	for buf := make([]byte, 4096); ; {
		n, err := log.Read(buf)
		text = append(text, buf[:n]...)
		if m := finished.FindSubmatch(text); m != nil {
			require.NoError(t, stdin.Close())
			if err := cmd.Wait(); err != nil {
				require.ErrorAs(t, err, new(*exec.ExitError)) // It kills itself.
			}
			took, err := time.ParseDuration(string(m[1]))
			require.NoError(t, err)
			return took
		}
		require.NoError(t, err, "%s", text)
	}
}
