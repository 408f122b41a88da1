package eventlog

import (
	"context"
	"math"
)

// A purge tells what the restarts of a run have overtaken in one of its files.
type purge struct {
	starts []start // in the order of the file
	after  int64   // the lowest step of a START in a later file
}

// A start is a SessionLog START.
type start struct {
	offset int64
	step   int64 // the lowest step of this one and of all that come later
}

var noPurge = purge{after: math.MaxInt64}

// expires reports whether a START that comes later than e has e's step or a
// lower one. It is to be asked in the order of the file.
func (p *purge) expires(e *Event) bool {
	if !e.valued() {
		return false
	}
	for len(p.starts) > 0 && p.starts[0].offset < e.Offset {
		p.starts = p.starts[1:]
	}
	bound := p.after
	if len(p.starts) > 0 {
		bound = p.starts[0].step
	}
	// A START at the largest step of all purges that step alone, which noPurge
	// could not be told from.
	return e.Step >= bound && bound != math.MaxInt64
}

// purges looks for the restarts in all files of the runs, if they matter. Damage
// is left to the pass that follows.
func (c *Config) purges(ctx context.Context, runs []Run) ([][]purge, error) {
	type file struct{ run, n int }
	var files []file
	all := make([][]purge, len(runs))
	for i, run := range runs {
		all[i] = make([]purge, len(run.Files))
		for j := range run.Files {
			all[i][j] = noPurge
			files = append(files, file{i, j})
		}
	}
	if !c.Purge {
		return all, nil
	}
	search := Config{Salvage: c.Salvage, Progress: c.Progress}
	pool(ctx, len(files), c.Parallel, func(i int) {
		run, p := runs[files[i].run], &all[files[i].run][files[i].n]
		for e, err := range search.events(ctx, run.Name, run.Files[files[i].n], new(Decoder), noPurge) {
			if err == nil && e.start() {
				p.starts = append(p.starts, start{e.Offset, e.Step})
			}
		}
	})
	for _, files := range all {
		lowest := int64(math.MaxInt64)
		for j := len(files) - 1; j >= 0; j-- {
			files[j].after = lowest
			for k := len(files[j].starts) - 1; k >= 0; k-- {
				s := &files[j].starts[k]
				s.step = min(s.step, lowest)
				lowest = s.step
			}
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return all, nil
}
