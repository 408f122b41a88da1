package eventlog

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// Events returns the events of all runs below path, a log directory or an event
// file: run after run, in each the files in the order of their names. The *Event
// is the same each time and, with everything that it gives, valid until the
// iteration goes on.
//
// Damage is yielded as a *RecordError, then the run's next file follows. A torn
// tail, which every file has while it is being written, is passed over; a Reader
// tells of it. If ctx is done, its error is the last thing that is yielded.
func Events(ctx context.Context, path string, config Config) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		config, err := config.resolve()
		if err != nil {
			yield(nil, err)
			return
		}
		runs, err := config.runs(path)
		if err != nil && !yield(nil, err) {
			return
		}
		for _, run := range runs {
			purges, err := config.purges(ctx, []Run{run})
			if err != nil {
				yield(nil, err)
				return
			}
			d := &Decoder{admit: config.Tag}
			for i, file := range run.Files {
				for e, err := range config.events(ctx, run.Name, file, d, purges[0][i]) {
					if !yield(e, err) || err != nil && ctx.Err() != nil {
						return
					}
				}
			}
		}
	}
}

// runs returns the runs that the filter admits.
func (c *Config) runs(path string) ([]Run, error) {
	runs, err := Runs(path)
	if c.Run != nil {
		runs = slices.DeleteFunc(runs, func(r Run) bool { return !c.Run(r.Name) })
	}
	return runs, err
}

// events returns the admitted events of one file.
func (c *Config) events(ctx context.Context, run, file string, d *Decoder, purge purge) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		f, err := os.Open(file)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		d.overtaken = purge.tags
		r := NewReader(until(ctx, c.counted(f)), ReaderConfig{Name: file, Salvage: c.Salvage, Decoder: d})
		for e, err := range r.Events() {
			switch {
			case err != nil && errors.Is(err, ErrTruncated) && !c.Salvage:
				return
			case err != nil:
				if !yield(nil, err) {
					return
				}
			case c.admits(e) && !(e.valued() && purge.all.expires(e)):
				e.Run = run
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// counted tells Progress what is read from src.
func (c *Config) counted(src io.Reader) io.Reader {
	if c.Progress == nil {
		return src
	}
	return readerFunc(func(p []byte) (int, error) {
		n, err := src.Read(p)
		c.Progress(n)
		return n, err
	})
}

// until reads from src as long as ctx is not done.
func until(ctx context.Context, src io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return src.Read(p)
	})
}

// pool calls do for 0 to n-1, parallel of them at once, and returns when all
// have returned. When ctx is done no more are begun.
func pool(ctx context.Context, n, parallel int, do func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, parallel) {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wait.Wait()
}

// maxFaults is how many faults of a file are reported: a file may be made of
// nothing else.
const maxFaults = 100

// A fileResult is what came of one file, or of several in a row.
type fileResult struct {
	decoder Decoder
	faults  []error
}

// scan calls each for the admitted values of all files: for those of one result
// in their order and one at a time. results are those of each run, in the order
// of its files. whole makes one result for each run instead of one for each file.
func (c *Config) scan(ctx context.Context, runs []Run, whole bool, each func(*Event, Value) error) (results [][]*fileResult, err error) {
	purges, err := c.purges(ctx, runs)
	if err != nil {
		return nil, err
	}
	type unit struct {
		run    int
		from   int
		files  []string
		result *fileResult
	}
	var units []unit
	results = make([][]*fileResult, len(runs))
	for i, run := range runs {
		size := 1
		if whole {
			size = len(run.Files)
		}
		for from := 0; from < len(run.Files); from += size {
			result := &fileResult{decoder: Decoder{admit: c.Tag}}
			results[i] = append(results[i], result)
			units = append(units, unit{i, from, run.Files[from : from+size], result})
		}
	}
	pool(ctx, len(units), c.Parallel, func(i int) {
		u := units[i]
		for j, file := range u.files {
			for e, err := range c.events(ctx, runs[u.run].Name, file, &u.result.decoder, purges[u.run][u.from+j]) {
				if err == nil {
					err = eachValue(e, each)
				}
				if err != nil && len(u.result.faults) < maxFaults {
					u.result.faults = append(u.result.faults, err)
				}
			}
		}
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var faults []error
	for _, u := range units {
		faults = append(faults, u.result.faults...)
	}
	return results, errors.Join(faults...)
}

func eachValue(e *Event, each func(*Event, Value) error) error {
	for v, err := range e.Values() {
		if err != nil {
			return err
		}
		if err := each(e, v); err != nil {
			return e.fault(err)
		}
	}
	return nil
}

// join is errors.Join, but a single error stays as it is.
func join(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return errors.Join(a, b)
}
