package tftrace

import (
	"context"

	"github.com/runhook/runhook/session"
)

// A recordedHook writes down what happens to a hook of this library.
type recordedHook struct {
	library   *library
	name      string
	hook      session.SessionRunHook
	probe     *libraryProbe // the hook, if it is one
	summaries []string      // names of what a SummarySaverHook records
	coord     *session.Coordinator
	first     bool // of its session's hooks
}

var (
	_ session.SessionRunHook = (*recordedHook)(nil)
	_ session.SessionCloser  = (*recordedHook)(nil)
	_ session.Namer          = (*recordedHook)(nil)
)

// Name is the scenario's.
func (h *recordedHook) Name() string { return h.name }

// callback writes an event and calls a method of the hook. Goroutines that end
// because of it have ended when it returns.
func (h *recordedHook) callback(e event, method func() error) error {
	defer h.library.doing(h.name)()
	err := e.fail(method())
	if err != nil {
		h.library.note("failed", "hook", h.name, "callback", e["ev"]).fail(err)
	}
	if h.coord != nil && h.coord.ShouldStop() {
		h.library.threads[h.coord].wait()
	}
	return err
}

func (h *recordedHook) Begin(ctx context.Context, graph session.Graph) error {
	h.coord = nil
	e := h.library.add("begin", "hook", h.name)
	return h.callback(e, func() error { return h.hook.Begin(ctx, graph) })
}

func (h *recordedHook) AfterCreateSession(ctx context.Context, s session.Session, coord *session.Coordinator) error {
	h.coord = coord
	if h.library.threads[coord] == nil {
		h.library.threads[coord] = newThreadGroup()
	}
	e := h.library.add("after_create_session", "hook", h.name, "session", h.library.attempts)
	return h.callback(e, func() error { return h.hook.AfterCreateSession(ctx, s, coord) })
}

func (h *recordedHook) BeforeRun(ctx context.Context, rc *session.SessionRunContext) (args *session.SessionRunArgs, err error) {
	if h.first {
		h.library.summaries = nil
	}
	e := h.library.add("before_run", "hook", h.name)
	if rc.StopRequested() {
		e["stop"] = true
	}
	if h.probe != nil {
		e.set("fetches", h.library.callersFetches(rc))
		e.set("feeds", fromFeeds(rc.OriginalArgs().Feeds))
	}
	err = h.callback(e, func() error {
		args, err = h.hook.BeforeRun(ctx, rc)
		return err
	})
	if args != nil && err == nil {
		e["request"] = h.request(args)
	}
	return args, err
}

// request is what the hook asks for as events show it. A SummarySaverHook that
// asks for more than the global step asks for its summaries.
func (h *recordedHook) request(args *session.SessionRunArgs) map[string]any {
	request := event{}
	request.set("fetches", sortedNames(args.Fetches))
	request.set("feeds", fromFeeds(args.Feeds))
	if len(h.summaries) > 0 && len(args.Fetches) > 1 {
		request.set("summaries", sortedNames(h.summaries))
		h.library.summaries = append(h.library.summaries, h.summaries...)
	}
	if args.Options != nil {
		request["options"] = specOf(args.Options).event()
	}
	return request
}

func (h *recordedHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	e := h.library.add("after_run", "hook", h.name)
	before := rc.StopRequested()
	if before {
		e["stop"] = true
	}
	if h.probe != nil {
		e["results"] = h.probe.results(values.Results)
		e.set("options", specOf(values.Options).event())
	}
	err := h.callback(e, func() error { return h.hook.AfterRun(ctx, rc, values) })
	if !before && rc.StopRequested() {
		e["asks_stop"] = true
		h.library.note("asks_stop", "hook", h.name)
	}
	return err
}

func (h *recordedHook) End(ctx context.Context, s session.Session) error {
	e := h.library.add("end", "hook", h.name)
	return h.callback(e, func() error { return h.hook.End(ctx, s) })
}

// CloseSession is no callback of TensorFlow's and not written down.
func (h *recordedHook) CloseSession(ctx context.Context, cause error) error {
	if closer, ok := h.hook.(session.SessionCloser); ok {
		return closer.CloseSession(ctx, cause)
	}
	return nil
}
