package tftrace

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/runhook/runhook/session"
)

func init() {
	libraryHooks["probe"] = func(l *library, h hookSpec) (session.SessionRunHook, error) {
		return &libraryProbe{script: newProbe(h), library: l}, nil
	}
}

// A libraryProbe is a probe as a hook of this library.
type libraryProbe struct {
	script  *probe
	library *library
	coord   *session.Coordinator
	asked   *runSpec // in the run in progress
}

// results are the values of what the probe asked for, in that structure.
func (p *libraryProbe) results(values session.Values) any {
	if p.asked == nil {
		return nil
	}
	shown, _ := structured(p.asked.Fetches, values, nil)
	return shown
}

func (p *libraryProbe) act(ctx context.Context, in string, s session.Session, rc *session.SessionRunContext) error {
	return p.script.call(in, &libraryHost{probe: p, ctx: ctx, session: s, context: rc})
}

func (p *libraryProbe) Begin(ctx context.Context, graph session.Graph) error {
	for _, request := range append([]*runSpec{p.script.Request}, valuesOf(p.script.RequestAt)...) {
		if request == nil {
			continue
		}
		for _, name := range namesIn(request.Fetches) {
			if err := graph.Resolve(name); err != nil {
				return err
			}
		}
	}
	return p.act(ctx, "begin", nil, nil)
}

// valuesOf returns the values of a map in the order of its keys.
func valuesOf[K cmp.Ordered, V any](m map[K]V) []V {
	var values []V
	for _, key := range sortedKeys(m) {
		values = append(values, m[key])
	}
	return values
}

func (p *libraryProbe) AfterCreateSession(ctx context.Context, s session.Session, coord *session.Coordinator) error {
	p.coord = coord
	return p.act(ctx, "after_create_session", s, nil)
}

func (p *libraryProbe) BeforeRun(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
	if err := p.act(ctx, "before_run", rc.Session(), rc); err != nil {
		return nil, err
	}
	p.asked = p.script.request()
	if p.asked == nil {
		return nil, nil
	}
	return &session.SessionRunArgs{
		Fetches: namesIn(p.asked.Fetches),
		Feeds:   toFeeds(p.asked.Feeds),
		Options: p.asked.Options.runOptions(),
	}, nil
}

func (p *libraryProbe) AfterRun(ctx context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
	return p.act(ctx, "after_run", rc.Session(), rc)
}

func (p *libraryProbe) End(ctx context.Context, s session.Session) error {
	return p.act(ctx, "end", s, nil)
}

// A libraryHost is what a probe acts on.
type libraryHost struct {
	probe   *libraryProbe
	ctx     context.Context
	session session.Session
	context *session.SessionRunContext // nil where there is no run
}

func (h *libraryHost) requestStop() { h.context.RequestStop() }

func (h *libraryHost) run(names []string, feeds map[string]any) error {
	_, err := rawRun(h.ctx, h.session, names, feeds)
	return err
}

func (h *libraryHost) coordStop(err error, _ bool) error {
	failed := h.probe.coord.RequestStop(err)
	h.probe.library.threads[h.probe.coord].wait()
	return failed
}

func (h *libraryHost) startThread(name string) {
	group := h.probe.library.threads[h.probe.coord]
	group.begin(name)
	h.probe.coord.Go(name, func(ctx context.Context) error {
		<-ctx.Done()
		group.end(name, func() { h.probe.library.add("thread_end", "thread", name) })
		return nil
	})
	if h.probe.coord.ShouldStop() {
		group.wait()
	}
}

// A threadGroup lets the goroutines of a coordinator, which are told to stop at
// once, end in the order of their names.
type threadGroup struct {
	mu      sync.Mutex
	changed sync.Cond
	running []string // sorted
}

func newThreadGroup() *threadGroup {
	g := new(threadGroup)
	g.changed.L = &g.mu
	return g
}

func (g *threadGroup) begin(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, _ := slices.BinarySearch(g.running, name)
	g.running = slices.Insert(g.running, at, name)
}

func (g *threadGroup) end(name string, record func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.running[0] != name {
		g.changed.Wait()
	}
	record()
	g.running = g.running[1:]
	g.changed.Broadcast()
}

func (g *threadGroup) wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.running) > 0 {
		g.changed.Wait()
	}
}
