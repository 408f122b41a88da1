package tftrace

// A probe is a hook of the user's own that does what the scenario says. It is
// the same for the library and for the model of TensorFlow.
type probe struct {
	probeSpec
	calls map[string]int
}

type probeSpec struct {
	Request   *runSpec
	RequestAt map[int]*runSpec `json:"request_at"`
	Actions   []action
}

type action struct {
	In     string
	At     int
	Do     string
	Kind   string
	Thread string
	Bare   bool
	runSpec
}

// probeHost is what a probe acts on in one callback.
type probeHost interface {
	requestStop()
	run(fetches []string, feeds map[string]any) error
	coordStop(err error, bare bool) error
	startThread(name string)
}

func newProbe(h hookSpec) *probe {
	return &probe{probeSpec: argumentsOf[probeSpec](h), calls: make(map[string]int)}
}

// call counts a call of a callback and acts.
func (p *probe) call(in string, host probeHost) error {
	p.calls[in]++
	for _, a := range p.Actions {
		if a.In != in || a.At != 0 && a.At != p.calls[in] {
			continue
		}
		if err := a.act(host); err != nil {
			return err
		}
	}
	return nil
}

func (a action) act(host probeHost) error {
	switch a.Do {
	case "request_stop":
		host.requestStop()
	case "raise":
		return &scriptedError{kind: a.Kind}
	case "run":
		return host.run(namesIn(a.Fetches), a.Feeds)
	case "coord_stop":
		var err error
		if a.Kind != "" {
			err = &scriptedError{kind: a.Kind}
		}
		return host.coordStop(err, a.Bare)
	case "start_thread":
		host.startThread(a.Thread)
	default:
		panic("probe: " + a.Do)
	}
	return nil
}

// request is what the current call of before_run returns; nil asks for nothing.
func (p *probe) request() *runSpec {
	if request, ok := p.RequestAt[p.calls["before_run"]]; ok {
		return request
	}
	return p.Request
}
