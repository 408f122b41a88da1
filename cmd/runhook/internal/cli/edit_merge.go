package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) mergeCommand() *cobra.Command {
	var s selection
	var out, into string
	var prefix bool
	cmd := &cobra.Command{
		Use:   "merge PATH -o OUT",
		Short: "Make one file of a run's files, or one run of several",
		Long: `merge makes one run of the chosen ones, in one file. The files of a single run
follow each other as they do for readers. Several runs are merged by step; what
their restarts have overtaken is left out, and so are the restarts themselves.
Runs that are not chosen are copied.`,
		Example: `  runhook edit merge runs -o out --run train
  runhook edit merge runs -o out --run 'worker*' --into all --prefix`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.editMerge(cmd.Context(), args[0], out, &s, into, prefix)
		},
	}
	cmd.Flags().StringArrayVarP(&s.runs, "run", "r", nil, "only these runs: a `PATTERN`, may be given several times")
	cmd.Flags().StringVar(&into, "into", "", "the new run (default: the first of the chosen)")
	cmd.Flags().BoolVar(&prefix, "prefix", false, "put the name of its run in front of each tag")
	outFlag(cmd, &out)
	return cmd
}

func (a *app) editMerge(ctx context.Context, path, out string, s *selection, into string, prefix bool) error {
	ed, err := a.beginEdit(path, out, s)
	if err != nil {
		return err
	}
	defer ed.dir.discard()
	run, _ := ed.edited.matched()
	var merged, rest []eventlog.Run
	for _, r := range ed.runs {
		if run(r.Name) {
			merged = append(merged, r)
		} else {
			rest = append(rest, r)
		}
	}
	if len(merged) == 0 {
		return fmt.Errorf("%s: no run matches", path)
	}
	if into == "" {
		into = merged[0].Name
	}
	if err := checkRun(into); err != nil {
		return err
	}
	if slices.ContainsFunc(rest, func(r eventlog.Run) bool { return r.Name == into }) {
		return fmt.Errorf("--into %q: there is such a run, which is not among those merged", into)
	}
	falling := 0
	err = a.finishEdit(ed, func(progress func(int)) (rewrite.Counts, error) {
		counts, n, err := rewrite.Merge{Into: into, Prefix: prefix, Progress: progress}.Apply(ctx, merged, ed.dir.path)
		if err != nil {
			return counts, err
		}
		falling = n
		copied, err := rewrite.Edit{Progress: progress}.Apply(ctx, rest, ed.dir.path)
		return counts.Plus(copied), err
	})
	if err == nil && falling > 0 {
		a.remark("%s at a step that is not above the one before of the same tag; TensorBoard's default reader drops points there (--prefix keeps the tags of different runs apart)",
			count(falling, "value"))
	}
	return err
}
