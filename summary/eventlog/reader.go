package eventlog

import (
	"errors"
	"io"
	"iter"

	"github.com/runhook/runhook/internal/tfrecord"
)

// A ReaderConfig is how a Reader reads. The zero value is right for a stream of
// one run that begins where the file begins.
type ReaderConfig struct {
	Name   string // for errors and Event.File
	Offset int64  // of the stream's first byte in the file; a record begins there

	// Salvage goes on behind damage: an error is yielded, with how many bytes
	// were passed over, and then the next intact record. The file must not be
	// growing. Default: damage ends the iteration.
	Salvage bool

	// Decoder is that of the run, if it has more files than this one. Default:
	// a new one.
	Decoder *Decoder
}

// A Reader reads the records or the events of one event file, in order and
// without copying. Its memory is a buffer of 1 MiB, or of the longest record
// that is really there, whatever lengths the file claims. It is not safe for
// concurrent use.
type Reader struct {
	records *tfrecord.Reader
	config  ReaderConfig
	event   Event
}

// NewReader returns a Reader of src, which it reads in large pieces.
func NewReader(src io.Reader, config ReaderConfig) *Reader {
	if config.Decoder == nil {
		config.Decoder = new(Decoder)
	}
	return &Reader{records: tfrecord.NewReader(src), config: config}
}

// A Record is one framed payload, its checksums verified.
type Record struct {
	Offset  int64  // of the record in the file
	Payload []byte // valid until the iteration goes on
}

// Records returns the records that are left. The iteration ends
//
//   - without an error where the file ends behind a whole record,
//   - with one that Is ErrTruncated where it ends inside a record,
//   - with one that Is ErrCorrupt where a checksum is wrong,
//   - with the error of reading.
//
// Each is a *RecordError. But for a corrupt record, which stays the end, another
// iteration continues where this one ended, so a file that has grown may be read
// on.
func (r *Reader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			payload, err := r.records.Next()
			if err == nil {
				if !yield(Record{r.Offset(), payload}, nil) {
					return
				}
				continue
			}
			if err == io.EOF {
				return
			}
			fault := &RecordError{File: r.config.Name, Offset: r.Offset(), Err: reason(err)}
			if !r.config.Salvage || !errors.Is(fault, ErrCorrupt) && !errors.Is(fault, ErrTruncated) {
				yield(Record{}, fault)
				return
			}
			fault.Skipped, err = r.records.Resync()
			if !yield(Record{}, fault) || err == io.EOF {
				return
			}
			if err != nil {
				yield(Record{}, &RecordError{File: r.config.Name, Offset: r.Offset(), Err: err})
				return
			}
		}
	}
}

// Offset returns where in the file the record begins that was yielded last, or
// that could not be. After any error all bytes before it are whole records, but
// for those reported as damage; behind the last record it is the end.
func (r *Reader) Offset() int64 { return r.config.Offset + r.records.Offset() }

// Events returns the events of the records that are left. The *Event is the same
// each time and, with everything that it gives, valid until the iteration goes
// on.
//
// It ends as Records does. A record that is no Event is an error, too, which Is
// ErrMalformed; the iteration ends there unless the config says Salvage, and
// another one continues behind it.
func (r *Reader) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for record, err := range r.Records() {
			if err == nil {
				r.event.File, r.event.Offset = r.config.Name, record.Offset
				err = r.config.Decoder.Decode(record.Payload, &r.event)
			}
			if err == nil {
				if !yield(&r.event, nil) {
					return
				}
				continue
			}
			if !yield(nil, err) || !r.config.Salvage {
				return
			}
		}
	}
}
