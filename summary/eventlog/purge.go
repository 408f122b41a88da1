package eventlog

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
)

// A purge tells what has been overtaken in one of the files of a run.
type purge struct {
	all  bound             // by restarts: values of all tags
	tags map[string]*bound // by steps that went back, where restarts are not marked
}

// A bound is the lowest step that comes later, from every place of a file on.
type bound struct {
	marks []mark // in the order of the file
	after int64  // the lowest step of a mark in a later file
}

// A mark overtakes what stands before it and has its step or a higher one.
type mark struct {
	offset int64
	step   int64 // the lowest of this one and of all that come later
}

// noPurge is a purge that overtakes nothing.
func noPurge() purge { return purge{all: bound{after: math.MaxInt64}} }

// expires reports whether a mark behind e has e's step or a lower one. It is to be
// asked in the order of the file.
func (b *bound) expires(e *Event) bool {
	for len(b.marks) > 0 && b.marks[0].offset <= e.Offset {
		b.marks = b.marks[1:]
	}
	lowest := b.after
	if len(b.marks) > 0 {
		lowest = b.marks[0].step
	}
	// A mark at the largest step of all overtakes that step alone, which no mark
	// at all could not be told from.
	return e.Step >= lowest && lowest != math.MaxInt64
}

// of returns the bound of a tag.
func (p *purge) of(tag string) *bound {
	b := p.tags[tag]
	if b == nil {
		b = &bound{after: math.MaxInt64}
		if p.tags == nil {
			p.tags = make(map[string]*bound)
		}
		p.tags[tag] = b
	}
	return b
}

// purges looks for what was overtaken in all files of the runs, if it matters.
// Damage is left to the pass that follows.
func (c *Config) purges(ctx context.Context, runs []Run) ([][]purge, error) {
	all := make([][]purge, len(runs))
	for i, run := range runs {
		all[i] = make([]purge, len(run.Files))
		for j := range run.Files {
			all[i][j] = noPurge()
		}
	}
	if !c.Purge {
		return all, nil
	}
	search := Config{Salvage: c.Salvage, Progress: c.Progress}
	pool(ctx, len(runs), c.Parallel, func(i int) { search.mark(ctx, runs[i], all[i]) })
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return all, nil
}

// mark finds the marks of a run's files, by EventAccumulator._MaybePurgeOrphanedData.
func (c *Config) mark(ctx context.Context, run Run, files []purge) {
	restarts, latest := false, int64(-1)
	var d Decoder
	for i, file := range run.Files {
		p := &files[i]
		for e, err := range c.events(ctx, run.Name, file, &d, noPurge()) {
			if err != nil {
				continue
			}
			if e.What == FileVersion {
				restarts = marksRestarts(string(e.Body()))
			}
			switch {
			case restarts && e.start():
				p.all.marks = append(p.all.marks, mark{e.Offset, e.Step})
			case restarts:
			case e.What == Summary && e.Step < latest:
				for v, err := range e.Values() {
					b := p.of(v.Tag)
					if v.Tag == "" {
						b = &p.all // No tag is every tag.
					}
					if err == nil {
						b.marks = append(b.marks, mark{e.Offset, e.Step})
					}
				}
			default:
				latest = e.Step
			}
		}
	}
	lowest := int64(math.MaxInt64)
	lowestOf := make(map[string]int64) // by tag
	for i := len(files) - 1; i >= 0; i-- {
		p := &files[i]
		lowest = p.all.lower(lowest)
		for tag := range lowestOf {
			p.of(tag)
		}
		for tag, b := range p.tags {
			later, ok := lowestOf[tag]
			if !ok {
				later = math.MaxInt64
			}
			lowestOf[tag] = b.lower(later)
		}
	}
}

// lower makes each mark the lowest from its place on, given that of later files,
// and returns that of all.
func (b *bound) lower(later int64) int64 {
	b.after = later
	for k := len(b.marks) - 1; k >= 0; k-- {
		m := &b.marks[k]
		m.step = min(m.step, later)
		later = m.step
	}
	return later
}

// marksRestarts reports whether the writer of a file of this version says START
// when it restarts.
func marksRestarts(version string) bool {
	const prefix = "brain.Event:"
	if i := strings.LastIndex(version, prefix); i >= 0 {
		version = version[i+len(prefix):]
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(version), 64)
	return f >= 2 && (err == nil || errors.Is(err, strconv.ErrRange))
}
