package tftrace

import "github.com/runhook/runhook/session"

// A modelProbe is a probe as a hook of the model.
type modelProbe struct {
	noCallbacks
	model  *model
	script *probe
	coord  *modelCoordinator
}

func newModelProbe(m *model, h hookSpec) (modelCallbacks, error) {
	return &modelProbe{model: m, script: newProbe(h)}, nil
}

func (p *modelProbe) act(in string, s *machineSession, rc *modelContext) error {
	return p.script.call(in, &modelHost{probe: p, session: s, context: rc})
}

func (p *modelProbe) begin() error { return p.act("begin", nil, nil) }

func (p *modelProbe) afterCreate(s *machineSession, c *modelCoordinator) error {
	p.coord = c
	return p.act("after_create_session", s, nil)
}

func (p *modelProbe) beforeRun(rc *modelContext) (*modelRequest, error) {
	if err := p.act("before_run", rc.raw, rc); err != nil {
		return nil, err
	}
	if request := p.script.request(); request != nil {
		return &modelRequest{runSpec: *request}, nil
	}
	return nil, nil
}

func (p *modelProbe) afterRun(rc *modelContext, _ map[string]session.Value) error {
	return p.act("after_run", rc.raw, rc)
}

func (p *modelProbe) end(s *machineSession) error { return p.act("end", s, nil) }

// A modelHost is what a probe acts on.
type modelHost struct {
	probe   *modelProbe
	session *machineSession
	context *modelContext
}

func (h *modelHost) requestStop() { h.context.stop = true }

func (h *modelHost) run(names []string, feeds map[string]any) error {
	if h.session == nil {
		return modelError("attribute_error")
	}
	_, err := h.session.run(names, feeds, nil)
	return err
}

func (h *modelHost) coordStop(err error, bare bool) error {
	return h.probe.coord.requestStop(err, bare)
}

func (h *modelHost) startThread(name string) { h.probe.coord.start(name) }
