package rewrite

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"

	"github.com/runhook/runhook/summary/eventlog"
)

// A Merge says how runs become one.
type Merge struct {
	Into     string // the run
	Prefix   bool   // tags get the names of their runs in front
	Progress func(bytes int)
}

// Apply merges the runs into one file in out: the run whose next event has the
// lowest step comes next, so steps rise where they rise in each. Of several runs
// what their restarts have overtaken is left out, and so are the session logs,
// because a restart would act upon the other runs.
//
// falling counts values of several runs whose step is not above that of the one
// before with the same tag.
func (m Merge) Apply(ctx context.Context, runs []eventlog.Run, out string) (counts Counts, falling int, err error) {
	f, err := create(filepath.Join(out, filepath.FromSlash(m.Into), filepath.Base(runs[0].Files[0])))
	if err != nil {
		return Counts{}, 0, err
	}
	r := &rewriter{out: out, told: make(map[Name]bool)}
	latest := make(map[string]int64)
	r.Value = func(e *eventlog.Event, from Name) (Name, bool) {
		to := Name{m.Into, from.Tag}
		if m.Prefix && from.Run != "." {
			to.Tag = from.Run + "/" + from.Tag
		}
		if step, ok := latest[to.Tag]; ok && e.Step <= step && len(runs) > 1 {
			falling++
		}
		latest[to.Tag] = e.Step
		return to, true
	}
	r.counts.Files = 1
	files := map[string]*file{m.Into: f}
	defer func() { err = errors.Join(err, (&copying{rewriter: r, files: files}).close()); counts = r.counts }()

	var heads []*head
	for _, run := range runs {
		h := &head{several: len(runs) > 1, copying: &copying{rewriter: r, source: newSource(run.Name), files: files}}
		h.into = m.Into
		// Not the log directory, which would be listed for each run.
		path := run.Files[0]
		if len(run.Files) > 1 {
			path = filepath.Dir(path)
		}
		config := eventlog.Config{Purge: h.several, Progress: m.Progress}
		config.Run = func(name string) bool { return name == "." }
		next, stop := iter.Pull2(eventlog.Events(ctx, path, config))
		defer stop()
		h.next = next
		if err := h.advance(); err != nil {
			return Counts{}, 0, err
		}
		heads = append(heads, h)
	}
	for {
		heads = slices.DeleteFunc(heads, func(h *head) bool { return h.event == nil })
		if len(heads) == 0 {
			return r.counts, falling, nil
		}
		lowest := heads[0]
		for _, h := range heads[1:] {
			if h.event.Step < lowest.event.Step {
				lowest = h
			}
		}
		if err := lowest.put(); err != nil {
			return r.counts, falling, err
		}
		if err := lowest.advance(); err != nil {
			return r.counts, falling, err
		}
	}
}

// A head is the next event of a run.
type head struct {
	*copying
	several bool // there are other runs
	next    func() (*eventlog.Event, error, bool)
	event   *eventlog.Event // nil at the end
	in      string          // the file
}

// advance moves on. Only the first version of all is kept, and no restart of
// several runs.
func (h *head) advance() error {
	for {
		e, err, ok := h.next()
		if err != nil {
			return err
		}
		if !ok {
			h.event = nil
			return nil
		}
		if e.File != h.in {
			h.in, h.here = e.File, make(map[string][]byte)
		}
		h.event = e
		switch {
		case e.What == eventlog.FileVersion:
			if f := h.files[h.into]; f.size == 0 {
				if err := f.add(e.Payload()); err != nil {
					return err
				}
			}
		case e.What != eventlog.SessionLog || !h.several:
			return nil
		}
	}
}

// put writes the event.
func (h *head) put() error {
	e := h.event
	var err error
	switch e.What {
	case eventlog.Summary:
		err = h.summary(e)
	case eventlog.GraphDef, eventlog.TaggedRunMetadata:
		err = h.blob(e)
	default:
		err = h.write(h.into, e.Payload(), true)
	}
	return at(e, err)
}
