package cli

import (
	"context"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/runhook/runhook/summary/eventlog"
)

// A meter shows how far a long work is, if there is a terminal to show it on and
// the work is long. It may be used by any number of goroutines; nil does nothing.
type meter struct {
	after time.Time // when to show it
	bar   *progressbar.ProgressBar

	mu      sync.Mutex
	pending int // before there is a bar
}

// meter returns one for total bytes, nil where it would be in the way. toStdout
// tells that the work writes to standard output meanwhile.
func (a *app) meter(what string, total int64, toStdout bool) *meter {
	if a.quiet || !a.ErrTerminal || toStdout && a.OutTerminal {
		return nil
	}
	return &meter{after: time.Now().Add(a.Patience), bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(a.Err),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
	)}
}

// add counts bytes.
func (m *meter) add(n int) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending += n
	if time.Now().Before(m.after) {
		return
	}
	// What a bar of a growing file cannot count is no fault of the work.
	_ = m.bar.Add(m.pending)
	m.pending = 0
}

// done removes the bar.
func (m *meter) done() {
	if m != nil {
		_ = m.bar.Clear()
	}
}

// A log is a log directory, or an event file, of which something was chosen.
type log struct {
	path string
	*chosen
	runs []eventlog.Run
	size int64 // bytes of the files

	// unlisted is why some directories could not be listed. Package eventlog lists
	// them again and tells by itself.
	unlisted error
}

// open finds the runs that the selection admits. It is an error if there are no
// event files at all.
func (a *app) open(path string, s *selection) (*log, error) {
	c, err := s.resolve(time.Now())
	if err != nil {
		return nil, err
	}
	runs, err := eventlog.Runs(path)
	if runs == nil {
		if err == nil {
			err = errNothing("%s: no event files here or below", path)
		}
		return nil, err
	}
	l := &log{path: path, chosen: c, unlisted: err}
	for _, run := range runs {
		if c.run != nil && !c.run(run.Name) {
			continue
		}
		l.runs = append(l.runs, run)
		l.size += bytesOf(run.Files)
	}
	return l, nil
}

// measured shows how far the reading of l is, as long as work lasts.
func (a *app) measured(l *log, what string, toStdout bool, work func() error) error {
	total := l.size
	if l.config.Purge {
		total *= 2
	}
	m := a.meter(what, total, toStdout)
	l.config.Progress = m.add
	defer m.done()
	return work()
}

// scalars reads the chosen curves. What could not be read is told; the status
// says so.
func (a *app) scalars(ctx context.Context, l *log) ([]eventlog.Curve, told, error) {
	var curves []eventlog.Curve
	err := a.measured(l, "reading", false, func() (err error) {
		curves, err = eventlog.Scalars(ctx, l.path, l.config)
		return err
	})
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	return curves, a.tell(err), nil
}
