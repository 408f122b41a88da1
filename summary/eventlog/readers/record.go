package readers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/runhook/runhook/internal/tfrecord"
)

// A record is a framed payload as a file holds it.
type record struct {
	payload []byte // valid during the call it is handed to
	offset  int64
	intact  bool // the payload's checksum is right
}

// maxAlloc is a record's length that no reader finds the memory for. Those
// between what a machine has and this length do harm or not, as the machine
// goes; here they do not.
const maxAlloc = 1 << 40

// An ending is where and why no more records come from a file. The cause is nil
// at a clean end, else one of tfrecord's or of the file system.
type ending struct {
	offset int64
	cause  error
	length uint64 // what the header claims, where its checksum is right
}

// readRecords hands the records of a file to each, in order. With damaged, a
// record whose payload fails its checksum is one of them; else the file ends
// there. The error is each's own or that of ctx.
func readRecords(ctx context.Context, fsys fs.FS, name string, damaged bool, each func(record) error) (ending, error) {
	f, err := openAt(fsys, name, 0)
	if err != nil {
		return ending{cause: err}, nil
	}
	defer func() { f.Close() }()
	var base int64
	r := tfrecord.NewReader(f)
	for {
		if ctx.Err() != nil {
			return ending{}, context.Cause(ctx)
		}
		payload, err := r.Next()
		at := base + r.Offset()
		var corrupt *tfrecord.CorruptError
		switch {
		case err == nil:
			if err := each(record{payload, at, true}); err != nil {
				return ending{}, err
			}
		case err == io.EOF:
			return ending{offset: at}, nil
		case damaged && errors.As(err, &corrupt) && corrupt.Field == tfrecord.FieldPayload:
			// The length can be trusted: its checksum is right, and the payload and
			// its checksum were there. The record is read again, since tfrecord keeps
			// what it rejects to itself.
			f.Close()
			if f, err = openAt(fsys, name, at+tfrecord.HeaderSize); err != nil {
				return ending{offset: at, cause: err}, nil
			}
			payload, err := io.ReadAll(io.LimitReader(f, int64(corrupt.Length)))
			if err == nil && uint64(len(payload)) == corrupt.Length {
				_, err = io.CopyN(io.Discard, f, tfrecord.FooterSize)
			}
			if err != nil {
				return ending{offset: at, cause: err}, nil
			}
			if err := each(record{payload, at, false}); err != nil {
				return ending{}, err
			}
			base = at + tfrecord.Overhead + int64(len(payload))
			r = tfrecord.NewReader(f)
		default:
			return ending{offset: at, cause: err, length: claimed(fsys, name, at)}, nil
		}
	}
}

// claimed is the length in the header of the record at offset, or 0 if there is
// no whole header.
func claimed(fsys fs.FS, name string, offset int64) uint64 {
	f, err := openAt(fsys, name, offset)
	if err != nil {
		return 0
	}
	defer f.Close()
	var header [tfrecord.HeaderSize]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return 0
	}
	const size = 8
	if tfrecord.Checksum(header[:size]) != binary.LittleEndian.Uint32(header[size:]) {
		return 0
	}
	return binary.LittleEndian.Uint64(header[:size])
}

// openAt opens a file at an offset. The file is never nil.
func openAt(fsys fs.FS, name string, offset int64) (fs.File, error) {
	if !fs.ValidPath(name) {
		return closed{}, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return closed{}, err
	}
	if offset == 0 {
		return f, nil
	}
	if s, ok := f.(io.Seeker); ok {
		_, err = s.Seek(offset, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, f, offset)
	}
	if err != nil {
		f.Close()
		return closed{}, err
	}
	return f, nil
}

// closed stands for a file that could not be opened.
type closed struct{ fs.File }

func (closed) Close() error { return nil }

// tooLong is the *memoryError of a length that no memory can hold, or nil.
func (e ending) tooLong() error {
	if e.length < maxAlloc {
		return nil
	}
	return &memoryError{e.length}
}

// A memoryError is what becomes of a reader that sets memory aside for a record
// before it has read it.
type memoryError struct{ length uint64 }

func (e *memoryError) Error() string {
	return fmt.Sprintf("a record of %d bytes: out of memory", e.length)
}

// failed reports whether it was the file system that gave no more.
func (e ending) failed() bool {
	var corrupt *tfrecord.CorruptError
	return e.cause != nil && !errors.As(e.cause, &corrupt) && !errors.Is(e.cause, tfrecord.ErrTruncated)
}

// missing reports whether there was no file to open, which Python takes for the
// end of the run.
func (e ending) missing() bool { return errors.Is(e.cause, fs.ErrNotExist) }

// note enters an ending into the losses.
func (e ending) note(losses *ledger, run, file string) {
	at := Place{File: file, Offset: e.offset}
	var corrupt *tfrecord.CorruptError
	switch {
	case e.cause == nil:
	case errors.As(e.cause, &corrupt):
		losses.file(Damaged, run, at, corrupt.Field+" checksum is wrong")
	case errors.Is(e.cause, tfrecord.ErrTruncated):
		losses.file(Truncated, run, at, "")
	default:
		losses.file(Unreadable, run, at, e.cause.Error())
	}
}
