package summary_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
)

// writesForever names the folder in which the test, run as a program of its own,
// writes until it is killed.
const writesForever = "RUNHOOK_WRITES_FOREVER"

// However a program ends, its files hold the first events that it added, each once;
// the last file may end in the middle of a record. What was flushed is there.
func TestAProgramThatIsKilledLeavesFilesThatCanBeRead(t *testing.T) {
	if dir := os.Getenv(writesForever); dir != "" {
		writeForever(t, dir)
	}
	for i := range 15 {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), writesForever+"="+dir)
		said, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		flushed := bufio.NewScanner(said)
		rounds := 1 + i%4
		for range rounds {
			require.True(t, flushed.Scan())
		}
		time.Sleep(time.Duration(i) * 300 * time.Microsecond) // to die at another place
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())

		var next int64
		files, err := filepath.Glob(filepath.Join(dir, "*tfevents*"))
		require.NoError(t, err)
		for n, path := range files {
			file, err := os.Open(path)
			require.NoError(t, err)
			defer file.Close()
			for e, err := range eventlog.NewReader(file, eventlog.ReaderConfig{Name: path}).Events() {
				if err != nil {
					require.ErrorIs(t, err, eventlog.ErrTruncated)
					require.Equal(t, len(files)-1, n, "%s is torn, and there is a next file", path)
					break
				}
				if e.What == eventlog.Summary {
					require.Equal(t, next, e.Step)
					next++
				}
			}
		}
		require.GreaterOrEqual(t, next, int64(rounds*flushEach), "events that were flushed")
	}
}

const flushEach = 1000

func writeForever(t *testing.T, dir string) {
	w := openWriter(t, dir, summary.FileWriterConfig{FlushBytes: 5000, Rotate: summary.Rotate{Bytes: 30_000}})
	for step := int64(0); ; step++ {
		require.NoError(t, w.Scalar("loss", 1, step))
		if step%flushEach == flushEach-1 {
			require.NoError(t, w.Flush())
			_, err := os.Stdout.WriteString("flushed\n")
			require.NoError(t, err)
		}
	}
}
