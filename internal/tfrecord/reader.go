package tfrecord

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// The buffer starts small, for the many small files of a log directory, and
	// doubles up to maxBuffer while the source fills it. Only a record that does
	// not fit makes it grow further.
	minBuffer = 4 << 10
	maxBuffer = 1 << 20

	// maxPayload is the longest payload whose record a doubling buffer can come
	// to hold.
	maxPayload = math.MaxInt/2 - Overhead

	// maxEmptyReads is how often in a row a source may return neither bytes nor
	// an error.
	maxEmptyReads = 100
)

var errBadCount = errors.New("source returned an impossible byte count")

// A Reader reads the records of a stream in order. It reads ahead, so the
// position of its source says nothing about the records; Offset does.
//
// A stream ends in one of three ways, and Next tells them apart:
//
//   - io.EOF, bare: it ends at a record boundary, or is empty.
//   - an error that Is ErrTruncated: it ends inside a record.
//   - a *CorruptError: a checksum is wrong, or a length cannot be one. This
//     ending is sticky, every later Next returns it again, until Resync.
//
// The first two mean "no more for now". A later Next reads on at the same
// record, so a Reader follows a file that is being written. Any other error is
// the source's, wrapped; it loses nothing either, and a later Next tries again.
//
// Memory grows only with bytes that have arrived, whatever lengths the headers
// claim, and returns to a small buffer at every clean end.
//
// A Reader is not safe for concurrent use.
type Reader struct {
	src        io.Reader
	buf        []byte
	start, end int   // buf[start:end] is read but not consumed
	last       int   // size of the record that Next returned, consumed by the next call
	offset     int64 // position of buf[start] in the stream
	err        error // arrived together with bytes, due once they do not suffice
	corrupt    *CorruptError
}

// NewReader returns a Reader of the records of r, which must stand at a record
// boundary. Next never reads from r when the buffer holds a whole record.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: r}
}

// Next returns the payload of the next record, its checksums verified. The
// slice points into the Reader's buffer and is valid until the next call of
// Next. Errors are described at Reader.
func (r *Reader) Next() ([]byte, error) {
	if r.corrupt != nil {
		return nil, r.corrupt
	}
	r.start += r.last
	r.offset += int64(r.last)
	r.last = 0

	if err := r.need(HeaderSize); err != nil {
		return nil, r.ending(err)
	}
	header := r.buf[r.start : r.start+HeaderSize]
	length := binary.LittleEndian.Uint64(header)
	want, got := binary.LittleEndian.Uint32(header[lengthSize:]), lengthChecksum(header[:lengthSize])
	if want != got || length > maxPayload {
		r.corrupt = &CorruptError{Offset: r.offset, Field: FieldLength, Length: length, Want: want, Got: got}
		return nil, r.corrupt
	}

	size := int(length) + Overhead
	if err := r.need(size); err != nil {
		return nil, r.ending(err)
	}
	record := r.buf[r.start : r.start+size]
	footer := size - FooterSize
	payload := record[HeaderSize:footer:footer]
	want, got = binary.LittleEndian.Uint32(record[footer:]), Checksum(payload)
	if want != got {
		r.corrupt = &CorruptError{Offset: r.offset, Field: FieldPayload, Length: length, Want: want, Got: got}
		return nil, r.corrupt
	}
	r.last = size
	return payload, nil
}

// Offset returns where in the stream, counted from where the Reader began, the
// record begins that the last Next was about: the one it returned, or the one
// it could not return. At a clean end that is the length of the stream, before
// the first call it is 0. So after any error all bytes before Offset are whole
// records, a file may be cut off there, and another Reader may begin there.
func (r *Reader) Offset() int64 {
	return r.offset
}

// ending turns an error of need into one of Next.
func (r *Reader) ending(err error) error {
	if err != io.EOF {
		return fmt.Errorf("tfrecord: record at offset %d: %w", r.offset, err)
	}
	if r.start < r.end {
		return fmt.Errorf("%w (at offset %d, %d bytes so far)", ErrTruncated, r.offset, r.end-r.start)
	}
	if len(r.buf) > minBuffer {
		r.buf, r.start, r.end = nil, 0, 0 // A follower at rest holds no large buffer.
	}
	return io.EOF
}

// need reads until n bytes are there. Its error is the source's own.
func (r *Reader) need(n int) error {
	for r.end-r.start < n {
		if err := r.err; err != nil {
			r.err = nil
			return err
		}
		r.makeRoom()
		r.err = r.read()
	}
	if r.err == io.EOF {
		r.err = nil // By the next call the source may have grown.
	}
	return nil
}

// makeRoom makes space behind buf[start:end]. It moves bytes at most once for
// each record and each doubling, and doubles only a buffer that arrived bytes
// have filled.
func (r *Reader) makeRoom() {
	buf := r.buf
	if r.end == len(buf) && (len(buf) < maxBuffer || r.start == 0) {
		buf = make([]byte, max(minBuffer, 2*len(buf)))
	} else if r.start == 0 {
		return
	}
	r.end = copy(buf, r.buf[r.start:r.end])
	r.buf, r.start = buf, 0
}

// read reads once into the space behind end. The error may come with bytes.
func (r *Reader) read() error {
	space := r.buf[r.end:]
	for range maxEmptyReads {
		n, err := r.src.Read(space)
		if n < 0 || n > len(space) {
			return errBadCount
		}
		r.end += n
		if n > 0 || err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}
