package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/cmd/runhook/internal/chart"
	"github.com/runhook/runhook/cmd/runhook/internal/safe"
	"github.com/runhook/runhook/summary/eventlog"
)

func (a *app) showCommand() *cobra.Command {
	var s selection
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show [PATH]",
		Short: "Draw curves in the terminal",
		Long: `show draws the scalars below PATH: a chart for each tag, in it a curve for each
run. With --smooth the curve is smoothed as TensorBoard does it, and the raw one
is drawn faint behind. NaN and infinities break the line and are counted. With
--x TAG it is drawn over another scalar of its run, such as the epoch, whose
values are taken as on straight lines between its points; points before its first,
behind its last, and at one that is not finite are left out and counted. The
scalar itself has a chart only if --tag chooses it.

What a restart has overtaken is left out (--purge=false keeps it). With --follow
the charts are drawn again as the files grow, until Ctrl-C.

With --json the points are printed instead: an array of curves, or with --follow
one point a line.`,
		Example: `  runhook show runs
  runhook show runs --tag '*loss' --smooth 0.6 --log
  runhook show runs --tag loss --run 'seed*' --x relative --height 30
  runhook show runs --tag '*loss' --x epoch
  runhook show runs --tag accuracy --follow`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.show(cmd.Context(), pathArg(args), &s, o)
		},
	}
	s.names(a, cmd)
	s.events(cmd)
	s.purgeFlag(cmd, true)
	f := cmd.Flags()
	f.Float64Var(&o.smooth, "smooth", 0, "smooth by this `WEIGHT`, 0 to 1; TensorBoard's slider begins at 0.6")
	f.StringVarP(&o.x, "x", "x", "step", "the horizontal axis: step, relative (hours since the run's first point), time, or the `TAG` of a scalar")
	f.BoolVar(&o.log, "log", false, "logarithmic vertical axis")
	f.StringVarP(&o.y, "y", "y", "", "lowest and highest value of the vertical axis, as `LOW:HIGH`")
	f.IntVar(&o.width, "width", 0, "width in characters (default: the terminal's, or 80)")
	f.IntVar(&o.height, "height", 0, "height of a chart in lines (default: so that two or three fit)")
	f.IntVarP(&o.charts, "max", "n", 12, "at most so many charts; 0: all")
	f.StringVar(&o.color, "color", "auto", "colours: auto, always or never")
	f.BoolVarP(&o.follow, "follow", "f", false, "draw again as the files grow, until Ctrl-C")
	f.DurationVar(&o.interval, "interval", time.Second, "pause between two looks with --follow")
	a.completeAxis(cmd, "step", "relative", "time")
	mustComplete(cmd, "color", []string{"auto", "always", "never"})
	return cmd
}

type showOptions struct {
	smooth        float64
	x, y, color   string
	log, follow   bool
	width, height int
	charts        int
	interval      time.Duration

	low, high float64 // y, understood
	axes      *axes   // x, if it is a tag; else nil
}

func (o *showOptions) resolve() error {
	var errs []error
	if !(o.smooth >= 0 && o.smooth <= 1) {
		errs = append(errs, fmt.Errorf("--smooth %v, want 0 to 1", o.smooth))
	}
	if o.x == "" {
		errs = append(errs, errors.New(`--x "", want step, relative, time or the tag of a scalar`))
	}
	if !slices.Contains([]string{"step", "relative", "time"}, o.x) {
		o.axes = &axes{tag: o.x}
	}
	if !slices.Contains([]string{"auto", "always", "never"}, o.color) {
		errs = append(errs, fmt.Errorf("--color %q, want auto, always or never", o.color))
	}
	if o.width < 0 || o.height < 0 || o.charts < 0 {
		errs = append(errs, fmt.Errorf("--width %d, --height %d, --max %d, want none below 0", o.width, o.height, o.charts))
	}
	if o.interval <= 0 {
		errs = append(errs, fmt.Errorf("--interval %v, want more than 0", o.interval))
	}
	if o.y != "" {
		low, high, _ := strings.Cut(o.y, ":")
		var lowErr, highErr error
		o.low, lowErr = strconv.ParseFloat(low, 64)
		o.high, highErr = strconv.ParseFloat(high, 64)
		if lowErr != nil || highErr != nil || !(o.low < o.high) || math.IsInf(o.high-o.low, 0) || o.log && o.low <= 0 {
			errs = append(errs, fmt.Errorf("--y %q, want LOW:HIGH, two numbers that rise, with --log above 0", o.y))
		}
	}
	return errors.Join(errs...)
}

func (a *app) show(ctx context.Context, path string, s *selection, o showOptions) error {
	if err := o.resolve(); err != nil {
		return err
	}
	if o.follow {
		return a.showFollow(ctx, path, s, o)
	}
	l, err := a.open(path, s)
	if err != nil {
		return err
	}
	chosen := l.config.Filter
	if o.axes != nil {
		l.config.Filter = o.axes.filter(chosen)
	}
	curves, status, err := a.scalars(ctx, l)
	if err != nil {
		return err
	}
	if o.axes != nil {
		var without []string
		curves, without = o.axes.take(curves, chosen)
		if err := o.axes.missing(); err != nil {
			return errors.Join(err, status.ended())
		}
		for _, run := range without {
			a.remark("run %q has no %q and is left out", run, o.x)
		}
	}
	if len(curves) == 0 {
		return errors.Join(fmt.Errorf("%s: no scalars that match", path), status.ended())
	}
	if a.json {
		err = a.showJSON(curves, o)
	} else {
		err = a.draw(a.Out, curves, o)
	}
	return cmp.Or(err, status.ended())
}

