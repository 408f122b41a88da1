package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A newFileWriter is written under another name beside the one that it gets when it is
// complete.
type newFileWriter struct {
	*os.File
	path string
	kept bool
}

// newFile begins a file. One that is there already is replaced if force says so.
func newFile(path string, force bool) (*newFileWriter, error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return nil, fmt.Errorf("%s: %w; --force replaces it", path, fs.ErrExist)
	}
	var f *os.File
	_, err := unused(filepath.Dir(path), func(part string) (err error) {
		f, err = os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &newFileWriter{File: f, path: path}, nil
}

// unused calls create with names that readers of event files do not look at,
// until one did not exist.
func unused(dir string, create func(part string) error) (string, error) {
	for n := 0; ; n++ {
		part := filepath.Join(dir, fmt.Sprintf(".runhook-%d-%d.part", os.Getpid(), n))
		if err := create(part); !errors.Is(err, fs.ErrExist) {
			return part, err
		}
	}
}

// keep gives the complete file its name.
func (f *newFileWriter) keep() error {
	err := f.Close()
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	f.kept = err == nil
	return err
}

// discard removes a file that was not kept.
func (f *newFileWriter) discard() {
	if !f.kept {
		_ = f.Close() // May be closed.
		_ = os.Remove(f.Name())
	}
}

// A newDirectory is filled under another name, too.
type newDirectory struct {
	path, final string
	kept        bool
}

// newDir begins a directory. It may exist if it is empty.
func newDir(path string) (*newDirectory, error) {
	entries, err := os.ReadDir(path)
	switch {
	case err == nil && len(entries) > 0:
		return nil, fmt.Errorf("%s: %w and is not empty", path, fs.ErrExist)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	parent := filepath.Dir(filepath.Clean(path))
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, err
	}
	dir, err := unused(parent, func(part string) error { return os.Mkdir(part, 0o777) })
	if err != nil {
		return nil, err
	}
	return &newDirectory{path: dir, final: path}, nil
}

// keep gives the complete directory its name.
func (d *newDirectory) keep() error {
	if err := os.Remove(d.final); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Rename(d.path, d.final)
	d.kept = err == nil
	return err
}

// discard removes a directory that was not kept.
func (d *newDirectory) discard() {
	if !d.kept {
		_ = os.RemoveAll(d.path)
	}
}
