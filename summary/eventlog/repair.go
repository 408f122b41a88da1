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
}

// Repaired is what Repair did. Bytes and Skipped add up to the size of the source.
type Repaired struct {
	Records   int64 // that were copied
	Bytes     int64 // that they take
	Damages   int64 // places where the source is damaged
	Malformed int64 // records that were left out though they are whole: no events
	Skipped   int64 // bytes that were left out

	// Version tells that the copy begins with a version event that the source has
	// lost. It is not among the Records.
	Version bool
}

// Repair copies every intact record of a damaged event file to dst, byte for byte
// and in order: those before, between and behind the damage, but for the record
// that it hit. The copy ends well. Of an undamaged file it is the file.
//
// Records that are whole and no events, at which the Python server stops for good,
// are left out. If damage has hit the version event that files begin with, the
// copy has another one, of the time of the first event that is left: without it,
// two of TensorBoard's readers purge by other rules.
//
// The error is that of reading, of writing, of ctx or of config.OnFault; damage is
// none. The source must not be growing.
func Repair(ctx context.Context, dst io.Writer, src io.Reader, config RepairConfig) (Repaired, error) {
	r := repair{dst: dst, config: config}
	for record, err := range NewReader(until(ctx, src), ReaderConfig{Name: config.Name, Salvage: true}).Records() {
		switch {
		case err == nil:
			err = r.record(record)
		case errors.Is(err, ErrCorrupt) || errors.Is(err, ErrTruncated):
			r.done.Damages++
			err = r.leaveOut(err.(*RecordError))
		}
		if err != nil {
			return r.done, err
		}
	}
	return r.done, r.flush()
}

// repairBuffer is how much a repair gathers before it writes.
const repairBuffer = 256 << 10

type repair struct {
	config RepairConfig
	dst    io.Writer
	buf    []byte
	done   Repaired

	decoder Decoder
	event   Event
	message eventpb.Event
}

// record copies a record, if it is an event.
func (r *repair) record(record Record) error {
	size := int64(len(record.Payload) + tfrecord.Overhead)
	r.event.File, r.event.Offset = r.config.Name, record.Offset
	err := r.decoder.Decode(record.Payload, &r.event)
	if err == nil {
		if err = proto.Unmarshal(record.Payload, &r.message); err != nil {
			err = r.event.fault(malformed("%w", err))
		}
	}
	if err != nil {
		r.done.Malformed++
		fault := err.(*RecordError)
		fault.Skipped = size
		return r.leaveOut(fault)
	}
	if r.done.Records == 0 && r.done.Skipped > 0 && r.event.What != FileVersion {
		version, err := proto.Marshal(&eventpb.Event{WallTime: r.event.WallTime, What: &eventpb.Event_FileVersion{FileVersion: "brain.Event:2"}})
		if err != nil {
			return err
		}
		r.buf = tfrecord.Append(r.buf, version)
		r.done.Version = true
	}
	r.buf = tfrecord.Append(r.buf, record.Payload)
	r.done.Records++
	r.done.Bytes += size
	if len(r.buf) < repairBuffer {
		return nil
	}
	return r.flush()
}

func (r *repair) leaveOut(fault *RecordError) error {
	r.done.Skipped += fault.Skipped
	if r.config.OnFault == nil {
		return nil
	}
	return r.config.OnFault(fault)
}

func (r *repair) flush() error {
	n, err := r.dst.Write(r.buf)
	if err == nil && n < len(r.buf) {
		err = io.ErrShortWrite
	}
	r.buf = r.buf[:0]
	return err
}
