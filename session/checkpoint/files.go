package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/runhook/runhook/internal/dirs"
)

// temporarySuffix ends the name of a file while it is written.
const temporarySuffix = ".tmp"

// files are the operations that change what is on disk.
type files interface {
	Create(path string) (file, error) // empties one that is there
	Rename(from, to string) error
	Remove(path string) error
	Mkdir(path string) error
	SyncDir(path string) error
}

type file interface {
	Write(b []byte) (int, error)
	WriteAt(b []byte, offset int64) (int, error)
	Sync() error
	Close() error
}

type osFiles struct{}

func (osFiles) Create(path string) (file, error) { return os.Create(path) }
func (osFiles) Rename(from, to string) error     { return os.Rename(from, to) }
func (osFiles) Remove(path string) error         { return os.Remove(path) }
func (osFiles) Mkdir(path string) error          { return os.Mkdir(path, 0o777) }
func (osFiles) SyncDir(path string) error        { return dirs.Sync(path) }

// replace makes path a file with what write writes: the old file or the whole
// new one is there at any time, and the new one to stay when replace returns.
func replace(on files, path string, write func(f file) error) error {
	temporary := path + temporarySuffix
	f, err := on.Create(temporary)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = on.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, on.Remove(temporary))
	}
	return on.SyncDir(filepath.Dir(path))
}

// makeDir makes the last part of a folder's path if it is missing.
func makeDir(on files, dir string) error {
	err := on.Mkdir(dir)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return on.SyncDir(filepath.Dir(dir))
}
