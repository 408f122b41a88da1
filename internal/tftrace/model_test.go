package tftrace

import (
	"slices"

	"github.com/runhook/runhook/session"
)

// A model is TensorFlow's monitored sessions, coordinator, timers, writers and
// hooks, as far as scenarios show them, written down from its sources and not
// from this library. It is right if it makes the recorded traces, and says what
// becomes of them when mistakes are mended.
type model struct {
	*machine
	mended  mended
	hooks   map[string]*modelHook
	writers map[string]*modelWriter // the cache, by folder
	own     []*modelWriter          // the user's
	opened  map[string]bool         // folders that have an event file
	files   map[string][]event
	warned  int // times, of steps that stand still
	// joins makes one error of those that meet at closing. TensorFlow raises the
	// last.
	joins bool
}

var _ stack = (*model)(nil)

func newModel(m *machine, mended mended) *model {
	return &model{
		machine: m,
		mended:  mended,
		hooks:   make(map[string]*modelHook),
		writers: make(map[string]*modelWriter),
		opened:  make(map[string]bool),
		files:   make(map[string][]event),
		joins:   len(mended) > 0,
	}
}

// makes reports whether the model makes a mistake.
func (m *model) makes(number string) bool {
	if !slices.ContainsFunc(mistakes, func(known mistake) bool { return known.number == number }) {
		panic("mistake " + number + " is not in the table")
	}
	return !m.mended[number]
}

// met returns the error that closing ends with.
func (m *model) met(errs ...error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	if m.joins || len(errs) == 0 {
		return joined(errs...)
	}
	return errs[len(errs)-1]
}

// A modelCallbacks is what a hook of the model does.
type modelCallbacks interface {
	begin() error
	afterCreate(s *machineSession, c *modelCoordinator) error
	beforeRun(rc *modelContext) (*modelRequest, error)
	afterRun(rc *modelContext, values map[string]session.Value) error
	end(s *machineSession) error
	// closeSession gives back what begin took.
	closeSession()
}

// noCallbacks does nothing. Embed it.
type noCallbacks struct{}

func (noCallbacks) begin() error                                           { return nil }
func (noCallbacks) afterCreate(*machineSession, *modelCoordinator) error   { return nil }
func (noCallbacks) beforeRun(*modelContext) (*modelRequest, error)         { return nil, nil }
func (noCallbacks) afterRun(*modelContext, map[string]session.Value) error { return nil }
func (noCallbacks) end(*machineSession) error                              { return nil }
func (noCallbacks) closeSession()                                          {}

// A modelRequest is what a hook asks of a run.
type modelRequest struct {
	runSpec
	summaries []string
}

// A modelContext is a run as its hooks see it.
type modelContext struct {
	raw     *machineSession
	asked   runSpec
	options *optionsSpec // merged
	stop    bool
}

// A modelHook is a hook of the model, with what it asked for last.
type modelHook struct {
	modelCallbacks
	model   *model
	name    string
	request *modelRequest
}

func (m *model) construct(h hookSpec) error {
	callbacks, err := modelHooks[h.Type](m, h)
	if err != nil {
		return err
	}
	m.hooks[h.Name] = &modelHook{modelCallbacks: callbacks, model: m, name: h.Name}
	return nil
}

func (h *modelHook) isProbe() bool {
	_, ok := h.modelCallbacks.(*modelProbe)
	return ok
}

func (h *modelHook) callback(e event, method func() error) error {
	defer h.model.doing(h.name)()
	err := e.fail(method())
	if err != nil {
		h.model.note("failed", "hook", h.name, "callback", e["ev"]).fail(err)
	}
	return err
}

func (h *modelHook) begin() error {
	return h.callback(h.model.add("begin", "hook", h.name), h.modelCallbacks.begin)
}

func (h *modelHook) afterCreate(s *machineSession, c *modelCoordinator) error {
	e := h.model.add("after_create_session", "hook", h.name, "session", s.number)
	return h.callback(e, func() error { return h.modelCallbacks.afterCreate(s, c) })
}

func (h *modelHook) beforeRun(rc *modelContext) error {
	e := h.model.add("before_run", "hook", h.name)
	if rc.stop {
		e["stop"] = true
	}
	if h.isProbe() {
		e.set("fetches", rc.asked.Fetches)
		e.set("feeds", rc.asked.Feeds)
	}
	h.request = nil
	err := h.callback(e, func() (err error) {
		h.request, err = h.modelCallbacks.beforeRun(rc)
		return err
	})
	if err == nil && h.request != nil {
		shown := event{}
		shown.set("fetches", sortedNames(namesIn(h.request.Fetches)))
		shown.set("feeds", h.request.Feeds)
		shown.set("summaries", sortedNames(h.request.summaries))
		if h.request.Options != nil {
			shown["options"] = h.request.Options.event()
		}
		e["request"] = map[string]any(shown)
	}
	return err
}

func (h *modelHook) afterRun(rc *modelContext, values map[string]session.Value) error {
	e := h.model.add("after_run", "hook", h.name)
	before := rc.stop
	if before {
		e["stop"] = true
	}
	if h.isProbe() {
		if h.request != nil {
			e["results"] = inStructureOf(h.request.Fetches, func(name string) any { return asJSON(values[name]) })
		}
		e.set("options", rc.options.event())
	}
	err := h.callback(e, func() error { return h.modelCallbacks.afterRun(rc, values) })
	if !before && rc.stop {
		e["asks_stop"] = true
		h.model.note("asks_stop", "hook", h.name)
	}
	return err
}

func (h *modelHook) end(s *machineSession) error {
	return h.callback(h.model.add("end", "hook", h.name), func() error { return h.modelCallbacks.end(s) })
}

// modelError is an error that TensorFlow raises by itself.
func modelError(kind string) error { return &scriptedError{kind: kind, message: "TensorFlow's"} }
