package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) downsampleCommand() *cobra.Command {
	var s selection
	var out string
	var keep, every int
	cmd := &cobra.Command{
		Use:   "downsample PATH -o OUT (--keep N | --every N)",
		Short: "Keep a part of the points of each series",
		Long: `downsample keeps of each chosen series at most --keep points, evenly spread from
the first to the last, or every N-th and the last.`,
		Example: `  runhook edit downsample runs -o out --keep 1000
  runhook edit downsample runs -o out --every 10 --kind histogram`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.editDownsample(cmd.Context(), args[0], out, &s, keep, every)
		},
	}
	s.names(a, cmd)
	s.kindsFlag(cmd)
	cmd.Flags().IntVar(&keep, "keep", 0, "how many points to keep of a series")
	cmd.Flags().IntVar(&every, "every", 0, "keep one of so many")
	outFlag(cmd, &out)
	cmd.MarkFlagsOneRequired("keep", "every")
	cmd.MarkFlagsMutuallyExclusive("keep", "every")
	return cmd
}

func (a *app) editDownsample(ctx context.Context, path, out string, s *selection, keep, every int) error {
	if keep < 0 || every < 0 || keep == 0 && every == 0 {
		return fmt.Errorf("--keep %d, --every %d, want one of them above 0", keep, every)
	}
	ed, err := a.beginEdit(path, out, s)
	if err != nil {
		return err
	}
	defer ed.dir.discard()
	run, tag := ed.edited.matched()
	series, err := a.series(ctx, ed.log)
	if err != nil {
		return err
	}
	type spread struct{ seen, n int }
	thin := make(map[rewrite.Name]*spread)
	for _, s := range series {
		name := rewrite.Name{Run: s.Run, Tag: s.Tag}
		if run(s.Run) && tag(s.Tag) && (ed.edited.kind == nil || ed.edited.kind(s.Kind)) {
			if thin[name] == nil {
				thin[name] = new(spread)
			}
		}
		// A tag of several kinds is thinned out as a whole.
		if thin[name] != nil {
			thin[name].n += s.Count
		}
	}
	return a.finishEdit(ed, func(progress func(int)) (rewrite.Counts, error) {
		return rewrite.Edit{Progress: progress, Value: func(e *eventlog.Event, name rewrite.Name) (rewrite.Name, bool) {
			t := thin[name]
			if t == nil {
				return name, true
			}
			i := t.seen
			t.seen++
			if every > 0 {
				return name, i%every == 0 || i >= t.n-1
			}
			return name, spreadOut(i, t.n, keep)
		}}.Apply(ctx, ed.runs, ed.dir.path)
	})
}

// spreadOut reports whether point i of n is one of those that are kept, which are
// as far from each other as they can be. A single one is the last.
func spreadOut(i, n, keep int) bool {
	switch {
	case i >= n-1 || keep >= n:
		return true
	case keep == 1:
		return false
	case i == 0:
		return true
	}
	return i*(keep-1)/(n-1) != (i-1)*(keep-1)/(n-1)
}
