package eventlog

import (
	"context"
	"errors"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventpb"
)

// A RepairConfig is how Repair goes about it. The zero value is right.
type RepairConfig struct {
	Name string // of the source, for errors

	// OnFault is told of everything that is left out, in the order of the source.
	// An error ends the repair, which returns it. Default: nobody is told.
	OnFault func(*RecordError) error

	// KeepMalformed copies records that are whole and yet no events, too. The
	// Python server stops for good at such a record. Default: they are left out.
	KeepMalformed bool
}

// Repaired is what Repair did. Bytes and Skipped add up to the size of the source.
type Repaired struct {
	Records   int64 // that were copied
	Bytes     int64 // that they take
	Damages   int64 // places where the source is damaged
	Malformed int64 // records that were left out because they are no events
	Skipped   int64 // bytes that were left out
}

// Repair copies every intact record of a damaged event file to dst, byte for byte
// and in order: those before, between and behind the damage, but for the record
// that it hit. The copy ends well. Of an undamaged file it is the file.
//
// The error is that of reading, of writing, of ctx or of config.OnFault; damage is
// none. The source must not be growing.
func Repair(ctx context.Context, dst io.Writer, src io.Reader, config RepairConfig) (Repaired, error) {
	var done Repaired
	var buf []byte
	flush := func() error {
		n, err := dst.Write(buf)
		if err == nil && n < len(buf) {
			err = io.ErrShortWrite
		}
		buf = buf[:0]
		return err
	}
	tell := func(fault *RecordError) error {
		done.Skipped += fault.Skipped
		if config.OnFault == nil {
			return nil
		}
		return config.OnFault(fault)
	}
	var event eventpb.Event
	r := NewReader(until(ctx, src), ReaderConfig{Name: config.Name, Salvage: true})
	for record, err := range r.Records() {
		var fault *RecordError
		switch {
		case err == nil && !config.KeepMalformed && proto.Unmarshal(record.Payload, &event) != nil:
			done.Malformed++
			fault = &RecordError{
				File: config.Name, Offset: record.Offset, Err: malformed("no Event"),
				Skipped: int64(len(record.Payload) + tfrecord.Overhead),
			}
		case err != nil && (errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTruncated)):
			done.Damages++
			fault = err.(*RecordError)
		case err != nil:
			return done, err
		}
		if fault != nil {
			if err := tell(fault); err != nil {
				return done, err
			}
			continue
		}
		size := len(buf)
		buf = tfrecord.Append(buf, record.Payload)
		done.Records++
		done.Bytes += int64(len(buf) - size)
		if len(buf) >= repairBuffer {
			if err := flush(); err != nil {
				return done, err
			}
		}
	}
	return done, flush()
}

// repairBuffer is how much Repair gathers before it writes.
const repairBuffer = 256 << 10
