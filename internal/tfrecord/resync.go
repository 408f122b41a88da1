package tfrecord

import (
	"encoding/binary"
	"io"
)

// maxSought is the longest payload that Resync looks for. It keeps most bytes
// that are no header from being taken for one.
const maxSought = min(1<<40, maxPayload)

// Resync gives up the record that the last Next could not return, be it corrupt
// or truncated, and moves on to the next intact one: both its checksums are
// right. Every position is tried. Only a payload whose length can be trusted,
// because it leads to another record or to the end, is passed over with the
// records that it may contain itself.
//
// It returns how many bytes were passed over. Its error is io.EOF if no record
// follows: all bytes up to the end of the stream are passed over then, so a
// stream that still grows is better not resynchronised behind ErrTruncated. Any
// other error is the source's. If the last Next did not fail, Resync does
// nothing.
//
// What cannot be part of an intact record is not kept in memory.
func (r *Reader) Resync() (skipped int64, err error) {
	if r.last > 0 || r.corrupt == nil && r.start == r.end {
		return 0, nil
	}
	boundary, err := r.boundary()
	if err != nil {
		return 0, err
	}
	from := r.offset
	for k := 1; ; {
		next, err := r.recordAt(k, boundary)
		switch {
		case err == io.EOF && boundary > 0:
			next = boundary
		case err == io.EOF:
			next = r.end - r.start
		case err != nil:
			return 0, err
		}
		if next == k || err == io.EOF {
			r.start, r.offset = r.start+next, r.offset+int64(next)
			r.corrupt = nil
			if boundary > 0 {
				err = nil
			}
			return r.offset - from, err
		}
		if k = next; k >= maxBuffer/2 {
			// What lies before k need not be moved when the buffer is full.
			r.start, r.offset = r.start+k, r.offset+int64(k)
			boundary, k = boundary-k, 0
		}
	}
}

// boundary returns how far behind start the record ends whose payload is
// corrupt, if its length can be trusted, else 0.
func (r *Reader) boundary() (int, error) {
	if r.corrupt == nil || r.corrupt.Field != FieldPayload {
		return 0, nil
	}
	size := int(r.corrupt.Length) + Overhead
	header, err := r.headerAt(size)
	if err == io.EOF {
		return size, nil // Next has had the whole record.
	}
	if err != nil || !header {
		return 0, err
	}
	return size, nil
}

// recordAt returns k if an intact record begins k bytes behind start, else where
// to look next. Its error is io.EOF where no record can begin.
func (r *Reader) recordAt(k, boundary int) (next int, err error) {
	if k == boundary {
		return k, nil
	}
	size, err := r.intactAt(k)
	if err != nil || size == 0 {
		return k + 1, err
	}
	// Records inside of a payload do not lead to its end or beyond, those that
	// were appended behind a torn one do.
	end := k + size
	for end < boundary {
		size, err := r.intactAt(end)
		if err != nil {
			return 0, err
		}
		if size == 0 {
			return end, nil
		}
		end += size
	}
	return k, nil
}

// headerAt reports whether k bytes behind start there is a length with its
// checksum. Its error is io.EOF where the stream ends before.
func (r *Reader) headerAt(k int) (bool, error) {
	if r.end-r.start < k+HeaderSize {
		if err := r.need(k + HeaderSize); err != nil {
			return false, err
		}
	}
	header := r.buf[r.start+k : r.start+k+HeaderSize]
	return binary.LittleEndian.Uint64(header) <= maxSought &&
		binary.LittleEndian.Uint32(header[lengthSize:]) == lengthChecksum(header[:lengthSize]), nil
}

// intactAt returns the size of the whole and right record k bytes behind start,
// 0 if there is none. Its error is io.EOF where there is no room for a header.
func (r *Reader) intactAt(k int) (size int, err error) {
	if header, err := r.headerAt(k); err != nil || !header {
		return 0, err
	}
	size = int(binary.LittleEndian.Uint64(r.buf[r.start+k:])) + Overhead
	if err := r.need(k + size); err == io.EOF {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	record := r.buf[r.start+k : r.start+k+size]
	footer := size - FooterSize
	if binary.LittleEndian.Uint32(record[footer:]) != Checksum(record[HeaderSize:footer]) {
		return 0, nil
	}
	return size, nil
}
