package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) lsCommand() *cobra.Command {
	var s selection
	var runsOnly bool
	cmd := &cobra.Command{
		Use:   "ls [PATH]",
		Short: "List runs and tags: kinds, points, steps",
		Long: `ls lists the series below PATH: run, tag, kind, number of points, first and last
step, and when the last point was written. No value is decoded, so it is as fast
as the files can be read. A tag with values of several kinds is several series.`,
		Example: `  runhook ls runs
  runhook ls runs --runs
  runhook ls runs --tag '*loss' --kind scalar
  runhook ls runs --json | jq -r '.[] | select(.points < 100) | .run' | sort -u`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.ls(cmd.Context(), pathArg(args), &s, runsOnly)
		},
	}
	s.names(a, cmd)
	s.kindsFlag(cmd)
	s.events(cmd)
	s.purgeFlag(cmd, false)
	cmd.Flags().BoolVar(&runsOnly, "runs", false, "one line a run, with its files and their size")
	return cmd
}

type seriesJSON struct {
	Run         string  `json:"run"`
	Tag         string  `json:"tag"`
	Kind        string  `json:"kind"`
	Plugin      string  `json:"plugin,omitempty"`
	DisplayName string  `json:"display_name,omitempty"`
	Description string  `json:"description,omitempty"`
	Points      int     `json:"points"`
	FirstStep   int64   `json:"first_step"`
	LastStep    int64   `json:"last_step"`
	LastTime    *number `json:"last_wall_time"`
}

type runJSON struct {
	Run      string   `json:"run"`
	Files    []string `json:"files"`
	Bytes    int64    `json:"bytes"`
	Tags     int      `json:"tags"`
	Points   int      `json:"points"`
	LastStep *int64   `json:"last_step"`
	LastTime *number  `json:"last_wall_time"`
}

func (a *app) ls(ctx context.Context, path string, s *selection, runsOnly bool) error {
	l, err := a.open(path, s)
	if err != nil {
		return err
	}
	var series []eventlog.Series
	err = a.measured(l, "reading", false, func() (err error) {
		series, err = eventlog.Tags(ctx, path, l.config)
		return err
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	status := a.tell(err)
	if l.kind != nil {
		series = slices.DeleteFunc(series, func(s eventlog.Series) bool { return !l.kind(s.Kind) })
	}
	if runsOnly {
		err = a.lsRuns(l, series)
	} else {
		err = a.lsSeries(series)
	}
	return cmp.Or(err, status.ended())
}

func (a *app) lsSeries(series []eventlog.Series) error {
	if a.json {
		out := make([]seriesJSON, len(series))
		for i, s := range series {
			m := s.Metadata
			out[i] = seriesJSON{
				Run: s.Run, Tag: s.Tag, Kind: s.Kind.String(), Plugin: m.Plugin, DisplayName: m.DisplayName, Description: m.Description,
				Points: s.Count, FirstStep: s.FirstStep, LastStep: s.LastStep, LastTime: (*number)(&s.LastTime),
			}
		}
		return writeJSON(a.Out, out)
	}
	t := newTable("RUN", "TAG", "KIND", ">POINTS", ">FIRST", ">LAST", "WRITTEN")
	for _, s := range series {
		t.add(s.Run, s.Tag, s.Kind.String(), grouped(int64(s.Count)), grouped(s.FirstStep), grouped(s.LastStep), clock(s.LastTime))
	}
	return t.write(a.Out)
}

func (a *app) lsRuns(l *log, series []eventlog.Series) error {
	out := make([]runJSON, len(l.runs))
	at := make(map[string]*runJSON)
	for i, run := range l.runs {
		out[i] = runJSON{Run: run.Name, Files: run.Files, Bytes: bytesOf(run.Files)}
		at[run.Name] = &out[i]
	}
	for _, s := range series {
		r := at[s.Run]
		if r == nil {
			continue // It came after the listing.
		}
		r.Tags++
		r.Points += s.Count
		if r.LastStep == nil || s.LastStep > *r.LastStep {
			r.LastStep = &s.LastStep
		}
		if r.LastTime == nil || s.LastTime > float64(*r.LastTime) {
			r.LastTime = (*number)(&s.LastTime)
		}
	}
	if a.json {
		return writeJSON(a.Out, out)
	}
	t := newTable("RUN", ">FILES", ">SIZE", ">TAGS", ">POINTS", ">LAST", "WRITTEN")
	for _, r := range out {
		last, written := "", ""
		if r.LastStep != nil {
			last, written = grouped(*r.LastStep), clock(float64(*r.LastTime))
		}
		t.add(r.Run, grouped(int64(len(r.Files))), size(r.Bytes), grouped(int64(r.Tags)), grouped(int64(r.Points)), last, written)
	}
	return t.write(a.Out)
}
