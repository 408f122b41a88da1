package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) purgeCommand() *cobra.Command {
	var s selection
	var out string
	var from int64
	cmd := &cobra.Command{
		Use:   "purge PATH -o OUT --from STEP",
		Short: "Leave out everything from a step on, as if it had never run",
		Long: `purge leaves out all events of the step and above: values, graphs, and what
sessions log. What is left is where a training that resumes there begins.`,
		Example: `  runhook edit purge runs -o out --from 5000
  runhook edit purge runs -o out --from 5000 --run train`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.editPurge(cmd.Context(), args[0], out, &s, from)
		},
	}
	cmd.Flags().StringArrayVarP(&s.runs, "run", "r", nil, "only of these runs: a `PATTERN`, may be given several times")
	cmd.Flags().Int64Var(&from, "from", 0, "the first `STEP` that is left out")
	outFlag(cmd, &out)
	cmd.MarkFlagsOneRequired("from")
	return cmd
}

func (a *app) editPurge(ctx context.Context, path, out string, s *selection, from int64) error {
	ed, err := a.beginEdit(path, out, s)
	if err != nil {
		return err
	}
	defer ed.dir.discard()
	run, _ := ed.edited.matched()
	return a.finishEdit(ed, func(progress func(int)) (rewrite.Counts, error) {
		return rewrite.Edit{Progress: progress, Event: func(e *eventlog.Event) bool {
			return !run(e.Run) || e.Step < from
		}}.Apply(ctx, ed.runs, ed.dir.path)
	})
}
