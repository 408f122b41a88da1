package summary

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// FileWriterCache holds the writers that hooks share: one a directory, so that
// two hooks never have two files open in it, of which readers would follow only
// the later. It is the only global variable of this module.
var FileWriterCache WriterCache

// A WriterCache hands out one [FileWriter] a directory. The zero value is ready
// for use, by any number of goroutines.
type WriterCache struct {
	mu      sync.Mutex
	entries map[string]*cacheEntry // by absolute, cleaned path
}

type cacheEntry struct {
	open   sync.Once
	writer atomic.Pointer[FileWriter] // nil until it is open
	err    error                      // of opening, for those who waited for it

	// Guarded by WriterCache.mu.
	users   int
	closing chan struct{} // not nil: the last user is closing it; closed when that is done
}

// Get returns the writer of a directory, which it opens with default settings
// if there is none, or if the user has closed it. Give it back by Release: the
// writer is closed when the last user has.
func (c *WriterCache) Get(logdir string) (*FileWriter, error) {
	return c.get(logdir, FileWriterConfig{})
}

// GetWith is Get with the settings that the writer is to have. It returns an error
// if there is a writer that has others. (Resume is for the opening alone; of
// OnError it only counts whether there is one.) To have hooks write with settings
// of one's own, be the first to get the writer of their directory, and release it
// after the session.
func (c *WriterCache) GetWith(logdir string, config FileWriterConfig) (*FileWriter, error) {
	wanted, err := config.resolve()
	if err != nil {
		return nil, err
	}
	w, err := c.get(logdir, config)
	if err != nil {
		return nil, err
	}
	if !w.config.same(wanted) {
		err := fmt.Errorf("summary: FileWriterCache: the writer of %s is open with other settings", logdir)
		return nil, errors.Join(err, c.Release(w))
	}
	return w, nil
}

func (c *WriterCache) get(logdir string, config FileWriterConfig) (*FileWriter, error) {
	if logdir == "" {
		return nil, errors.New("summary: FileWriterCache: logdir is empty")
	}
	path, err := filepath.Abs(logdir)
	if err != nil {
		return nil, fmt.Errorf("summary: FileWriterCache: %w", err)
	}
	e := c.enter(path)
	e.open.Do(func() {
		w, err := NewFileWriter(path, config)
		e.err = err
		e.writer.Store(w)
	})
	if e.err != nil {
		if c.leave(e) {
			c.forget(e)
		}
		return nil, e.err
	}
	return e.writer.Load(), nil
}

// enter counts a user in. A writer that is being closed is waited for: the next
// file of its directory sorts and begins after it.
func (c *WriterCache) enter(path string) *cacheEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		e := c.entries[path]
		switch {
		case e == nil || e.closedByUser():
			e = &cacheEntry{users: 1}
			if c.entries == nil {
				c.entries = make(map[string]*cacheEntry)
			}
			c.entries[path] = e
			return e
		case e.closing == nil:
			e.users++
			return e
		}
		closing := e.closing
		c.mu.Unlock()
		<-closing
		c.mu.Lock()
	}
}

// closedByUser reports whether somebody has closed the writer without Release.
func (e *cacheEntry) closedByUser() bool {
	w := e.writer.Load()
	return e.closing == nil && w != nil && w.current.Load().closed()
}

// leave counts a user off and reports whether it was the last one, who then has
// to forget the entry.
func (c *WriterCache) leave(e *cacheEntry) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.users--; e.users > 0 {
		return false
	}
	e.closing = make(chan struct{})
	return true
}

func (c *WriterCache) forget(e *cacheEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.entries, func(_ string, other *cacheEntry) bool { return other == e })
	close(e.closing)
}

// Release gives back a writer that Get returned, and closes it if this was its
// last user. The error is that of Close.
func (c *WriterCache) Release(w *FileWriter) error {
	e := c.find(w)
	if e == nil || !c.leave(e) {
		return nil
	}
	defer c.forget(e)
	return w.Close()
}

func (c *WriterCache) find(w *FileWriter) *cacheEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.writer.Load() == w && e.closing == nil {
			return e
		}
	}
	return nil
}
