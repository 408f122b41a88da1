package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// A hookedSession makes the runs: it asks the hooks, runs the engine once, and
// hands out the results. It is used by one goroutine at a time.
type hookedSession struct {
	session Session
	hooks   []attachedHook

	// The state of the run in progress, kept for the next one.
	rc       SessionRunContext
	asked    []*SessionRunArgs
	feeds    Feeds
	fedBy    map[string]string // name → hook
	options  RunOptions
	metadata RunMetadata
	plans    plans
}

func newHookedSession(s Session, hooks []attachedHook) *hookedSession {
	return &hookedSession{
		session: s,
		hooks:   hooks,
		asked:   make([]*SessionRunArgs, len(hooks)),
		feeds:   make(Feeds),
		fedBy:   make(map[string]string),
	}
}

// run is one hooked run. stop tells whether a hook asked for a stop, also where
// the run fails. feeds, options and metadata may be nil. names, the caller's
// fetches, come by themselves because that slice, unlike the rest, must not
// escape: it is the variadic argument of Run.
func (h *hookedSession) run(ctx context.Context, names []string, feeds Feeds, options *RunOptions, metadata *RunMetadata) (results Values, stop bool, err error) {
	fetches := h.plans.keep(names)
	h.rc = SessionRunContext{
		original: SessionRunArgs{Fetches: fetches, Feeds: feeds},
		session:  h.session,
	}
	h.options.set(options)
	h.metadata.reset()
	clear(h.feeds)
	clear(h.fedBy)

	if err := h.beforeRun(ctx); err != nil {
		return Values{}, h.rc.stop, err
	}
	if feeds, err = h.mergeFeeds(feeds); err != nil {
		return Values{}, h.rc.stop, err
	}
	p := h.plans.find(fetches, h.asked)
	if p == nil {
		p = newPlan(fetches, h.asked, &h.options, &h.metadata)
		h.plans.add(p)
	}
	clear(p.request.Values)
	p.request.Feeds = feeds
	if err := h.runEngine(ctx, &p.request); err != nil {
		return Values{}, h.rc.stop, h.whoAsked(err)
	}
	if metadata != nil {
		metadata.Nodes = append(metadata.Nodes[:0], h.metadata.Nodes...)
	}
	for i := range h.hooks {
		if err := h.hooks[i].AfterRun(ctx, &h.rc, &p.values[i]); err != nil {
			return Values{}, h.rc.stop, h.hooks[i].failed(PhaseAfterRun, err)
		}
	}
	return p.results, h.rc.stop, nil
}

// beforeRun asks the hooks in order and gathers their feeds and options.
func (h *hookedSession) beforeRun(ctx context.Context) error {
	for i := range h.hooks {
		args, err := h.hooks[i].BeforeRun(ctx, &h.rc)
		if err != nil {
			return h.hooks[i].failed(PhaseBeforeRun, err)
		}
		h.asked[i] = args
		if args == nil {
			continue
		}
		if len(args.Feeds) > 0 {
			if err := h.feed(args.Feeds, h.hooks[i].name); err != nil {
				return err
			}
		}
		if args.Options != nil {
			h.options.merge(args.Options)
		}
	}
	return nil
}

// feed adds the feeds of a hook to those of the hooks before it.
func (h *hookedSession) feed(feeds Feeds, hook string) error {
	if name, conflict := firstCommon(feeds, h.feeds); conflict {
		return &FeedConflictError{Name: name, First: h.fedBy[name], Second: hook}
	}
	for name, v := range feeds {
		h.feeds[name] = v
		h.fedBy[name] = hook
	}
	return nil
}

// mergeFeeds returns the feeds of the run. The caller's own map is not changed.
func (h *hookedSession) mergeFeeds(caller Feeds) (Feeds, error) {
	if len(h.feeds) == 0 {
		return caller, nil
	}
	if name, conflict := firstCommon(caller, h.feeds); conflict {
		return nil, &FeedConflictError{Name: name, First: h.fedBy[name]}
	}
	for name, v := range caller {
		h.feeds[name] = v
	}
	return h.feeds, nil
}

// firstCommon returns the first name, in order of the alphabet, in both.
func firstCommon(a, b Feeds) (name string, found bool) {
	for n := range a {
		if _, both := b[n]; both && (!found || n < name) {
			name, found = n, true
		}
	}
	return name, found
}

// whoAsked adds to the error about an unknown name who has fetched or fed it.
func (h *hookedSession) whoAsked(err error) error {
	unknown, ok := errors.AsType[*UnknownNameError](err)
	if !ok {
		return err
	}
	if h.rc.original.mentions(unknown.Name) {
		return fmt.Errorf("session: run: %w", err)
	}
	for i, args := range h.asked {
		if args != nil && args.mentions(unknown.Name) {
			return h.hooks[i].failed(PhaseBeforeRun, err)
		}
	}
	return err
}

func (h *hookedSession) runEngine(ctx context.Context, req *Request) error {
	if h.options.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, h.options.Timeout)
		defer cancel()
		ctx = limited
	}
	return h.session.Run(ctx, req)
}

// A rawSession is an engine's session as hooks and step functions see it: the
// end of input has one name, and use after Close one error.
type rawSession struct {
	engine Session
	closed atomic.Bool
}

// Run runs the engine.
func (s *rawSession) Run(ctx context.Context, req *Request) error {
	if s.closed.Load() {
		return ErrClosed
	}
	err := s.engine.Run(ctx, req)
	if err == io.EOF {
		return ErrOutOfRange
	}
	return err
}

// Close closes the engine's session, once.
func (s *rawSession) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.engine.Close()
}

// Unwrap returns the engine's own session, for abilities of it.
func (s *rawSession) Unwrap() Session { return s.engine }
