// Package cli is the command runhook: every command with its flags, its output
// and its exit status, away from the process and its terminal.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/safe"
	"github.com/runhook/runhook/summary/eventlog"
)

// The exit statuses, which are part of what scripts rely on.
const (
	statusDone        = 0
	statusFound       = 1   // there are differences, findings or damaged files; all output is there
	statusFailed      = 2   // it could not be done: bad arguments, nothing there, no space
	statusInterrupted = 130 // by Ctrl-C, as shells have it
)

// Streams are what the command writes to. It reads files only.
type Streams struct {
	Out, Err                 io.Writer
	OutTerminal, ErrTerminal bool
	Size                     func() (width, height int) // of Out's terminal, in characters; nil or 0: 80 by 24
	NoColor                  bool                       // the user wants no colours
	Patience                 time.Duration              // for which a work goes on until its progress is shown; 0: 300 ms
}

// Main runs the command and returns the exit status.
func Main(ctx context.Context, args []string, streams Streams) int {
	if streams.OutTerminal {
		streams.Out = terminal{streams.Out}
	}
	streams.Patience = cmp.Or(streams.Patience, 300*time.Millisecond)
	a := &app{Streams: streams}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	return a.status(ctx, root.ExecuteContext(ctx))
}

// An app is one run of the command.
type app struct {
	Streams
	json, quiet bool
	progress    *meter // the latest, nil if there was none
}

const rootLong = `runhook reads what TensorBoard reads: event files, and log directories full of
them, by any writer. It lists, prints, plots, exports, checks, repairs, edits
and compares them. It needs no Python, and loses nothing: unlike TensorBoard it
neither samples nor drops points unless told to.

PATH is a log directory or one event file; without it, the current directory.
A run is a directory with event files, named by its path below the log
directory.

Names (--run, --tag) are chosen by patterns: * is any text, slashes included, ?
one character, \ takes the next one literally, a leading ! excludes, and re:
begins a regular expression. Several are alternatives.

Times (--since, --until) are such as 2026-11-29, "2026-11-29 15:04", RFC 3339,
seconds since 1970, or 90m for that long ago.

Exit status:
  0    done
  1    done, and there is something: differences (diff), findings (verify),
       damaged files (all others; what could be read was used)
  2    not done: wrong arguments, nothing there, a file that cannot be written
  130  interrupted by Ctrl-C`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "runhook",
		Short: "Look at TensorBoard's event files, export, repair and edit them",
		Long:  rootLong,
		Example: `  runhook ls runs
  runhook show runs --tag '*loss' --smooth 0.6
  runhook export runs -o runs.csv
  runhook verify runs || echo "something is wrong"
  source <(runhook completion bash)`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress bar and no remarks; errors are still told")
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(
		a.lsCommand(), a.catCommand(), a.showCommand(), a.statsCommand(), a.diffCommand(),
		a.exportCommand(), a.verifyCommand(), a.repairCommand(), a.editCommand(),
	)
	return root
}

// A told error ends a command that has told everything itself: it is the exit
// status.
type told int

func (t told) Error() string { return fmt.Sprintf("exit status %d", int(t)) }

// status tells what went wrong and returns what to exit with.
func (a *app) status(ctx context.Context, err error) int {
	if err != nil && ctx.Err() != nil {
		fmt.Fprintln(a.Err, "runhook: interrupted")
		return statusInterrupted
	}
	return int(a.tell(err))
}

// tell tells of errors, each in a line of its own, and returns the status that
// they make. With damage, what could be read was used.
func (a *app) tell(err error) told {
	status := told(statusDone)
	for _, e := range leaves(err) {
		is := told(statusFailed)
		damage := (*eventlog.RecordError)(nil)
		switch {
		case errors.As(e, &is):
		case errors.As(e, &damage):
			is = statusFound
			fallthrough
		default:
			a.complain(e)
		}
		status = max(status, is)
	}
	return status
}

// ended is the error of a command that has ended with this status.
func (t told) ended() error {
	if t == statusDone {
		return nil
	}
	return t
}

// complain tells of an error.
func (a *app) complain(err error) {
	a.progress.clear()
	fmt.Fprintf(a.Err, "runhook: %s\n", safe.Text(strings.TrimPrefix(err.Error(), "eventlog: ")))
}

// remark tells something that is no error.
func (a *app) remark(format string, args ...any) {
	if !a.quiet {
		a.progress.clear()
		fmt.Fprintf(a.Err, "runhook: %s\n", safe.Text(fmt.Sprintf(format, args...)))
	}
}

// leaves takes joined errors apart, each of which gets a line of its own.
func leaves(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, leaves(e)...)
	}
	return out
}

// pathArg is the command's path: its only argument, or the current directory.
func pathArg(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}
