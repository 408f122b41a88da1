package eventlog

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Run is a directory with event files.
type Run struct {
	Name  string   // the directory below the log directory, with slashes; "." for the log directory itself
	Files []string // paths of the event files, in the order in which they are read: that of their names
}

// Runs returns the runs of the log directory, sorted by name: every directory
// in it, itself included, that holds a file with "tfevents" in its name.
// Symbolic links are followed. If path is a file, it is the only one of run ".".
//
// What cannot be listed is left out, and the error tells why; the runs that come
// with it are right.
func Runs(path string) ([]Run, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []Run{{Name: ".", Files: []string{path}}}, nil
	}
	w := walk{}
	w.dir(path, ".", []fs.FileInfo{info})
	slices.SortFunc(w.runs, func(a, b Run) int { return cmp.Compare(a.Name, b.Name) })
	return w.runs, errors.Join(w.faults...)
}

type walk struct {
	runs   []Run
	faults []error
}

// fault keeps an error. What is gone since it was listed, or is the target of a
// link that leads nowhere, is none.
func (w *walk) fault(err error) {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.faults = append(w.faults, err)
	}
}

// dir lists a directory. above are the directories on the way to it and itself:
// a link to one of them would lead around for ever.
func (w *walk) dir(dir, name string, above []fs.FileInfo) {
	entries, err := os.ReadDir(dir) // Sorted by name.
	w.fault(err)
	run := Run{Name: name}
	for _, entry := range entries {
		child := filepath.Join(dir, entry.Name())
		isDir, eventFile := entry.IsDir(), strings.Contains(entry.Name(), "tfevents")
		if !isDir && !eventFile && entry.Type()&fs.ModeSymlink == 0 {
			continue
		}
		var info fs.FileInfo
		if isDir || entry.Type()&fs.ModeSymlink != 0 {
			if info, err = os.Stat(child); err != nil {
				w.fault(err)
				continue
			}
			isDir = info.IsDir()
		}
		switch {
		case !isDir && eventFile:
			run.Files = append(run.Files, child)
		case isDir && !slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }):
			w.dir(child, path.Join(name, entry.Name()), append(above[:len(above):len(above)], info))
		}
	}
	if len(run.Files) > 0 {
		w.runs = append(w.runs, run)
	}
}
