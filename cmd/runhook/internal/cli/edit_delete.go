package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) deleteCommand() *cobra.Command {
	var s selection
	var out string
	cmd := &cobra.Command{
		Use:   "delete PATH -o OUT",
		Short: "Leave out values, tags or runs",
		Long: `delete leaves out the values that all the given flags choose. A run of which
nothing but the run is asked is left out with everything.`,
		Example: `  runhook edit delete runs -o out --tag 'debug/*'
  runhook edit delete runs -o out --kind image,audio --steps :1000
  runhook edit delete runs -o out --run 'failed*'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.editDelete(cmd.Context(), args[0], out, &s)
		},
	}
	s.names(a, cmd)
	s.kindsFlag(cmd)
	cmd.Flags().StringVarP(&s.steps, "steps", "s", "", "values of these steps, both ends included: `FROM:TO`, FROM:, :TO or one")
	outFlag(cmd, &out)
	cmd.MarkFlagsOneRequired("run", "tag", "kind", "steps")
	return cmd
}

func (a *app) editDelete(ctx context.Context, path, out string, s *selection) error {
	ed, err := a.beginEdit(path, out, s)
	if err != nil {
		return err
	}
	defer ed.dir.discard()
	c := ed.edited
	run, tag := c.matched()
	kinds := make(map[rewrite.Name]bool)
	if c.kind != nil {
		series, err := a.series(ctx, ed.log)
		if err != nil {
			return err
		}
		for _, s := range series {
			if c.kind(s.Kind) {
				kinds[rewrite.Name{Run: s.Run, Tag: s.Tag}] = true
			}
		}
	}
	runs := ed.runs
	if c.tag == nil && c.kind == nil && c.config.Step == nil {
		runs = slices.DeleteFunc(slices.Clone(runs), func(r eventlog.Run) bool { return run(r.Name) })
	}
	return a.finishEdit(ed, func(progress func(int)) (rewrite.Counts, error) {
		return rewrite.Edit{Progress: progress, Value: func(e *eventlog.Event, name rewrite.Name) (rewrite.Name, bool) {
			out := run(name.Run) && tag(name.Tag) && (c.kind == nil || kinds[name]) && (c.config.Step == nil || c.config.Step(e.Step))
			return name, !out
		}}.Apply(ctx, runs, ed.dir.path)
	})
}
