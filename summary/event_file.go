package summary

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/runhook/runhook/internal/tfrecord"
)

// A file is what an event file needs of the operating system's.
type file interface {
	io.Writer
	Name() string
	// Exists returns an error if what is written is lost because somebody has
	// removed or replaced the file.
	Exists() error
	Sync() error
	Truncate(size int64) error
	Close() error
	// Remove removes the file, which is closed.
	Remove() error
}

// An eventFile is a file that begins with the version event and ends with a whole
// record.
type eventFile struct {
	file
	size int64
}

// versionRecord is the record that every file begins with.
func versionRecord(now time.Time) []byte {
	return tfrecord.Append(nil, appendVersion(nil, wallTime(now)))
}

// versionSize is the length of the version's record.
var versionSize = int64(len(versionRecord(time.Time{})))

// beginEventFile writes the version event to f, which it closes and removes if
// that fails: a file without an event would be a run that has nothing to show.
func beginEventFile(f file) (*eventFile, error) {
	e := &eventFile{file: f}
	if _, err := e.write(versionRecord(time.Now())); err != nil {
		return nil, errors.Join(err, f.Close(), f.Remove())
	}
	return e, nil
}

// write writes whole records and returns how many of their bytes are in the file.
// Bytes of a record that could not be written whole are cut off again.
func (e *eventFile) write(records []byte) (n int, err error) {
	n, err = e.Write(records)
	if err == nil && n < len(records) {
		err = io.ErrShortWrite
	}
	if err != nil {
		whole := tfrecord.WholeRecords(records[:n])
		if n > whole {
			err = errors.Join(err, e.Truncate(e.size+int64(whole)))
		}
		n, err = whole, fmt.Errorf("summary: %w", err)
	}
	e.size += int64(n)
	return n, err
}
