package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/summary/eventlog"
)

// completionTime is how long a shell may wait for names.
const completionTime = 2 * time.Second

// complete offers names of runs and tags to the shell.
func (a *app) complete(cmd *cobra.Command) {
	mustCompleteFunc(cmd, "run", func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		runs, _ := eventlog.Runs(pathArg(args)) // What can be listed.
		var names []string
		for _, run := range runs {
			names = append(names, run.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	a.completeTags(cmd, "tag", func(eventlog.Kind) bool { return true })
}

// completeAxis offers words and names of scalars for --x.
func (a *app) completeAxis(cmd *cobra.Command, words ...string) {
	a.completeTags(cmd, "x", func(k eventlog.Kind) bool { return k == eventlog.KindScalar }, words...)
}

// completeTags offers words and names of tags, of kinds that fit, for a flag.
func (a *app) completeTags(cmd *cobra.Command, flag string, fits func(eventlog.Kind) bool, words ...string) {
	mustCompleteFunc(cmd, flag, func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		series, _ := eventlog.Tags(ctx, pathArg(args), eventlog.Config{}) // What can be read.
		var names []string
		for _, s := range series {
			if fits(s.Kind) {
				names = append(names, s.Tag)
			}
		}
		slices.Sort(names)
		return append(slices.Clone(words), slices.Compact(names)...), cobra.ShellCompDirectiveNoFileComp
	})
}

// mustComplete offers fixed words for a flag.
func mustComplete(cmd *cobra.Command, flag string, words []string) {
	mustCompleteFunc(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// mustCompleteFunc fails only for a flag that the command does not have, or that
// is completed already.
func mustCompleteFunc(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}
