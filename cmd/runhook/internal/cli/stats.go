package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) statsCommand() *cobra.Command {
	var s selection
	var perStep bool
	cmd := &cobra.Command{
		Use:   "stats [PATH]",
		Short: "Mean, deviation, least and greatest of scalars, within runs and across them",
		Long: `stats computes mean, standard deviation, minimum and maximum of every scalar tag:
within each run over its points, and across the runs that have the tag over
their last values. With --per-step it computes them across the runs at every
step that occurs, which makes one mean curve of several seeds.

The deviation is that of a sample (n-1); of one value there is none. NaN and
infinities are left out and counted. A step that occurs twice in a run counts
with its later value across runs. What a restart has overtaken is left out
(--purge=false keeps it).`,
		Example: `  runhook stats runs --tag '*loss'
  runhook stats runs --run 'seed*' --tag accuracy --per-step
  runhook stats runs --run 'seed*' --per-step --json > mean.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.stats(cmd.Context(), pathArg(args), &s, perStep)
		},
	}
	s.names(a, cmd)
	s.events(cmd)
	s.purgeFlag(cmd, true)
	cmd.Flags().BoolVar(&perStep, "per-step", false, "across the runs at each step")
	return cmd
}

// moments are what is known of numbers that were seen one after the other, by
// Welford's method.
type moments struct {
	n          int // finite ones
	odd        int // NaN and infinities
	mean, m2   float64
	least, top float64
}

func (m *moments) add(x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		m.odd++
		return
	}
	if m.n == 0 {
		m.least, m.top = x, x
	}
	m.n++
	d := x - m.mean
	m.mean += d / float64(m.n)
	m.m2 += d * (x - m.mean)
	m.least, m.top = min(m.least, x), max(m.top, x)
}

// std is the deviation of a sample, NaN if there is none.
func (m *moments) std() float64 {
	if m.n < 2 {
		return math.NaN()
	}
	return math.Sqrt(m.m2 / float64(m.n-1))
}

// A statsRow is one line of the answer, or one object.
type statsRow struct {
	Run       string  `json:"run,omitempty"`  // within a run
	Runs      int     `json:"runs,omitempty"` // across runs: how many have the tag, or the step
	Tag       string  `json:"tag"`
	Step      *int64  `json:"step,omitempty"`
	Points    int     `json:"points"` // finite ones
	NotFinite int     `json:"not_finite"`
	Mean      *number `json:"mean"`
	Std       *number `json:"std"`
	Min       *number `json:"min"`
	Max       *number `json:"max"`
	Last      *number `json:"last,omitempty"` // within a run
}

func newStatsRow(m *moments) statsRow {
	row := statsRow{Points: m.n, NotFinite: m.odd}
	if m.n > 0 {
		mean, least, top := number(m.mean), number(m.least), number(m.top)
		row.Mean, row.Min, row.Max = &mean, &least, &top
	}
	if m.n > 1 {
		std := number(m.std())
		row.Std = &std
	}
	return row
}

func (a *app) stats(ctx context.Context, path string, s *selection, perStep bool) error {
	l, err := a.open(path, s)
	if err != nil {
		return err
	}
	curves, status, err := a.scalars(ctx, l)
	if err != nil {
		return err
	}
	if len(curves) == 0 {
		return errors.Join(fmt.Errorf("%s: no scalars that match", path), status.ended())
	}
	slices.SortStableFunc(curves, func(a, b eventlog.Curve) int { return cmp.Compare(a.Tag, b.Tag) })
	var rows []statsRow
	for len(curves) > 0 {
		n := 1
		for n < len(curves) && curves[n].Tag == curves[0].Tag {
			n++
		}
		if perStep {
			rows = append(rows, statsPerStep(curves[:n])...)
		} else {
			rows = append(rows, statsWithin(curves[:n])...)
		}
		curves = curves[n:]
	}
	if a.json {
		err = writeJSON(a.Out, rows)
	} else {
		err = statsTable(rows, perStep).write(a.Out)
	}
	return cmp.Or(err, status.ended())
}

// statsWithin has a row for each run with the tag, and one across them if there
// are several.
func statsWithin(curves []eventlog.Curve) []statsRow {
	var rows []statsRow
	var across moments
	for _, c := range curves {
		var m moments
		for _, y := range c.Values {
			m.add(y)
		}
		row := newStatsRow(&m)
		last := c.Values[len(c.Values)-1]
		row.Run, row.Tag, row.Last = c.Run, c.Tag, (*number)(&last)
		rows = append(rows, row)
		across.add(last)
	}
	if len(curves) > 1 {
		row := newStatsRow(&across)
		row.Runs, row.Tag = len(curves), curves[0].Tag
		rows = append(rows, row)
	}
	return rows
}

// statsPerStep has a row for each step of a tag.
func statsPerStep(curves []eventlog.Curve) []statsRow {
	steps := make(map[int64]*moments)
	for _, c := range curves {
		latest := make(map[int64]float64, len(c.Steps))
		for i, step := range c.Steps {
			latest[step] = c.Values[i]
		}
		for step, y := range latest {
			m := steps[step]
			if m == nil {
				m = new(moments)
				steps[step] = m
			}
			m.add(y)
		}
	}
	rows := make([]statsRow, 0, len(steps))
	for step, m := range steps {
		row := newStatsRow(m)
		row.Runs, row.Tag, row.Step = m.n+m.odd, curves[0].Tag, &step
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b statsRow) int { return cmp.Compare(*a.Step, *b.Step) })
	return rows
}

func statsTable(rows []statsRow, perStep bool) *table {
	cell := func(x *number) string {
		if x == nil {
			return "-"
		}
		return figure(float64(*x))
	}
	if perStep {
		t := newTable("TAG", ">STEP", ">RUNS", ">NOT FINITE", ">MEAN", ">STD", ">MIN", ">MAX")
		for _, r := range rows {
			t.add(r.Tag, grouped(*r.Step), grouped(int64(r.Runs)), grouped(int64(r.NotFinite)), cell(r.Mean), cell(r.Std), cell(r.Min), cell(r.Max))
		}
		return t
	}
	t := newTable("TAG", "RUN", ">POINTS", ">NOT FINITE", ">MEAN", ">STD", ">MIN", ">MAX", ">LAST")
	for _, r := range rows {
		run := r.Run
		if r.Runs > 0 {
			run = "(last of " + count(r.Runs, "run") + ")"
		}
		t.add(r.Tag, run, grouped(int64(r.Points)), grouped(int64(r.NotFinite)), cell(r.Mean), cell(r.Std), cell(r.Min), cell(r.Max), cell(r.Last))
	}
	return t
}
