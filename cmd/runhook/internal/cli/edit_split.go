package cli

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) splitCommand() *cobra.Command {
	var out, bytes string
	var at []int64
	var moves []string
	cmd := &cobra.Command{
		Use:   "split PATH -o OUT (--size N | --at STEP,… | --move PATTERN=RUN)",
		Short: "Cut files into smaller ones, or give tags a run of their own",
		Long: `split cuts event files where they reach a size, or before the first event of the
given steps. The pieces sort in their order, each begins with the file's version,
and every tag is told of again in each piece.

With --move the tags that match go to another run, below the log directory or, if
RUN begins with "./", below their own.`,
		Example: `  runhook edit split runs -o out --size 64MB
  runhook edit split runs -o out --at 10000,20000
  runhook edit split runs -o out --move 'val/*=validation'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.editSplit(cmd.Context(), args[0], out, bytes, at, moves)
		},
	}
	cmd.Flags().StringVar(&bytes, "size", "", "a new file when one has `N` bytes; k, M and G are powers of 1000")
	cmd.Flags().Int64SliceVar(&at, "at", nil, "new files from these `STEPS` on")
	cmd.Flags().StringArrayVar(&moves, "move", nil, "tags that match go to a run: `PATTERN=RUN`, may be given several times")
	cmd.Flags().Lookup("at").DefValue = "" // Not "[]" in the help.
	outFlag(cmd, &out)
	cmd.MarkFlagsOneRequired("size", "at", "move")
	cmd.MarkFlagsMutuallyExclusive("size", "at", "move")
	return cmd
}

func (a *app) editSplit(ctx context.Context, path, out, bytes string, at []int64, moves []string) error {
	var edit rewrite.Edit
	switch {
	case bytes != "":
		limit, err := parseSize(bytes)
		if err != nil {
			return err
		}
		edit.Cut = func(_ *eventlog.Event, size int64) bool { return size >= limit }
	case len(at) > 0:
		edit.Cut = cutAt(at)
	default:
		move, err := mover(moves)
		if err != nil {
			return err
		}
		edit.Value = move
	}
	ed, err := a.beginEdit(path, out, &selection{})
	if err != nil {
		return err
	}
	defer ed.dir.discard()
	return a.finishEdit(ed, func(progress func(int)) (rewrite.Counts, error) {
		edit.Progress = progress
		return edit.Apply(ctx, ed.runs, ed.dir.path)
	})
}

// parseSize reads a number of bytes, such as 64MB.
func parseSize(text string) (int64, error) {
	digits := strings.TrimSuffix(strings.TrimSuffix(text, "B"), "b")
	factor := 1.0
	if i := strings.IndexAny(digits, "kKMG"); i >= 0 && i == len(digits)-1 {
		factor = map[byte]float64{'k': 1e3, 'K': 1e3, 'M': 1e6, 'G': 1e9}[digits[i]]
		digits = digits[:i]
	}
	x, err := strconv.ParseFloat(digits, 64)
	if err != nil || !(x*factor >= 1) || x*factor > 1e18 {
		return 0, fmt.Errorf("--size %q, want a number of bytes such as 64MB", text)
	}
	return int64(x * factor), nil
}

// cutAt cuts where the step passes one of those given, upwards or, after a
// restart, back.
func cutAt(steps []int64) func(*eventlog.Event, int64) bool {
	slices.Sort(steps)
	piece := func(step int64) int {
		n, _ := slices.BinarySearch(steps, step+1)
		return n
	}
	file, last := "", 0
	return func(e *eventlog.Event, _ int64) bool {
		before := last
		last = piece(e.Step)
		if e.File != file {
			file = e.File
			return false
		}
		return last != before
	}
}

// mover returns what --move says.
func mover(moves []string) (func(*eventlog.Event, rewrite.Name) (rewrite.Name, bool), error) {
	type move struct {
		pattern pattern
		run     string
	}
	var list []move
	for _, text := range moves {
		from, to, ok := cutPair(text)
		if !ok {
			return nil, fmt.Errorf("--move %q, want PATTERN=RUN", text)
		}
		p, err := parsePattern(from)
		if err != nil {
			return nil, err
		}
		if err := checkRun(to); err != nil {
			return nil, err
		}
		list = append(list, move{p, to})
	}
	return func(_ *eventlog.Event, name rewrite.Name) (rewrite.Name, bool) {
		for _, m := range list {
			if m.pattern.regexp.MatchString(name.Tag) != m.pattern.exclude {
				if below, ok := strings.CutPrefix(m.run, "./"); ok {
					return rewrite.Name{Run: path.Join(name.Run, below), Tag: name.Tag}, true
				}
				return rewrite.Name{Run: m.run, Tag: name.Tag}, true
			}
		}
		return name, true
	}, nil
}

// checkRun returns an error for a run that is no directory below the log
// directory.
func checkRun(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsAny(name, "\x00") {
		return fmt.Errorf("run %q, want a directory below the log directory", name)
	}
	return nil
}

// cutPair takes OLD=NEW apart; \= is no end of OLD.
func cutPair(text string) (from, to string, ok bool) {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '=':
			i++
		case text[i] == '=':
			return strings.ReplaceAll(text[:i], `\=`, "="), text[i+1:], true
		}
	}
	return "", "", false
}
