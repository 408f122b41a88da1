package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/runhook/runhook/session"
)

// Extension ends the name of a checkpoint's file, behind the checkpoint's own.
const Extension = ".safetensors"

// locate returns the file of a checkpoint: path with the [Extension], or else
// path itself, so that files of other programs can be named in full.
func locate(path string) (name string, info fs.FileInfo, err error) {
	if path != "" {
		for _, name := range []string{path + Extension, path} {
			info, err := os.Stat(name)
			if err == nil && info.Mode().IsRegular() {
				return name, info, nil
			}
			if err != nil && !isMissing(err) {
				return "", nil, err
			}
		}
	}
	return "", nil, fmt.Errorf("%q: %w", path, ErrNoCheckpoint)
}

// isMissing reports whether there is no file of that name, and can be none.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// CheckpointExists reports whether there is a checkpoint at path.
func CheckpointExists(path string) bool {
	_, _, err := locate(path)
	return err == nil
}

// GetCheckpointMtimes returns when the checkpoints at paths were written, in
// this order. Those that do not exist are left out.
func GetCheckpointMtimes(paths []string) ([]time.Time, error) {
	found, err := withTimes(paths)
	times := make([]time.Time, len(found))
	for i, c := range found {
		times[i] = c.Time
	}
	return times, err
}

// withTimes returns those of paths that exist.
func withTimes(paths []string) ([]SavedCheckpoint, error) {
	var found []SavedCheckpoint
	for _, path := range paths {
		_, info, err := locate(path)
		if errors.Is(err, ErrNoCheckpoint) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("checkpoint: %w", err)
		}
		found = append(found, SavedCheckpoint{path, info.ModTime()})
	}
	return found, nil
}

// RemoveCheckpoint removes the file of the checkpoint at path. That there is none
// is no error. The state of the folder stays as it is.
func RemoveCheckpoint(path string) error {
	name, _, err := locate(path)
	if err == nil {
		err = os.Remove(name)
	}
	if err != nil && !errors.Is(err, ErrNoCheckpoint) && !isMissing(err) {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// ListCheckpoints returns the checkpoints in dir, the oldest first, whether or
// not the state of the folder names them.
func ListCheckpoints(dir string) ([]SavedCheckpoint, error) {
	names, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var paths []string
	for _, entry := range names {
		if name, ok := strings.CutSuffix(entry.Name(), Extension); ok && name != "" {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	found, err := withTimes(paths)
	slices.SortStableFunc(found, func(a, b SavedCheckpoint) int { return a.Time.Compare(b.Time) })
	return found, err
}

// Contents are what a checkpoint holds.
type Contents struct {
	// Variables by name. Those without dimensions are scalars, as far as there
	// are such values.
	Variables map[string]session.Value
	// Metadata includes "global_step" and "crc32c", as far as there are such.
	Metadata map[string]string
	// GlobalStep is the step of saving; nil if it was saved without one.
	GlobalStep *int64
}

// Load reads the checkpoint at path. acceptUnchecked says that a file of another
// program, without a checksum, is no error.
func Load(ctx context.Context, path string, acceptUnchecked bool) (_ Contents, err error) {
	r, err := openReader(path, acceptUnchecked)
	if err != nil {
		return Contents{}, fmt.Errorf("checkpoint: %w", err)
	}
	defer func() { err = errors.Join(err, r.close()) }()
	tensors, err := r.readAll(ctx, nil)
	if err != nil {
		return Contents{}, fmt.Errorf("checkpoint: %w", err)
	}
	c := Contents{Variables: make(map[string]session.Value, len(tensors)), Metadata: r.metadata, GlobalStep: stepOf(r.metadata)}
	for name, t := range tensors {
		c.Variables[name] = valueOf(t, session.Value{})
	}
	return c, nil
}

// GlobalStep returns the step that the checkpoint at path was saved at, or an
// error that Is [session.ErrNoGlobalStep]. It reads the beginning of the file
// only, and does not check the checksum.
func GlobalStep(path string) (_ int64, err error) {
	r, err := openReader(path, true)
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if step := stepOf(r.metadata); step != nil {
		return *step, nil
	}
	return 0, fmt.Errorf("checkpoint: %s: %w", r.path, session.ErrNoGlobalStep)
}
