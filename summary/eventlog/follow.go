package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"
)

// A FollowConfig is what Follow reads and how often it looks. The zero value
// follows everything.
type FollowConfig struct {
	Filter

	// Interval is the pause between two looks at the directory. Default 0: one
	// second.
	Interval time.Duration
}

// Follow returns the events below path, a log directory or an event file, as
// Events does, and goes on with what is written from then on: to these files, to
// new files and to new runs. What does not exist yet is waited for, and so is the
// rest of a record that is cut off. Every file is followed as long as the
// iteration lasts, also when the run has newer ones; between two looks none is
// open. Restarts are not applied, the SessionLog START is among the events.
//
// The iteration ends without an error when ctx is done. Damage is yielded as a
// *RecordError, once; that file is not read any further, all others are. Any
// other error is yielded when it comes up, and what failed is tried again at the
// next look.
//
// Follow starts no goroutine. The *Event is valid until the iteration goes on.
func Follow(ctx context.Context, path string, config FollowConfig) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		if config.Interval < 0 {
			yield(nil, fmt.Errorf("eventlog: Interval is %v, want 0 or more", config.Interval))
			return
		}
		if config.Interval == 0 {
			config.Interval = time.Second
		}
		f := follower{
			config: Config{Filter: config.Filter},
			runs:   make(map[string]*Decoder),
			files:  make(map[string]*followed),
			said:   make(map[string]bool),
		}
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			if !f.look(ctx, path, yield) {
				return
			}
			timer.Reset(config.Interval)
		}
	}
}

type follower struct {
	config Config
	runs   map[string]*Decoder  // by name
	files  map[string]*followed // by path
	said   map[string]bool      // errors of the last look, so that each is yielded once
}

// A followed file is one that was seen.
type followed struct {
	offset int64 // up to here it was read
	dead   bool  // damaged: its end, for us
}

// look yields what has come since the last one. It reports whether to go on.
func (f *follower) look(ctx context.Context, path string, yield func(*Event, error) bool) bool {
	said := make(map[string]bool)
	say := func(err error) bool {
		said[err.Error()] = true
		return f.said[err.Error()] || yield(nil, err)
	}
	defer func() { f.said = said }()

	runs, err := Runs(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !say(err) {
		return false
	}
	for _, run := range runs {
		d := f.runs[run.Name]
		if d == nil {
			if f.config.Run != nil && !f.config.Run(run.Name) {
				f.runs[run.Name] = leftOut
				continue
			}
			d = &Decoder{admit: f.config.Tag}
			f.runs[run.Name] = d
		}
		if d == leftOut {
			continue
		}
		for _, path := range run.Files {
			file := f.files[path]
			if file == nil {
				file = new(followed)
				f.files[path] = file
			}
			for e, err := range f.more(ctx, path, file, d) {
				switch {
				case err != nil && ctx.Err() != nil:
					return false
				case err != nil:
					if !say(err) {
						return false
					}
				case f.config.admits(e):
					e.Run = run.Name
					if !yield(e, nil) {
						return false
					}
				}
			}
		}
	}
	return ctx.Err() == nil
}

// leftOut stands for the Decoder of a run that the filter does not admit.
var leftOut = new(Decoder)

// more returns the events that were added to the file.
func (f *follower) more(ctx context.Context, path string, file *followed, d *Decoder) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		if file.dead {
			return
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return // Removed since it was listed.
		}
		if err == nil && info.Size() == file.offset {
			return
		}
		if err == nil && info.Size() < file.offset {
			file.dead = true
			err = &RecordError{File: path, Offset: file.offset, Err: fmt.Errorf("%w: the file is down to %d bytes", ErrCorrupt, info.Size())}
		}
		if err != nil {
			yield(nil, err)
			return
		}
		src, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer src.Close()
		if _, err := src.Seek(file.offset, io.SeekStart); err != nil {
			yield(nil, err)
			return
		}
		r := NewReader(until(ctx, src), ReaderConfig{Name: path, Offset: file.offset, Decoder: d})
		for e, err := range r.Events() {
			switch {
			case errors.Is(err, ErrTruncated):
				file.offset = r.Offset()
				return
			case err != nil:
				file.offset = r.Offset()
				file.dead = errors.Is(err, ErrCorrupt) || errors.Is(err, ErrMalformed)
				yield(nil, err)
				return
			case !yield(e, nil):
				return
			}
		}
		file.offset = r.Offset()
	}
}
