package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
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

// A Coordinator owns goroutines that work together: it tells them to stop,
// waits for them, and keeps their errors. Each monitored session has one for the
// goroutines of its hooks. The rules are those of
// tensorflow/python/training/coordinator.py, but that no error is lost.
//
//	Go, Every, Register ──▶ work until Context is done ◀── RequestStop
//	                             │ errors: RequestStop
//	                             ▼
//	                            Join ──▶ ClearStop: from the beginning
//
// All methods may be called by any number of goroutines.
type Coordinator struct {
	config CoordinatorConfig
	parent context.Context // of NewCoordinator: the life of this coordinator

	mu      sync.Mutex
	ctx     context.Context // of this round; ClearStop begins the next
	cancel  context.CancelCauseFunc
	errs    []error // first what was first
	joined  bool
	running map[*member]struct{} // what the next Join waits for
}

// A member is a goroutine of a coordinator.
type member struct {
	name  string
	ended chan struct{}
}

// CoordinatorConfig describes a coordinator.
type CoordinatorConfig struct {
	// CleanStop decides which errors are a reason to stop but no failure. An error
	// of a goroutine started by Go comes wrapped. Default: [ErrOutOfRange] is, or
	// what wraps or joins nothing else. A monitored session takes [IsCleanStop].
	CleanStop func(error) bool
}

func (c CoordinatorConfig) resolve() CoordinatorConfig {
	if c.CleanStop == nil {
		c.CleanStop = func(err error) bool { return everyLeafIs(err, ErrOutOfRange) }
	}
	return c
}

// NewCoordinator returns a coordinator that is stopped when ctx is done, for
// which there is no remedy, or by RequestStop.
func NewCoordinator(ctx context.Context, config CoordinatorConfig) *Coordinator {
	c := &Coordinator{config: config.resolve(), parent: ctx, running: make(map[*member]struct{})}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	return c
}

// Context is done when a stop was requested: its cause is the error that was the
// reason, or [ErrStopRequested]. After ClearStop there is another one.
func (c *Coordinator) Context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ctx
}

// ShouldStop reports whether a stop was requested or the context that the
// coordinator was made with is done.
func (c *Coordinator) ShouldStop() bool { return c.Context().Err() != nil }

// WaitForStop waits until ShouldStop is true or ctx is done, and reports whether
// it was the stop.
func (c *Coordinator) WaitForStop(ctx context.Context) bool {
	stop := c.Context()
	select {
	case <-stop.Done():
	case <-ctx.Done():
	}
	return stop.Err() != nil
}

// RequestStop tells everybody to stop. err is why: nil, or a clean stop, is no
// failure, any other error is kept for Err and Join, also if a stop has been
// requested before.
//
// After Join nobody asks for errors any more. Then RequestStop returns err,
// unless it is clean, and does nothing else. Otherwise it returns nil.
func (c *Coordinator) RequestStop(err error) error {
	clean := err == nil || c.config.CleanStop(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case clean:
		c.cancel(ErrStopRequested)
		return nil
	case c.joined:
		return err
	}
	c.errs = append(c.errs, err)
	c.cancel(err)
	return nil
}

// Err returns the errors reported so far, joined, the first one first.
func (c *Coordinator) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return joined(c.errs)
}

// Go runs fn in a goroutine that Join waits for. ctx is done when a stop is
// requested; then fn has to return. An error of fn requests a stop, but for the
// news that ctx is done; one that comes after Join is kept for Err. A panic of fn
// is not recovered.
func (c *Coordinator) Go(name string, fn func(ctx context.Context) error) {
	if fn == nil {
		fn = func(context.Context) error { return errors.New("session: Go: the function is nil") }
	}
	m, ctx := c.add(name)
	go func() {
		defer c.end(m)
		if err := fn(ctx); err != nil && !isOwnStop(ctx, err) {
			c.report(fmt.Errorf("session: goroutine %q: %w", name, err))
		}
	}()
}

// isOwnStop reports whether err is the news that ctx is done: its error or its
// very cause, which is reported already. An error that wraps the cause is more.
func isOwnStop(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (everyLeafIs(err, ctx.Err()) || reflect.ValueOf(err).Comparable() && err == context.Cause(ctx))
}

// report is RequestStop for an error that nobody else can be given.
func (c *Coordinator) report(err error) {
	if err := c.RequestStop(err); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.errs = append(c.errs, err)
	}
}

// Register makes Join wait for a goroutine that the caller starts in its own
// way, until ended is called; further calls of ended do nothing. Errors go to
// RequestStop.
func (c *Coordinator) Register(name string) (ended func()) {
	m, _ := c.add(name)
	return sync.OnceFunc(func() { c.end(m) })
}

func (c *Coordinator) add(name string) (*member, context.Context) {
	m := &member{name: name, ended: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[m] = struct{}{}
	return m, c.ctx
}

func (c *Coordinator) end(m *member) {
	c.mu.Lock()
	delete(c.running, m)
	c.mu.Unlock()
	close(m.ended)
}

// Join waits until the goroutines registered so far have ended. From the stop
// on it waits for all there are, but not longer than grace, or than a
// millisecond, in which they can see the stop. It requests no stop itself.
//
// It returns [Coordinator.Err], joined with an [ErrStillRunning] that names
// those that did not end. Either way they are not waited for again: another Join
// is concerned with goroutines started since, and returns Err again.
func (c *Coordinator) Join(grace time.Duration) error {
	return c.join(context.Background(), grace)
}

// join is Join that, from the stop on, waits no longer than until ctx is done.
func (c *Coordinator) join(ctx context.Context, grace time.Duration) error {
	stop, members := c.members()
	if await(stop, members); stop.Err() != nil {
		limit, cancel := context.WithTimeout(ctx, max(grace, time.Millisecond))
		defer cancel()
		for await(limit, members) {
			if _, members = c.members(); len(members) == 0 {
				break
			}
		}
		_, late := c.members()
		maps.Copy(members, late)
	}
	names := c.forget(members)
	if len(names) == 0 {
		return c.Err()
	}
	return joined([]error{c.Err(), fmt.Errorf("%w after %v: %q", ErrStillRunning, grace, names)})
}

// stillRunning is the [ErrStillRunning] about goroutines that were started after
// the Join that was to be the last.
func (c *Coordinator) stillRunning() error {
	_, late := c.members()
	if names := c.forget(late); len(names) > 0 {
		return fmt.Errorf("%w, begun too late: %q", ErrStillRunning, names)
	}
	return nil
}

// members returns what runs now, and the context that a stop ends.
func (c *Coordinator) members() (context.Context, map[*member]struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ctx, maps.Clone(c.running)
}

// await waits until all have ended, and then returns true, or until ctx is done.
func await(ctx context.Context, members map[*member]struct{}) bool {
	for m := range members {
		select {
		case <-m.ended:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// forget completes a Join: it returns the names of those that still run.
func (c *Coordinator) forget(members map[*member]struct{}) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joined = true
	for m := range members {
		delete(c.running, m)
		select {
		case <-m.ended:
		default:
			names = append(names, m.name)
		}
	}
	slices.Sort(names)
	return names
}

// Joined reports whether Join has returned since the last ClearStop.
func (c *Coordinator) Joined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joined
}

// ClearStop makes the coordinator new: nobody asked for a stop, there is no
// error, and nothing was joined. Goroutines that run on stay registered, but
// their context is the one that they began with.
func (c *Coordinator) ClearStop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs, c.joined = nil, false
	if c.ctx.Err() != nil {
		c.ctx, c.cancel = context.WithCancelCause(c.parent)
	}
}
