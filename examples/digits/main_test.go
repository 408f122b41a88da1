package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// eventFiles returns how many there are in each run.
func eventFiles(t *testing.T, logdir string) map[string]int {
	t.Helper()
	count := make(map[string]int)
	for _, run := range []string{"train", "test"} {
		files, err := filepath.Glob(filepath.Join(logdir, run, "events.out.tfevents.*"))
		require.NoError(t, err)
		count[run] = len(files)
	}
	return count
}

func TestTheProgramTrainsAndSaysWhereToLook(t *testing.T) {
	var out bytes.Buffer
	logdir := t.TempDir()
	require.NoError(t, run(t.Context(), options{logdir: logdir, steps: 200, saveSteps: 50, seed: 1}, &out))
	text := out.String()
	require.Contains(t, text, "training on 1437 digits, testing on 360\n")
	require.Contains(t, text, "step     0 of 200")
	require.Contains(t, text, "step   200 of 200")
	require.Contains(t, text, "tensorboard --logdir "+logdir)
	require.NotContains(t, text, "interrupted")
	require.Equal(t, map[string]int{"train": 1, "test": 1}, eventFiles(t, logdir), "one file a run")
}

// A canceller cancels a context when a line with some text comes by.
type canceller struct {
	io.Writer
	text   string
	cancel context.CancelFunc
}

func (c canceller) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		c.cancel()
	}
	return c.Writer.Write(p)
}

func TestAnInterruptedProgramKeepsWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	logdir := t.TempDir()
	o := options{logdir: logdir, steps: 100000, saveSteps: 10, seed: 1}
	require.NoError(t, run(ctx, o, canceller{&out, "step  5000", cancel}))
	require.Contains(t, out.String(), "interrupted (context canceled): everything recorded so far is in the event files")
	require.Contains(t, out.String(), "step  5001 of 100000", "the hook's End was called")
	require.Equal(t, map[string]int{"train": 1, "test": 1}, eventFiles(t, logdir))
}

func TestFlags(t *testing.T) {
	o, err := parseFlags(nil)
	require.NoError(t, err)
	require.Equal(t, int64(20), o.saveSteps)
	require.NotEmpty(t, o.logdir)
	o, err = parseFlags([]string{"-save_secs", "0.5s", "-logdir", "x", "-seed", "7", "-steps", "10"})
	require.NoError(t, err)
	require.Equal(t, options{logdir: "x", steps: 10, saveSecs: 500 * time.Millisecond, seed: 7}, o)
	for _, c := range []struct{ args, want string }{
		{"-steps 0", "-steps is 0, want 1 or more"},
		{"-save_steps -3", "-save_steps is -3, want 1 or more"},
		{"-save_secs 0s", "-save_secs is 0s, want a positive duration"},
		{"-save_secs 1s -save_steps 3", "both -save_steps and -save_secs are given, want one of them"},
	} {
		_, err := parseFlags(strings.Fields(c.args))
		require.EqualError(t, err, c.want)
	}
}

func TestADirectoryThatCannotBeMadeIsNamed(t *testing.T) {
	err := run(t.Context(), options{logdir: "main.go/x", steps: 10, saveSteps: 1, seed: 1}, io.Discard)
	require.ErrorContains(t, err, "main.go")
}
