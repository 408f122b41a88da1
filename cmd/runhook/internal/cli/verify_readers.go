package cli

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/runhook/runhook/summary/eventlog/readers"
)

// A dropping is points that were dropped for what came later.
type dropping struct {
	run, tag string
	points   int
	first    readers.Place
}

// droppingOf is what the loss is to all readers that have it. One of them goes by
// the steps alone.
func droppingOf(l *readers.Loss) (d dropping, ok bool) {
	return dropping{l.Run, l.Tag, l.Points, l.Place}, l.Reason == readers.Restarted || l.Reason == readers.NotRising
}

// overtaken returns what a restart has overtaken to all readers.
func overtaken(all []*readers.Shown) map[dropping]bool {
	seen := make(map[dropping]int)
	restarted := make(map[dropping]bool)
	for _, shown := range all {
		for i := range shown.Losses {
			if d, ok := droppingOf(&shown.Losses[i]); ok {
				seen[d]++
				restarted[d] = restarted[d] || shown.Losses[i].Reason == readers.Restarted
			}
		}
	}
	maps.DeleteFunc(restarted, func(d dropping, started bool) bool { return !started || seen[d] < len(all) })
	return restarted
}

// shown notes what a reader does not show, but for what is agreed to be
// overtaken.
func (v *verified) shown(name string, shown *readers.Shown, agreed map[dropping]bool) {
	r := readerJSON{Name: name, Runs: len(shown.Runs)}
	note := func(run, tag string, err error) {
		v.find(finding{Class: "reader", Reader: name, Run: run, Tag: tag, Text: err.Error()})
	}
	if shown.Err != nil {
		r.Error = shown.Err.Error()
		note("", "", shown.Err)
	}
	for _, plugin := range slices.Sorted(maps.Keys(shown.PluginErrs)) {
		note("", "", fmt.Errorf("the page of %s fails: %w", plugin, shown.PluginErrs[plugin]))
	}
	for _, run := range shown.Runs {
		if run.Err != nil {
			note(run.Name, "", fmt.Errorf("run %q fails: %w", run.Name, run.Err))
		}
		r.Tags += len(run.Tags)
		for _, tag := range run.Tags {
			r.Points += len(tag.Points)
			if tag.Err != nil {
				note(run.Name, tag.Name, fmt.Errorf("tag %q in run %q fails: %w", tag.Name, run.Name, tag.Err))
			}
		}
	}
	for _, loss := range shown.Losses {
		if loss.Reason == readers.Truncated {
			continue // A torn file is found already.
		}
		if d, ok := droppingOf(&loss); ok && agreed[d] {
			r.Overtaken += loss.Points
			continue
		}
		r.Dropped += loss.Points
		f := finding{Class: "reader", Reader: name, Run: loss.Run, Tag: loss.Tag, File: loss.File, Points: loss.Points, Text: loss.String()}
		if loss.File != "" {
			f.Offset = &loss.Offset
		}
		v.find(f)
	}
	v.Readers = append(v.Readers, r)
}

// logFS is a log directory, or a single event file as if it were one.
type logFS struct {
	fs.FS
	only     string // the file's name; empty: all
	progress func(int)
}

func newLogFS(path string, progress func(int)) logFS {
	if isFile(path) {
		return logFS{os.DirFS(filepath.Dir(path)), filepath.Base(path), progress}
	}
	return logFS{os.DirFS(path), "", progress}
}

// ReadDir leaves out what is not to be seen.
func (l logFS) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(l.FS, name)
	if l.only != "" {
		entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() != l.only })
	}
	return entries, err
}

// Stat follows links.
func (l logFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(l.FS, name) }

// Open tells what is read.
func (l logFS) Open(name string) (fs.File, error) {
	f, err := l.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return countedFile{f, l.progress}, nil
}

type countedFile struct {
	fs.File
	progress func(int)
}

func (f countedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.progress(n)
	return n, err
}
