package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrStopRequested is the cause with which a [Coordinator]'s context is
// cancelled by a stop without an error.
var ErrStopRequested = errors.New("session: stop requested")

// ErrStillRunning says that goroutines of a coordinator outlived the grace
// period that they had for stopping.
var ErrStillRunning = errors.New("session: goroutines still running")

// A Coordinator owns the goroutines that belong to one session: it tells them
// to stop, waits for them, and keeps their errors. All methods may be called by
// any number of goroutines.
type Coordinator struct {
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	errs    []error        // first what was first
	running map[string]int // name → goroutines of that name
	changed chan struct{}  // closed and made anew when one ends
}

// NewCoordinator returns a coordinator whose context ends with ctx.
func NewCoordinator(ctx context.Context) *Coordinator {
	c := &Coordinator{running: make(map[string]int), changed: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	return c
}

// Context is done when a stop was requested: its cause is the error reported
// first, or [ErrStopRequested].
func (c *Coordinator) Context() context.Context { return c.ctx }

// ShouldStop reports whether a stop was requested or the context that the
// coordinator was made with is done.
func (c *Coordinator) ShouldStop() bool { return c.ctx.Err() != nil }

// RequestStop tells everybody to stop. err is why; nil, [ErrOutOfRange] and
// [ErrStop] are no failure. Errors of later calls are kept, too.
func (c *Coordinator) RequestStop(err error) {
	if err == nil || IsCleanStop(err) {
		c.cancel(ErrStopRequested)
		return
	}
	c.mu.Lock()
	c.errs = append(c.errs, err)
	c.mu.Unlock()
	c.cancel(err)
}

// Err returns the errors reported so far, joined, the first one first.
func (c *Coordinator) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.errs) == 1 {
		return c.errs[0]
	}
	return errors.Join(c.errs...)
}

// Go runs fn in a goroutine that [Coordinator.Join] waits for. ctx is done when
// a stop is requested; then fn has to return. An error of fn requests a stop,
// but for the news that ctx is done.
func (c *Coordinator) Go(name string, fn func(ctx context.Context) error) {
	c.mu.Lock()
	c.running[name]++
	c.mu.Unlock()
	go func() {
		defer c.ended(name)
		if err := fn(c.ctx); err != nil && !isInterruption(c.ctx, err) {
			c.RequestStop(fmt.Errorf("session: goroutine %q: %w", name, err))
		}
	}()
}

func (c *Coordinator) ended(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[name]--; c.running[name] == 0 {
		delete(c.running, name)
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// Join waits until every goroutine started by Go has ended; from the stop on
// not longer than grace. It returns [Coordinator.Err], joined with an
// [ErrStillRunning] that names those that did not end.
func (c *Coordinator) Join(grace time.Duration) error {
	stop, timeout := c.ctx.Done(), (<-chan time.Time)(nil)
	for {
		names, changed := c.stragglers()
		if len(names) == 0 {
			return c.Err()
		}
		select {
		case <-changed:
		case <-stop:
			timer := time.NewTimer(grace)
			defer timer.Stop()
			stop, timeout = nil, timer.C
		case <-timeout:
			if names, _ = c.stragglers(); len(names) == 0 {
				return c.Err()
			}
			return errors.Join(c.Err(), fmt.Errorf("%w after %v: %q", ErrStillRunning, grace, names))
		}
	}
}

// stragglers returns the names of what still runs, and a channel that is closed
// when one of them ends.
func (c *Coordinator) stragglers() ([]string, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name, n := range c.running {
		for range n {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, c.changed
}
