package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) renameCommand() *cobra.Command {
	var out string
	var tags, runs, in []string
	cmd := &cobra.Command{
		Use:   "rename PATH -o OUT",
		Short: "Give tags and runs other names",
		Long: `rename gives tags and runs other names. OLD is a name, or re: and a regular
expression, of which NEW may use the groups as $1; \= is an equals sign in OLD.

A name that is taken already is an error. Tags that TensorBoard looks for by their
name (hparams, custom scalars, the graph) cannot be renamed, and regular
expressions pass over them. Layouts and hparams name tags inside; these are not
changed, nor is the name of a mesh.`,
		Example: `  runhook edit rename runs -o out --tag loss=train/loss
  runhook edit rename runs -o out --tag 're:^old/(.*)=new/$1' --in 'seed*'
  runhook edit rename runs -o out --run exp7=baseline`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.editRename(cmd.Context(), args[0], out, tags, runs, in)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&tags, "tag", "t", nil, "rename a tag: `OLD=NEW`, may be given several times; the first that fits counts")
	f.StringArrayVarP(&runs, "run", "r", nil, "rename a run: `OLD=NEW`, may be given several times")
	f.StringArrayVar(&in, "in", nil, "rename tags in these runs only: a `PATTERN`")
	outFlag(cmd, &out)
	cmd.MarkFlagsOneRequired("tag", "run")
	return cmd
}

func (a *app) editRename(ctx context.Context, path, out string, tagPairs, runPairs, in []string) error {
	tag, tagErr := renamer("--tag", tagPairs)
	run, runErr := renamer("--run", runPairs)
	within, inErr := matcher(in)
	if err := errors.Join(tagErr, runErr, inErr); err != nil {
		return err
	}
	ed, err := a.beginEdit(path, out, &selection{})
	if err != nil {
		return err
	}
	defer ed.dir.discard()
	series, err := a.series(ctx, ed.log)
	if err != nil {
		return err
	}
	names, err := renames(ed.runs, series, func(name rewrite.Name) rewrite.Name {
		to := rewrite.Name{Run: run(name.Run), Tag: name.Tag}
		if within == nil || within(name.Run) {
			to.Tag = tag(name.Tag)
		}
		return to
	})
	if err != nil {
		return err
	}
	return a.finishEdit(ed, func(progress func(int)) (rewrite.Counts, error) {
		return rewrite.Edit{
			Progress: progress,
			Rename:   run,
			Value: func(_ *eventlog.Event, name rewrite.Name) (rewrite.Name, bool) {
				return names[name], true
			},
		}.Apply(ctx, ed.runs, ed.dir.path)
	})
}

// renamer returns what pairs of OLD=NEW make of a name. Expressions do not fit
// fixedTags.
func renamer(flag string, pairs []string) (func(string) string, error) {
	var rules []func(string) (string, bool)
	for _, text := range pairs {
		from, to, ok := cutPair(text)
		if !ok {
			return nil, fmt.Errorf("%s %q, want OLD=NEW", flag, text)
		}
		if !strings.HasPrefix(from, "re:") {
			rules = append(rules, func(name string) (string, bool) { return to, name == from })
			continue
		}
		p, err := parsePattern(from)
		if err != nil {
			return nil, err
		}
		rules = append(rules, func(name string) (string, bool) {
			return p.regexp.ReplaceAllString(name, to), p.regexp.MatchString(name) && !slices.Contains(fixedTags, name)
		})
	}
	return func(name string) string {
		for _, rule := range rules {
			if to, ok := rule(name); ok {
				return to
			}
		}
		return name
	}, nil
}

// fixedTags are those that TensorBoard looks for by name.
var fixedTags = []string{"_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info", "custom_scalars__config__", "__run_graph__"}

// renames returns the new name of every series, or all reasons why some cannot
// have it.
func renames(runs []eventlog.Run, series []eventlog.Series, rename func(rewrite.Name) rewrite.Name) (map[rewrite.Name]rewrite.Name, error) {
	var errs []error
	taken := make(map[string]string)
	changed := false
	for _, r := range runs {
		to := rename(rewrite.Name{Run: r.Name}).Run
		if err := checkRun(to); err != nil {
			errs = append(errs, err)
		}
		if other, ok := taken[to]; ok {
			errs = append(errs, fmt.Errorf("runs %q and %q would both be %q; merge makes one run of several", other, r.Name, to))
		}
		taken[to] = r.Name
		changed = changed || to != r.Name
	}
	names := make(map[rewrite.Name]rewrite.Name)
	for _, s := range series {
		name := rewrite.Name{Run: s.Run, Tag: s.Tag}
		names[name] = rename(name)
	}
	owner := make(map[rewrite.Name]rewrite.Name)
	for _, name := range slices.SortedFunc(maps.Keys(names), func(a, b rewrite.Name) int {
		return strings.Compare(a.Run+"\x00"+a.Tag, b.Run+"\x00"+b.Tag)
	}) {
		to := names[name]
		if to.Tag != name.Tag {
			changed = true
			for _, tag := range []string{name.Tag, to.Tag} {
				if slices.Contains(fixedTags, tag) {
					errs = append(errs, fmt.Errorf("tag %q to %q: TensorBoard looks for %q by its name", name.Tag, to.Tag, tag))
				}
			}
		}
		if other, ok := owner[to]; ok {
			errs = append(errs, fmt.Errorf("run %q: tags %q and %q would both be %q", name.Run, other.Tag, name.Tag, to.Tag))
		}
		owner[to] = name
	}
	if !changed && len(errs) == 0 {
		errs = append(errs, errors.New("nothing to rename: no tag and no run is called so"))
	}
	return names, errors.Join(errs...)
}
