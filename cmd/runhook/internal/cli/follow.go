package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/runhook/runhook/cmd/runhook/internal/chart"
	"github.com/runhook/runhook/cmd/runhook/internal/safe"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// showFollow draws, or prints, as the files grow.
func (a *app) showFollow(ctx context.Context, path string, s *selection, o showOptions) error {
	if !a.json && !a.OutTerminal {
		return fmt.Errorf("show --follow draws on a terminal, and this is none; --json prints the points")
	}
	c, err := s.resolve(time.Now())
	if err != nil {
		return err
	}
	config := eventlog.FollowConfig{Filter: c.config.Filter, Interval: o.interval}
	if o.axes != nil {
		config.Filter = o.axes.filter(c.config.Filter)
	}
	if a.json && o.axes != nil {
		return fmt.Errorf("--x %q with --follow draws; with --json the points are printed as they come", o.x)
	}
	if a.json {
		return a.followJSON(ctx, path, config)
	}
	f := &followed{chosen: c.config.Filter, purge: c.config.Purge, index: make(map[[2]string]int), changed: true}
	var reading sync.WaitGroup
	reading.Go(func() {
		for e, err := range eventlog.Follow(ctx, path, config) {
			f.take(e, err)
		}
	})
	defer reading.Wait()
	tick := time.NewTicker(o.interval)
	defer tick.Stop()
	for {
		if err := a.drawFollowed(f, path, o); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

type pointJSON struct {
	Run      string `json:"run"`
	Tag      string `json:"tag"`
	Step     int64  `json:"step"`
	WallTime number `json:"wall_time"`
	Value    number `json:"value"`
}

// followJSON prints the points that come.
func (a *app) followJSON(ctx context.Context, path string, config eventlog.FollowConfig) error {
	status := told(statusDone)
	for e, err := range eventlog.Follow(ctx, path, config) {
		if err != nil {
			status = max(status, a.tell(err))
			continue
		}
		err := eachScalar(e, func(v *eventlog.Value, x float64) error {
			return writeLine(a.Out, pointJSON{e.Run, v.Tag, e.Step, number(e.WallTime), number(x)})
		})
		status = max(status, a.tell(err))
	}
	return status.ended()
}

// eachScalar calls do for the scalars of an event.
func eachScalar(e *eventlog.Event, do func(v *eventlog.Value, x float64) error) error {
	for v, err := range e.Values() {
		if err != nil {
			return err
		}
		if v.Kind != eventlog.KindScalar {
			continue
		}
		x, err := v.Scalar()
		if err != nil {
			return &eventlog.RecordError{File: e.File, Offset: e.Offset, Err: err}
		}
		if err := do(&v, x); err != nil {
			return err
		}
	}
	return nil
}

// followed is the curves of files that grow. It is safe for concurrent use.
type followed struct {
	chosen eventlog.Filter
	purge  bool

	mu      sync.Mutex // guards what follows
	curves  []eventlog.Curve
	index   map[[2]string]int // by run and tag
	faults  []string          // the last few
	changed bool
}

// maxFaults is how many faults are shown below the charts.
const maxFaults = 5

// take adds what Follow gives.
func (f *followed) take(e *eventlog.Event, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		err = f.add(e)
	}
	if err != nil {
		f.changed = true
		f.faults = append(f.faults, err.Error())
		f.faults = f.faults[max(0, len(f.faults)-maxFaults):]
	}
}

func (f *followed) add(e *eventlog.Event) error {
	if e.What == eventlog.SessionLog && f.purge {
		m, err := e.Proto()
		if err == nil && m.GetSessionLog().GetStatus() == eventpb.SessionLog_START {
			f.restart(e.Run, e.Step)
		}
		return err
	}
	return eachScalar(e, func(v *eventlog.Value, x float64) error {
		key := [2]string{e.Run, v.Tag}
		i, ok := f.index[key]
		if !ok {
			i = len(f.curves)
			f.index[key] = i
			f.curves = append(f.curves, eventlog.Curve{Run: e.Run, Tag: v.Tag, Metadata: v.Metadata})
		}
		c := &f.curves[i]
		c.Steps, c.WallTimes, c.Values = append(c.Steps, e.Step), append(c.WallTimes, e.WallTime), append(c.Values, x)
		f.changed = true
		return nil
	})
}

// restart drops what a session that begins at step has overtaken.
func (f *followed) restart(run string, step int64) {
	for i := range f.curves {
		c := &f.curves[i]
		if c.Run != run {
			continue
		}
		n := 0
		for j, s := range c.Steps {
			if s < step {
				c.Steps[n], c.WallTimes[n], c.Values[n] = s, c.WallTimes[j], c.Values[j]
				n++
			}
		}
		f.changed = f.changed || n < len(c.Steps)
		c.Steps, c.WallTimes, c.Values = c.Steps[:n], c.WallTimes[:n], c.Values[:n]
	}
}

// drawFollowed draws over what was drawn before, if there is something new.
func (a *app) drawFollowed(f *followed, path string, o showOptions) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.changed {
		return nil
	}
	f.changed = false
	curves := make([]eventlog.Curve, 0, len(f.curves))
	for _, c := range f.curves {
		if len(c.Steps) > 0 {
			curves = append(curves, c)
		}
	}
	slices.SortFunc(curves, func(a, b eventlog.Curve) int { return cmp.Compare(a.Run, b.Run) })
	if o.axes != nil {
		curves, _ = o.axes.take(curves, f.chosen)
	}
	var text bytes.Buffer
	if len(curves) == 0 {
		fmt.Fprintf(&text, "%s: waiting for scalars\n", safe.Text(path))
	} else if err := a.draw(&text, curves, a.fit(curves, len(f.faults), o)); err != nil {
		return err
	}
	for _, fault := range f.faults {
		fmt.Fprintf(&text, "runhook: %s\n", safe.Text(fault))
	}
	fmt.Fprintf(&text, "following, Ctrl-C ends\n")
	out := []byte(cursorHome)
	for line := range bytes.Lines(text.Bytes()) {
		out = append(append(append(out, bytes.TrimSuffix(line, []byte("\n"))...), clearRight...), '\n')
	}
	_, err := a.Out.Write(append(out, clearBelow...))
	return err
}

// fit chooses how many charts of which height fill the terminal, with lines of
// text below them: what scrolls away cannot be drawn over.
func (a *app) fit(curves []eventlog.Curve, lines int, o showOptions) showOptions {
	const readable = 8
	height := 0
	if a.Size != nil {
		_, height = a.Size()
	}
	room := cmp.Or(height, 24) - lines - 4 // What draw adds, ours, and the cursor's.
	runs := make(map[string]int)
	most := 0
	for _, c := range curves {
		runs[c.Tag]++
		most = max(most, runs[c.Tag])
	}
	frame := min(most, chart.MaxLegend+1) + 2 // The legend, the title, an empty line.
	charts := len(runs)
	if o.charts > 0 {
		charts = min(charts, o.charts)
	}
	charts = max(1, min(charts, room/(max(o.height, readable)+frame)))
	if o.height == 0 {
		o.height = max(chart.MinHeight, room/charts-frame)
	}
	o.charts = charts
	return o
}
