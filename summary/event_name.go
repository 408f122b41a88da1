package summary

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/runhook/runhook/internal/dirs"
)

const eventPrefix = "events.out.tfevents."

// createEventFile makes the directory, if need be, and in it a new event file
//
//	events.out.tfevents.<seconds, 10 digits>.<host>.<pid>.<n><suffix>
//
// Readers take the files of a run in the order of their names, and go on from
// one file for good when there is a next one. So the name has to sort after
// those of this form that are there: where the clock does not give that, because
// a file was made within the same second or by a clock that is ahead, the
// seconds are one more than those of the latest. older tells whether there are
// other event files.
func createEventFile(logdir, suffix string, now time.Time) (file *diskFile, older bool, err error) {
	if err := os.MkdirAll(logdir, 0o777); err != nil {
		return nil, false, err
	}
	latest, older, err := latestSeconds(logdir)
	if err != nil {
		return nil, false, err
	}
	seconds := max(now.Unix(), latest+1)
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s%010d.%s.%d.%d%s", eventPrefix, seconds, hostname(), os.Getpid(), n, suffix)
		file, err := os.OpenFile(filepath.Join(logdir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		switch {
		case err == nil:
			return &diskFile{File: file}, older, nil
		case !errors.Is(err, fs.ErrExist):
			return nil, false, err
		}
	}
}

// A diskFile is a file of the operating system's.
type diskFile struct {
	*os.File
	named bool // its name is on disk
}

// Sync makes the file and its name lasting.
func (f *diskFile) Sync() error {
	if err := f.File.Sync(); err != nil || f.named {
		return err
	}
	if err := dirs.Sync(filepath.Dir(f.Name())); err != nil {
		return err
	}
	f.named = true
	return nil
}

// Exists reports whether the name still leads to the open file.
func (f *diskFile) Exists() error {
	there, err := os.Stat(f.Name())
	if err != nil {
		return err
	}
	open, err := f.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(there, open) {
		return &fs.PathError{Op: "write", Path: f.Name(), Err: errors.New("the file was replaced by another")}
	}
	return nil
}

// Remove implements file.
func (f *diskFile) Remove() error { return os.Remove(f.Name()) }

// latestSeconds returns the greatest time in the names of our form in dir, 0 if
// there is none. older tells whether there is any event file: readers know them
// by "tfevents" in their names.
func latestSeconds(dir string) (latest int64, older bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, false, err
	}
	for _, e := range entries {
		if strings.Contains(e.Name(), "tfevents") && !e.IsDir() {
			older = true
			latest = max(latest, secondsOf(e.Name()))
		}
	}
	return latest, older, nil
}

// secondsOf returns the time in the name of an event file, 0 if there is none.
func secondsOf(name string) int64 {
	rest, ours := strings.CutPrefix(name, eventPrefix)
	digits, _, _ := strings.Cut(rest, ".")
	if !ours || len(digits) != 10 {
		return 0
	}
	seconds, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || seconds < 0 {
		return 0
	}
	return seconds
}

// secondAfter returns the earliest time of a file whose name sorts after that of
// the event file at path, though this may be gone.
func secondAfter(path string) time.Time {
	return time.Unix(secondsOf(filepath.Base(path))+1, 0)
}

// hasSeparator reports whether s would name a file in another directory.
func hasSeparator(s string) bool { return strings.ContainsAny(s, `/\`) }

// hostname is the machine's name, without what could not be part of a file's.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, name)
}
