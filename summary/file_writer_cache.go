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
	users  int                        // guarded by WriterCache.mu
}

// Get returns the writer of a directory, which it opens with default settings
// if there is none, or if the user has closed it. Give it back by Release: the
// writer is closed when the last user has.
func (c *WriterCache) Get(logdir string) (*FileWriter, error) {
	if logdir == "" {
		return nil, errors.New("summary: FileWriterCache: logdir is empty")
	}
	path, err := filepath.Abs(logdir)
	if err != nil {
		return nil, fmt.Errorf("summary: FileWriterCache: %w", err)
	}
	c.mu.Lock()
	e := c.entries[path]
	if e == nil || e.closedByUser() {
		e = new(cacheEntry)
		if c.entries == nil {
			c.entries = make(map[string]*cacheEntry)
		}
		c.entries[path] = e
	}
	e.users++
	c.mu.Unlock()

	e.open.Do(func() {
		w, err := NewFileWriter(path, FileWriterConfig{})
		e.err = err
		e.writer.Store(w)
	})
	if e.err != nil {
		c.drop(e)
		return nil, e.err
	}
	return e.writer.Load(), nil
}

// closedByUser reports whether somebody has closed the writer without Release.
func (e *cacheEntry) closedByUser() bool {
	w := e.writer.Load()
	return w != nil && w.current.Load().closed()
}

// drop counts a user off, and forgets the entry if it was the last one.
func (c *WriterCache) drop(e *cacheEntry) (last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.users--; e.users > 0 {
		return false
	}
	maps.DeleteFunc(c.entries, func(_ string, other *cacheEntry) bool { return other == e })
	return true
}

// Release gives back a writer that Get returned, and closes it if this was its
// last user. The error is that of Close.
func (c *WriterCache) Release(w *FileWriter) error {
	c.mu.Lock()
	var released *cacheEntry
	for _, e := range c.entries {
		if e.writer.Load() == w {
			released = e
		}
	}
	c.mu.Unlock()
	if released == nil || !c.drop(released) {
		return nil
	}
	return w.Close()
}
