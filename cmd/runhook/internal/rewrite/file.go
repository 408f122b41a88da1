package rewrite

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/runhook/runhook/internal/tfrecord"
)

// A file is an event file being written.
type file struct {
	path   string
	f      *os.File
	w      *bufio.Writer
	record []byte // reused

	size   int64
	events int // but for the version
	told   map[string]bool
}

func create(path string) (*file, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &file{path: path, f: f, w: bufio.NewWriterSize(f, 1<<18), told: make(map[string]bool)}, nil
}

// add writes an event.
func (f *file) add(payload []byte) error {
	f.record = tfrecord.Append(f.record[:0], payload)
	f.size += int64(len(f.record))
	_, err := f.w.Write(f.record)
	return err
}

func (f *file) close() error { return errors.Join(f.w.Flush(), f.f.Close()) }

// Counted reads from src as long as ctx is not done, and tells progress, unless
// it is nil, how much.
func Counted(ctx context.Context, src io.Reader, progress func(int)) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		n, err := src.Read(p)
		if progress != nil {
			progress(n)
		}
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
