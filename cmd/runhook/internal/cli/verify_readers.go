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

// An answer is what a reader shows, in numbers, and what it does not.
type answer struct {
	readerJSON
	faults []finding // what answers with an error
	losses []readers.Loss
}

func newAnswer(name string, shown *readers.Shown) answer {
	a := answer{readerJSON: readerJSON{Name: name, Runs: len(shown.Runs)}, losses: shown.Losses}
	fault := func(run, tag string, err error) {
		a.faults = append(a.faults, finding{Class: "reader", Reader: name, Run: run, Tag: tag, Text: err.Error()})
	}
	if shown.Err != nil {
		a.Error = shown.Err.Error()
		fault("", "", shown.Err)
	}
	for _, plugin := range slices.Sorted(maps.Keys(shown.PluginErrs)) {
		fault("", "", fmt.Errorf("the page of %s fails: %w", plugin, shown.PluginErrs[plugin]))
	}
	for _, run := range shown.Runs {
		if run.Err != nil {
			fault(run.Name, "", fmt.Errorf("run %q fails: %w", run.Name, run.Err))
		}
		a.Tags += len(run.Tags)
		for _, tag := range run.Tags {
			a.Points += len(tag.Points)
			if tag.Err != nil {
				fault(run.Name, tag.Name, fmt.Errorf("tag %q in run %q fails: %w", tag.Name, run.Name, tag.Err))
			}
		}
	}
	return a
}

// overtaken returns what a restart has overtaken to all readers.
func overtaken(answers []answer) map[dropping]bool {
	seen := make(map[dropping]int)
	restarted := make(map[dropping]bool)
	for _, a := range answers {
		for i := range a.losses {
			if d, ok := droppingOf(&a.losses[i]); ok {
				seen[d]++
				restarted[d] = restarted[d] || a.losses[i].Reason == readers.Restarted
			}
		}
	}
	maps.DeleteFunc(restarted, func(d dropping, started bool) bool { return !started || seen[d] < len(answers) })
	return restarted
}

// ask notes what a reader does not show, but for what is agreed to be overtaken.
func (v *verified) ask(a answer, agreed map[dropping]bool) {
	v.Findings = append(v.Findings, a.faults...)
	for _, loss := range a.losses {
		if loss.Reason == readers.Truncated || loss.Reason == readers.Obsolete {
			continue // A torn file is found already; such a value holds nothing.
		}
		if d, ok := droppingOf(&loss); ok && agreed[d] {
			a.Overtaken += loss.Points
			continue
		}
		a.Dropped += loss.Points
		f := finding{Class: "reader", Reader: a.Name, Run: loss.Run, Tag: loss.Tag, File: loss.File, Points: loss.Points, Text: loss.String()}
		if loss.File != "" {
			f.Offset = &loss.Offset
		}
		v.find(f)
	}
	v.Readers = append(v.Readers, a.readerJSON)
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
