package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// temporarySuffix ends the name of a file while it is written.
const temporarySuffix = ".tmp"

// files are the operations that change what is on disk.
type files interface {
	create(path string) (file, error) // empties one that is there
	rename(from, to string) error
	remove(path string) error
	mkdir(path string) error
	syncDir(path string) error
}

type file interface {
	Write(b []byte) (int, error)
	WriteAt(b []byte, offset int64) (int, error)
	Sync() error
	Close() error
}

type osFiles struct{}

func (osFiles) create(path string) (file, error) { return os.Create(path) }
func (osFiles) rename(from, to string) error     { return os.Rename(from, to) }
func (osFiles) remove(path string) error         { return os.Remove(path) }
func (osFiles) mkdir(path string) error          { return os.Mkdir(path, 0o777) }

// syncDir makes names that were added or removed lasting. Windows has no such
// operation.
func (osFiles) syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// replace makes path a file with what write writes: the old file or the whole
// new one is there at any time, and the new one to stay when replace returns.
func replace(on files, path string, write func(f file) error) error {
	temporary := path + temporarySuffix
	f, err := on.create(temporary)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = on.rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, on.remove(temporary))
	}
	return on.syncDir(filepath.Dir(path))
}

// makeDir makes the last part of a folder's path if it is missing.
func makeDir(on files, dir string) error {
	err := on.mkdir(dir)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return on.syncDir(filepath.Dir(dir))
}
