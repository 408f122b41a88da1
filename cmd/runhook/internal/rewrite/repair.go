package rewrite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// Repaired is what became of one file.
type Repaired struct {
	Records int   // intact ones, which are all kept
	Bytes   int64 // of these
	Skipped int64 // bytes passed over
	// Faults are what was left out: damage with the bytes passed over, and records
	// that are whole but no events, which end the Python server.
	Faults []*eventlog.RecordError
	// Version tells that the file had lost its version event to damage and has
	// got a new one: without it two of the readers drop points out of order.
	Version bool
}

// Repair writes the intact records of an event file to the new file out, byte by
// byte as they are, in their order. If out is empty it only tells.
func Repair(ctx context.Context, in, out string, progress func(int)) (r Repaired, err error) {
	src, err := os.Open(in)
	if err != nil {
		return r, err
	}
	defer src.Close()
	keep := func([]byte) error { return nil }
	if out != "" {
		f, err := create(out)
		if err != nil {
			return r, err
		}
		keep = f.add
		defer func() { err = errors.Join(err, f.close()) }()
	}
	var d eventlog.Decoder
	var e eventlog.Event
	reader := eventlog.NewReader(Counted(ctx, src, progress), eventlog.ReaderConfig{Name: in, Salvage: true})
	for record, err := range reader.Records() {
		var fault *eventlog.RecordError
		if err == nil {
			err = check(&d, record.Payload, &e)
			if err != nil {
				fault = &eventlog.RecordError{File: in, Offset: record.Offset, Err: err}
				r.Skipped += int64(len(record.Payload))
			}
		} else if !errors.As(err, &fault) || !errors.Is(err, eventlog.ErrCorrupt) && !errors.Is(err, eventlog.ErrTruncated) {
			return r, err
		} else {
			r.Skipped += fault.Skipped
		}
		if fault != nil {
			r.Faults = append(r.Faults, fault)
			continue
		}
		if r.Records == 0 && len(r.Faults) > 0 && e.What != eventlog.FileVersion {
			r.Version = true
			if err := keep(version(e.WallTime)); err != nil {
				return r, err
			}
		}
		r.Records++
		r.Bytes += int64(len(record.Payload))
		if err := keep(record.Payload); err != nil {
			return r, err
		}
	}
	return r, nil
}

// check returns why a payload is no event to one of the readers.
func check(d *eventlog.Decoder, payload []byte, e *eventlog.Event) error {
	if err := d.Decode(payload, e); err != nil {
		return cause(err)
	}
	if err := proto.Unmarshal(payload, new(eventpb.Event)); err != nil {
		return fmt.Errorf("%w: %w", eventlog.ErrMalformed, err)
	}
	return nil
}

// cause takes the place off an error, which is not known where it comes from.
func cause(err error) error {
	if r := (*eventlog.RecordError)(nil); errors.As(err, &r) {
		return r.Err
	}
	return err
}

// version is the event that every file begins with.
func version(wallTime float64) []byte {
	payload, err := proto.Marshal(&eventpb.Event{
		WallTime: wallTime,
		What:     &eventpb.Event_FileVersion{FileVersion: "brain.Event:2"},
	})
	if err != nil {
		panic(err) // The string is UTF-8.
	}
	return payload
}
