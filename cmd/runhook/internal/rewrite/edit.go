package rewrite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/runhook/runhook/summary/eventlog"
)

// A Name is where a value is: run and tag.
type Name struct{ Run, Tag string }

// An Edit says what becomes of events and values. Its functions are called in
// the order of the runs, their files and the events in them; nil changes nothing.
type Edit struct {
	// Event reports whether the event stays. It is not asked of the version.
	Event func(*eventlog.Event) bool

	// Rename returns the new name of a run.
	Rename func(run string) string

	// Value returns the new name of a value, with the new name of the run. The
	// graph of a GraphDef event is a value, and a TaggedRunMetadata is one. ok is
	// false if it is left out.
	Value func(e *eventlog.Event, name Name) (to Name, ok bool)

	// Cut reports whether the next event belongs into a new file: size is that of
	// the present one. Not asked before the first event of a file.
	Cut func(e *eventlog.Event, size int64) bool

	// Progress is told how many bytes were read.
	Progress func(bytes int)
}

// Counts are what an edit has done.
type Counts struct {
	Files     int   `json:"files"`     // written
	Bytes     int64 `json:"bytes"`     // of these
	Events    int   `json:"events"`    // written
	Identical int   `json:"identical"` // of these, as they were
	Dropped   int   `json:"dropped"`   // values left out, events without values among them
	Torn      int   `json:"torn"`      // files with a torn tail, which was not copied
}

// Plus adds what two edits have done.
func (c Counts) Plus(d Counts) Counts {
	return Counts{
		Files: c.Files + d.Files, Bytes: c.Bytes + d.Bytes, Events: c.Events + d.Events,
		Identical: c.Identical + d.Identical, Dropped: c.Dropped + d.Dropped, Torn: c.Torn + d.Torn,
	}
}

// A rewriter writes the files of one run after the other.
type rewriter struct {
	Edit
	out    string
	counts Counts
	told   map[Name]bool // of which there are metadata in the run
}

// Apply writes the runs, edited, into the directory out. Damage is an error, a
// torn tail is not.
func (edit Edit) Apply(ctx context.Context, runs []eventlog.Run, out string) (Counts, error) {
	r := &rewriter{Edit: edit, out: out, told: make(map[Name]bool)}
	for _, run := range runs {
		source := newSource(run.Name)
		if edit.Rename != nil {
			source.into = edit.Rename(run.Name)
		}
		prefix := ""
		for i, path := range run.Files {
			if edit.Cut != nil {
				// Names of pieces sort as the files do.
				prefix = fmt.Sprintf("%05d-", i)
			}
			if err := r.file(ctx, source, path, prefix); err != nil {
				return r.counts, err
			}
		}
	}
	return r.counts, nil
}

// A source is a run being read.
type source struct {
	run     string
	into    string // the run that it becomes
	decoder *eventlog.Decoder
	told    map[string][]byte // metadata of tags, in the run so far
	starts  [][]byte          // payloads of the SessionLogs START so far
	given   map[string]int    // how many of these each run has got
}

func newSource(run string) *source {
	return &source{run: run, into: run, decoder: new(eventlog.Decoder), told: make(map[string][]byte), given: make(map[string]int)}
}

// file writes what becomes of a file. prefix goes in front of its name.
func (r *rewriter) file(ctx context.Context, s *source, path, prefix string) (err error) {
	c := &copying{rewriter: r, source: s, here: make(map[string][]byte), name: prefix + filepath.Base(path), files: make(map[string]*file)}
	defer func() { err = errors.Join(err, c.close()) }()
	if _, err := c.to(c.into); err != nil {
		return err
	}
	for e, err := range events(ctx, path, s.decoder, r.Progress) {
		if errors.Is(err, eventlog.ErrTruncated) {
			r.counts.Torn++
			break
		}
		if err != nil {
			return err
		}
		e.Run = s.run
		if err := c.event(e); err != nil {
			return at(e, err)
		}
	}
	return nil
}

// at says where an event is that cannot be copied, unless err does so itself, or
// it is not the event's fault.
func at(e *eventlog.Event, err error) error {
	if r := (*eventlog.RecordError)(nil); errors.As(err, &r) || !errors.Is(err, eventlog.ErrMalformed) {
		return err
	}
	return &eventlog.RecordError{File: e.File, Offset: e.Offset, Err: err}
}

// events reads one file as long as ctx is not done.
func events(ctx context.Context, path string, d *eventlog.Decoder, progress func(int)) iter.Seq2[*eventlog.Event, error] {
	return func(yield func(*eventlog.Event, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		r := eventlog.NewReader(Counted(ctx, f, progress), eventlog.ReaderConfig{Name: path, Decoder: d})
		for e, err := range r.Events() {
			if !yield(e, err) {
				return
			}
		}
	}
}