type curveJSON struct {
	Run       string   `json:"run"`
	Tag       string   `json:"tag"`
	Steps     []int64  `json:"steps"`
	WallTimes []number `json:"wall_times"`
	Values    []number `json:"values"`
	X         []number `json:"x,omitempty"`
	Smoothed  []number `json:"smoothed,omitempty"`
}

func (a *app) showJSON(curves []eventlog.Curve, o showOptions) error {
	out := make([]curveJSON, len(curves))
	for i, c := range curves {
		var places []float64
		if o.axes != nil {
			c, places = o.axes.place(c)
		}
		out[i] = curveJSON{Run: c.Run, Tag: c.Tag, Steps: c.Steps, WallTimes: numbers(c.WallTimes), Values: numbers(c.Values), X: numbers(places)}
		if o.smooth > 0 {
			out[i].Smoothed = numbers(chart.Smooth(c.Values, o.smooth))
		}
	}
	return writeJSON(a.Out, out)
}

// draw writes a chart for each tag.
func (a *app) draw(w io.Writer, curves []eventlog.Curve, o showOptions) error {
	tags := make(map[string][]eventlog.Curve)
	for _, c := range curves {
		tags[c.Tag] = append(tags[c.Tag], c)
	}
	names := slices.Sorted(maps.Keys(tags))
	left := 0
	if o.charts > 0 && len(names) > o.charts {
		left = len(names) - o.charts
		names = names[:o.charts]
	}
	options := a.chartOptions(len(names), o)
	if o.x == "time" {
		options.XLabel = clockLabel(curves)
	}
	for i, name := range names {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		options.Title = name
		lines := make([]chart.Line, len(tags[name]))
		for i, c := range tags[name] {
			lines[i] = line(c, o)
		}
		if err := chart.Draw(w, lines, options); err != nil {
			return err
		}
	}
	if left > 0 {
		_, err := fmt.Fprintf(w, "\n%s more; choose with --tag, or --max 0 for all\n", count(left, "tag"))
		return err
	}
	return nil
}

// chartOptions fits n charts to the terminal.
func (a *app) chartOptions(n int, o showOptions) chart.Options {
	width, height := 0, 0
	if a.OutTerminal && a.Size != nil {
		width, height = a.Size()
	}
	width, height = cmp.Or(width, 80), cmp.Or(height, 24)
	out := chart.Options{
		Width: cmp.Or(o.width, width), Height: o.height,
		Color: o.color == "always" || o.color == "auto" && a.OutTerminal && !a.NoColor,
		Log:   o.log, Y: [2]float64{o.low, o.high}, XTitle: safe.Text(o.x),
	}
	if out.Height == 0 {
		out.Height = min(max(height/min(n, 2)-5, 12), 40)
	}
	if o.x == "relative" {
		out.XTitle = "hours"
	}
	return out
}

// clockLabel writes wall times as short as can be, by how far they are apart.
func clockLabel(curves []eventlog.Curve) func(float64) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for _, t := range c.WallTimes {
			low, high = min(low, t), max(high, t)
		}
	}
	layout := "15:04:05"
	switch {
	case high-low > 30*24*3600:
		layout = time.DateOnly
	case high-low > 12*3600:
		layout = "01-02 15:04"
	}
	return func(t float64) string { return timeOf(t).Format(layout) }
}

// line makes the curve that is drawn.
func line(c eventlog.Curve, o showOptions) chart.Line {
	l := chart.Line{Name: c.Run, X: make([]float64, len(c.Steps)), Y: c.Values, Note: note(c)}
	if o.axes != nil {
		placed, places := o.axes.place(c)
		l.X, l.Y = places, placed.Values
		if left := len(c.Steps) - len(places); left > 0 {
			l.Note += fmt.Sprintf(", %s without %s", grouped(int64(left)), o.x)
		}
	}
	for i := range l.X {
		switch o.x {
		case "step":
			l.X[i] = float64(c.Steps[i])
		case "time":
			l.X[i] = c.WallTimes[i]
		case "relative":
			l.X[i] = (c.WallTimes[i] - c.WallTimes[0]) / 3600
		}
	}
	if o.smooth > 0 && len(l.Y) > 0 {
		l.Behind, l.Y = l.Y, chart.Smooth(l.Y, o.smooth)
		l.Note += ", smoothed " + figure(l.Y[len(l.Y)-1])
	}
	return l
}

// note says of a curve what cannot be seen from it.
func note(c eventlog.Curve) string {
	last := len(c.Values) - 1
	text := fmt.Sprintf("%s at step %d", figure(c.Values[last]), c.Steps[last])
	odd := 0
	for _, y := range c.Values {
		if math.IsNaN(y) || math.IsInf(y, 0) {
			odd++
		}
	}
	if odd > 0 {
		text += fmt.Sprintf(", %s not finite", grouped(int64(odd)))
	}
	return text
}
