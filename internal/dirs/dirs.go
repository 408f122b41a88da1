// Package dirs makes the names of files last.
package dirs

import (
	"errors"
	"os"
	"runtime"
	"syscall"
)

// Sync makes names that were added to a directory, or removed from it, lasting:
// to sync a new file is not enough for it to be found after a power failure.
// Windows has no such operation, nor have some network file systems.
func Sync(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}
