package readers

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"
)

// marker is what the name of every event file contains.
const marker = "tfevents"

// A runDir is a directory with something in it that is named like an event
// file.
type runDir struct {
	name    string // below the log directory; "." is the log directory itself
	entries []entry
}

// An entry is named like an event file.
type entry struct {
	path string
	file bool // not a directory
	gone bool // a link to nowhere, which Python lists like a file
}

// profileEmpty ends the name of files that only say that a profile exists
// beside them.
const profileEmpty = ".profile-empty"

// hasFile reports whether one of the entries is a file, or was one.
func (d *runDir) hasFile() bool {
	for _, e := range d.entries {
		if e.file || e.gone {
			return true
		}
	}
	return false
}

// watched are the paths that Python reads, directories among them. It takes the
// run itself for a file if it is named like one, else its DirectoryWatcher does so
// with what is in it.
func (d *runDir) watched() []string {
	if base := path.Base(d.name); strings.Contains(base, marker) && !strings.HasSuffix(base, profileEmpty) {
		return []string{d.name}
	}
	var out []string
	for _, e := range d.entries {
		if !strings.HasSuffix(e.path, profileEmpty) {
			out = append(out, e.path)
		}
	}
	return out
}

// watchedFirst is the first of these, or "".
func (d *runDir) watchedFirst() string {
	if files := d.watched(); len(files) > 0 {
		return files[0]
	}
	return ""
}

// A walker finds the run directories. All readers follow symbolic links.
type walker struct {
	ctx    context.Context
	fsys   fs.FS
	dirs   []runDir
	losses *ledger

	// notUTF8 is the first path that Python cannot encode. The file system cannot
	// open it either: names of package io/fs are UTF-8.
	notUTF8 string
}

// walk finds the run directories of fsys, parents first, each level by name.
func walk(ctx context.Context, fsys fs.FS, losses *ledger) (*walker, error) {
	w := &walker{ctx: ctx, fsys: fsys, losses: losses}
	info, err := fs.Stat(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("readers: log directory: %w", err)
	}
	return w, w.dir(".", []fs.FileInfo{info})
}

// dir visits a directory. above are the directories on the way to it and its
// own, which a link may lead back to.
func (w *walker) dir(name string, above []fs.FileInfo) error {
	if err := w.ctx.Err(); err != nil {
		return context.Cause(w.ctx)
	}
	list, err := fs.ReadDir(w.fsys, name)
	if err != nil {
		if name == "." {
			return fmt.Errorf("readers: log directory: %w", err)
		}
		w.losses.file(Unreadable, name, Place{File: name}, err.Error())
		return nil
	}
	run := runDir{name: name}
	type subdir struct {
		path string
		info fs.FileInfo
	}
	var subdirs []subdir
	for _, item := range list {
		full := path.Join(name, item.Name())
		named := strings.Contains(item.Name(), marker)
		if !named && item.Type().IsRegular() && utf8.ValidString(item.Name()) {
			continue
		}
		if !utf8.ValidString(full) {
			if w.notUTF8 == "" {
				w.notUTF8 = full
			}
			if named && !item.IsDir() {
				run.entries = append(run.entries, entry{path: full, file: true})
			}
			continue
		}
		info, err := fs.Stat(w.fsys, full) // behind a link, too
		if err != nil {
			if named && item.Type()&fs.ModeSymlink != 0 {
				run.entries = append(run.entries, entry{path: full, gone: true})
			}
			continue
		}
		if info.IsDir() {
			subdirs = append(subdirs, subdir{full, info})
		}
		if named && (info.IsDir() || info.Mode().IsRegular()) {
			run.entries = append(run.entries, entry{path: full, file: !info.IsDir()})
		}
	}
	if run.hasFile() {
		w.dirs = append(w.dirs, run)
	}
	for _, sub := range subdirs {
		if loops(above, sub.info) {
			continue
		}
		if err := w.dir(sub.path, append(above[:len(above):len(above)], sub.info)); err != nil {
			return err
		}
	}
	return nil
}

// loops reports whether info is a directory on the way to itself.
func loops(above []fs.FileInfo, info fs.FileInfo) bool {
	for _, a := range above {
		if os.SameFile(a, info) {
			return true
		}
	}
	return false
}
