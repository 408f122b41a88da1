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
)

const eventPrefix = "events.out.tfevents."

// createEventFile makes the directory, if need be, and in it a new event file
//
//	events.out.tfevents.<seconds, 10 digits>.<host>.<pid>.<n><suffix>
//
// Readers take the files of a run in the order of their names, and go on from
// one file for good when there is a next one. So the name has to sort after
// those that are there: where the clock does not give that, because a file was
// made within the same second or by a clock that is ahead, the seconds are one
// more than those of the last file. older tells whether there were others.
func createEventFile(logdir, suffix string, now time.Time) (file *os.File, older bool, err error) {
	if err := os.MkdirAll(logdir, 0o777); err != nil {
		return nil, false, err
	}
	last, err := lastEventFile(logdir)
	if err != nil {
		return nil, false, err
	}
	tail := fmt.Sprintf(".%s.%d.", hostname(), os.Getpid())
	seconds := now.Unix()
	if fmt.Sprintf("%s%010d", eventPrefix, seconds) <= last {
		seconds = max(seconds, lastSeconds(last)+1)
	}
	for n := 0; ; n++ {
		name := fmt.Sprintf("%s%010d%s%d%s", eventPrefix, seconds, tail, n, suffix)
		file, err := os.OpenFile(filepath.Join(logdir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return file, last != "", err
		}
	}
}

// lastEventFile returns the name that sorts last among the event files in dir,
// "" if there is none. Readers know event files by "tfevents" in their names.
func lastEventFile(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	last := ""
	for _, e := range entries {
		if strings.Contains(e.Name(), "tfevents") && !e.IsDir() {
			last = max(last, e.Name())
		}
	}
	return last, nil
}

// lastSeconds returns the time in the name of an event file, 0 if there is none.
func lastSeconds(name string) int64 {
	digits, _, _ := strings.Cut(strings.TrimPrefix(name, eventPrefix), ".")
	seconds, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || len(digits) != 10 {
		return 0
	}
	return seconds
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
