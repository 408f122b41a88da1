package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/runhook/runhook/summary/eventlog"
)

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
			err = fmt.Errorf("%s: no event files here or below", path)
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
	defer m.clear()
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
