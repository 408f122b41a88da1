package cli_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/cmd/runhook/internal/cli"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// tty is a terminal of 70 by 20.
var tty = cli.Streams{OutTerminal: true, ErrTerminal: true, Size: func() (int, int) { return 70, 20 }}

func TestATerminalGetsColoursAndItsWidth(t *testing.T) {
	logdir(t)
	r := commandOn(t, t.Context(), tty, "show", "runs", "--tag", "loss")
	require.Contains(t, r.out, "\x1b[38;5;39m⣿\x1b[0m eval")
	require.Contains(t, r.out, "\x1b[38;5;208m⣿\x1b[0m train")
	require.Contains(t, r.out, strings.Repeat("─", 10))
	quiet := tty
	quiet.NoColor = true
	for _, r := range []result{
		commandOn(t, t.Context(), quiet, "show", "runs", "--tag", "loss"),
		commandOn(t, t.Context(), tty, "show", "runs", "--tag", "loss", "--color", "never"),
	} {
		require.NotContains(t, r.out, "\x1b")
		for line := range strings.Lines(r.out) {
			require.LessOrEqual(t, len([]rune(line)), 71)
		}
	}
	require.Contains(t, command(t, "show", "runs", "--color", "always").out, "\x1b[")
}

func TestATerminalIsNotLedAstray(t *testing.T) {
	t.Chdir(t.TempDir())
	const hostile = "a\x1b[2J\x07\nb\u009b31m\u202e"
	write(t, "runs", first, func(w *summary.FileWriter) {
		must(t, w.Scalar(hostile, 1, 1))
		must(t, w.Text("text", "\x1b]0;title\x07\r", 1))
	})
	for _, args := range []string{
		"ls runs", "ls runs --json", "cat runs", "cat runs --proto", "show runs", "show runs --json", "stats runs", "diff runs runs", "verify runs",
		"export runs", "export runs --format ndjson",
	} {
		r := commandOn(t, t.Context(), tty, strings.Fields(args)...)
		require.LessOrEqual(t, r.status, 1, args)
		for _, bad := range []string{"\x1b[2J", "\x1b]", "\x07", "\r", "\u009b"} {
			require.NotContains(t, r.out, bad, args)
		}
	}
	require.Contains(t, succeeds(t, "export", "runs"), hostile, "a file gets it as it is")
}

func TestProgressIsShownOnTerminalsOnly(t *testing.T) {
	logdir(t)
	shown := cli.Streams{ErrTerminal: true, Patience: 1}
	for _, args := range []string{"ls runs", "stats runs", "verify runs", "diff runs runs", "repair runs -n", "edit purge runs --from 5 -o out", "export runs -o x.csv"} {
		r := commandOn(t, t.Context(), shown, strings.Fields(args)...)
		require.Regexp(t, `\d+% \|`, r.err, args)
	}
	flip(t, "runs/eval/"+first, 900)
	r := commandOn(t, t.Context(), shown, "export", "runs", "-o", "y.csv")
	require.Regexp(t, `\r *\r+runhook: runs/eval/`+first+`: record`, r.err, "on a line of its own")
	require.NoError(t, os.RemoveAll("runs/eval"))

	piped := cli.Streams{Patience: 1}
	both := cli.Streams{OutTerminal: true, ErrTerminal: true, Patience: 1}
	require.Empty(t, commandOn(t, t.Context(), piped, "ls", "runs").err)
	require.Empty(t, commandOn(t, t.Context(), shown, "ls", "runs", "--quiet").err)
	require.Empty(t, commandOn(t, t.Context(), both, "export", "runs").err, "rows and a bar do not go together")
	require.Empty(t, commandOn(t, t.Context(), cli.Streams{ErrTerminal: true}, "ls", "runs").err, "not for what is quick")
}

// A following is a command that follows, with what it has written.
type following struct {
	out    *io.PipeReader
	text   string
	cancel context.CancelFunc
	done   chan int
}

func follow(t *testing.T, s cli.Streams, args ...string) *following {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	f := &following{out: r, cancel: cancel, done: make(chan int, 1)}
	s.Out, s.Err = w, w
	go func() { f.done <- cli.Main(ctx, args, s) }()
	return f
}

// until reads until all texts have come, in their order. It returns what was
// before the last.
func (f *following) until(t *testing.T, texts ...string) (before string) {
	t.Helper()
	for _, text := range texts {
		for !strings.Contains(f.text, text) {
			b := make([]byte, 1<<16)
			n, err := f.out.Read(b)
			require.NoError(t, err)
			f.text += string(b[:n])
		}
		before, f.text, _ = strings.Cut(f.text, text)
	}
	return before
}

// end is Ctrl-C.
func (f *following) end(t *testing.T) {
	t.Helper()
	f.cancel()
	go io.Copy(io.Discard, f.out)
	require.Zero(t, <-f.done)
	require.NoError(t, f.out.Close())
}

func TestFollowing(t *testing.T) {
	dir := t.TempDir()
	w, err := summary.NewFileWriter(dir+"/late", summary.FileWriterConfig{FlushSecs: summary.Off})
	require.NoError(t, err)
	defer w.Close()
	points := func(from, to int64) {
		for step := from; step <= to; step++ {
			must(t, w.Scalar("loss", float64(step), step))
		}
		must(t, w.Flush())
	}
	screen := tty
	screen.NoColor = true
	chart := follow(t, screen, "show", dir, "--follow", "--interval", "1ms")
	lines := follow(t, cli.Streams{}, "show", dir, "--follow", "--interval", "1ms", "--json", "--steps", "2:")
	events := follow(t, cli.Streams{}, "cat", dir, "--follow", "--tag", "loss")
	chart.until(t, "\x1b[H", "waiting for scalars", "following, Ctrl-C ends\x1b[K\n\x1b[J")

	points(1, 3)
	chart.until(t, "\x1b[H", "loss\x1b[K", "late  3 at step 3")
	lines.until(t, `"tag":"loss","step":2,`, `"step":3,`)
	events.until(t, `"step":1,`, `"value":3`)

	must(t, w.AddSessionLog(&eventpb.SessionLog{Status: eventpb.SessionLog_START}, 2))
	points(2, 2)
	chart.until(t, "late  2 at step 2")
	lines.until(t, `"step":2,`)

	chart.end(t)
	lines.end(t)
	events.end(t)
}

func TestFollowedChartsFitTheTerminal(t *testing.T) {
	logdir(t)
	for _, height := range []int{12, 18, 30, 60} {
		screen := tty
		screen.Size = func() (int, int) { return 60, height }
		f := follow(t, screen, "show", "runs", "--follow", "--interval", "1ms")
		frame := ""
		for !strings.Contains(frame, "train") {
			frame = f.until(t, "\x1b[H", "following, Ctrl-C ends\x1b[K\n")
		}
		require.Less(t, strings.Count(frame, "\n")+1, height)
		require.Equal(t, height > 24, strings.Contains(frame, "loss"), "two charts if there is room")
		f.end(t)
	}
}
