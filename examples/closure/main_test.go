package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHooksDoNotChangeTheLine(t *testing.T) {
	xs, ys := points(100)
	var plain, hooked line
	before(&plain, xs, ys)
	require.NoError(t, after(t.Context(), t.TempDir(), &hooked, xs, ys))
	require.Equal(t, plain, hooked, "bit for bit")
	require.InDelta(t, 2, plain.w, 0.05)
	require.InDelta(t, 1, plain.b, 0.05)
}

func TestTheProgramSaysWhereToLook(t *testing.T) {
	var out bytes.Buffer
	logdir := t.TempDir()
	require.NoError(t, run(t.Context(), logdir, &out))
	require.Contains(t, out.String(), "before: y = 1.985 x + 0.984\nafter:  y = 1.985 x + 0.984\n")
	require.Contains(t, out.String(), "tensorboard --logdir "+logdir)
	requireEventFile(t, logdir)
}

// An interrupter cancels a context when something is logged.
type interrupter struct {
	slog.Handler
	cancel func()
}

func (h interrupter) Handle(context.Context, slog.Record) error {
	h.cancel()
	return nil
}

func TestAnInterruptedProgramSaysSo(t *testing.T) {
	logger := slog.Default()
	t.Cleanup(func() {
		slog.SetDefault(logger)
		log.SetOutput(os.Stderr) // which the default logger writes to
		log.SetFlags(log.LstdFlags)
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	slog.SetDefault(slog.New(interrupter{slog.NewTextHandler(io.Discard, nil), func() { cancel(errors.New("interrupt")) }}))
	var out bytes.Buffer
	logdir := t.TempDir()
	require.NoError(t, run(ctx, logdir, &out))
	require.Contains(t, out.String(), "interrupted (interrupt): everything recorded so far is in the event files")
	require.NotContains(t, out.String(), "after:")
	require.Contains(t, out.String(), "tensorboard --logdir "+logdir)
	requireEventFile(t, logdir)
}

func TestFlags(t *testing.T) {
	logdir, err := parseFlags(nil)
	require.NoError(t, err)
	require.NotEmpty(t, logdir)
	logdir, err = parseFlags([]string{"-logdir", "x"})
	require.NoError(t, err)
	require.Equal(t, "x", logdir)
	_, err = parseFlags([]string{"train", "test"})
	require.EqualError(t, err, `unexpected argument "train"`)
}

func requireEventFile(t *testing.T, logdir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(logdir, "events.out.tfevents.*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
}

func TestFewLinesChange(t *testing.T) {
	var files [2][]string
	for i, name := range []string{"before.go", "after.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		files[i] = strings.Split(string(text), "\n")
	}
	removed, added := changed(files[0], files[1])
	require.Less(t, removed+added, 10)
	require.Positive(t, added)
}

func TestChanged(t *testing.T) {
	for _, c := range []struct {
		before, after  string
		removed, added int
	}{
		{"", "", 0, 0},
		{"a b c", "a b c", 0, 0},
		{"a b c", "a x c", 1, 1},
		{"a b c", "b c d", 1, 1},
		{"a b", "a x y b", 0, 2},
		{"a b c a b b a", "c b a b a c", 3, 2},
	} {
		removed, added := changed(strings.Fields(c.before), strings.Fields(c.after))
		require.Equal(t, [2]int{c.removed, c.added}, [2]int{removed, added}, "%q, %q", c.before, c.after)
	}
}

// changed returns how many lines diff shows as removed and added: those that are
// not in a longest common subsequence.
func changed(before, after []string) (removed, added int) {
	common := make([]int, len(after)+1) // of the lines of before so far and the first of after
	for _, line := range before {
		diagonal := 0
		for i, other := range after {
			above := common[i+1]
			if line == other {
				common[i+1] = diagonal + 1
			} else {
				common[i+1] = max(above, common[i])
			}
			diagonal = above
		}
	}
	same := common[len(after)]
	return len(before) - same, len(after) - same
}
