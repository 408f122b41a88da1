package rewrite

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/runhook/runhook/summary/eventlog"
)

// Repaired is what became of one file.
type Repaired struct {
	eventlog.Repaired
	Faults []*eventlog.RecordError // what was left out
}

// Repair writes the intact records of an event file to the new file out, by
// [eventlog.Repair]. If out is empty it only tells.
func Repair(ctx context.Context, in, out string, progress func(int)) (r Repaired, err error) {
	src, err := os.Open(in)
	if err != nil {
		return r, err
	}
	defer src.Close()
	var dst io.Writer = io.Discard
	if out != "" {
		f, err := create(out)
		if err != nil {
			return r, err
		}
		dst = f.w
		defer func() { err = errors.Join(err, f.close()) }()
	}
	r.Repaired, err = eventlog.Repair(ctx, dst, Counted(ctx, src, progress), eventlog.RepairConfig{
		Name:    in,
		OnFault: func(fault *eventlog.RecordError) error { r.Faults = append(r.Faults, fault); return nil },
	})
	return r, err
}
