package eventlog

import (
	"errors"
	"fmt"
	"io"

	"github.com/runhook/runhook/internal/tfrecord"
)

// What is wrong with a record. Each comes in a *RecordError and is tested for
// with errors.Is.
var (
	// ErrTruncated tells that the file stops inside a record: it is being
	// written, or its writer died. It Is io.ErrUnexpectedEOF.
	ErrTruncated = fmt.Errorf("truncated: %w", io.ErrUnexpectedEOF)

	// ErrCorrupt tells that a checksum is wrong: these are not, or no longer,
	// the bytes of a record.
	ErrCorrupt = errors.New("corrupt")

	// ErrMalformed tells that the bytes are those that were written, and that
	// they are not what they should be: no Event, no Summary, no tensor.
	ErrMalformed = errors.New("malformed")
)

// A RecordError is what is wrong in a file and where. Err Is ErrTruncated,
// ErrCorrupt or ErrMalformed, or it is the error of reading.
type RecordError struct {
	File    string // the path or name; empty for a Decoder without a file
	Offset  int64  // where the record begins; everything before it was read
	Skipped int64  // bytes passed over from Offset on, with Salvage; 0 without
	Err     error
}

// Error names the file, the offset and the reason.
func (e *RecordError) Error() string {
	where := "eventlog: "
	if e.File != "" {
		where += e.File + ": "
	}
	skipped := ""
	if e.Skipped > 0 {
		skipped = fmt.Sprintf(" (%d bytes passed over)", e.Skipped)
	}
	return fmt.Sprintf("%srecord at offset %d: %v%s", where, e.Offset, e.Err, skipped)
}

// Unwrap returns Err.
func (e *RecordError) Unwrap() error { return e.Err }

// reason says in this package's words why a record could not be read. The
// offset, which tfrecord counts from where its reader began, is left to
// RecordError.
func reason(err error) error {
	var corrupt *tfrecord.CorruptError
	switch {
	case errors.As(err, &corrupt) && corrupt.Want == corrupt.Got:
		return fmt.Errorf("%w: a length of %d bytes", ErrCorrupt, corrupt.Length)
	case errors.As(err, &corrupt):
		return fmt.Errorf("%w: %s checksum is 0x%08x, want 0x%08x", ErrCorrupt, corrupt.Field, corrupt.Got, corrupt.Want)
	case errors.Is(err, tfrecord.ErrTruncated):
		return ErrTruncated
	}
	return err
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}
