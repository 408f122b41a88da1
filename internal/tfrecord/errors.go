package tfrecord

import (
	"fmt"
	"io"
)

// ErrTruncated is the ending of a stream that stops inside a record, in its
// header too: the file is still being written, or its writer died. It wraps
// io.ErrUnexpectedEOF. Test for it with errors.Is.
var ErrTruncated = fmt.Errorf("tfrecord: truncated record: %w", io.ErrUnexpectedEOF)

// The values of CorruptError.Field.
const (
	FieldLength  = "length"
	FieldPayload = "payload"
)

// A CorruptError is the ending of a stream whose bytes are not, or no longer,
// those of a record. Want and Got are equal where the length's checksum is right
// and yet no memory could hold such a record: beyond 2⁶² bytes, 2³⁰ on 32-bit
// machines.
type CorruptError struct {
	Offset int64  // where the record begins
	Field  string // what is wrong: FieldLength or FieldPayload
	Length uint64 // the length in the header; with FieldPayload it can be trusted
	Want   uint32 // the checksum that the record holds, masked
	Got    uint32 // the checksum of the bytes that are there, masked
}

// Error names the record's offset, the field and both checksums.
func (e *CorruptError) Error() string {
	if e.Want == e.Got {
		return fmt.Sprintf("tfrecord: corrupt record at offset %d: length %d is more than memory can hold", e.Offset, e.Length)
	}
	hint := ""
	if e.Offset == 0 && e.Field == FieldLength {
		hint = " (is this a record file?)"
	}
	return fmt.Sprintf("tfrecord: corrupt record at offset %d: %s checksum is 0x%08x, want 0x%08x%s", e.Offset, e.Field, e.Got, e.Want, hint)
}
