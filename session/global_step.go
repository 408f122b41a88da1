package session

import "context"

// A GlobalStep is how a hook reads the global step: it fetches Name with a run,
// which gives the step before the run's update, and may read the step as it is
// now by a run of its own.
type GlobalStep struct {
	name   string
	fetch  [1]string
	values [1]Value
	req    Request
}

// NewGlobalStep returns the global step of graph, or [ErrNoGlobalStep]. For use
// in Begin.
func NewGlobalStep(graph Graph) (*GlobalStep, error) {
	name := graph.GlobalStep()
	if name == "" {
		return nil, ErrNoGlobalStep
	}
	if err := graph.Resolve(name); err != nil {
		return nil, err
	}
	g := &GlobalStep{name: name, fetch: [1]string{name}}
	g.req = Request{Fetches: g.fetch[:], Values: g.values[:]}
	return g, nil
}

// Name is what to fetch.
func (g *GlobalStep) Name() string { return g.name }

// Get returns the step fetched with a run: the value before its update.
func (g *GlobalStep) Get(values Values) (int64, error) {
	if values.Len() > 0 && values.Name(0) == g.name { // where hooks ask for it
		if step, ok := values.At(0).Int64(); ok {
			return step, nil
		}
	}
	return Fetch[int64](g.name).Get(values)
}

// Read returns the step as it is now, by one run of s, even if ctx is done: a
// hook has to know the step of what it has just been given. It allocates nothing.
func (g *GlobalStep) Read(ctx context.Context, s Session) (int64, error) {
	err := s.Run(ctx, &g.req)
	if err != nil && isInterruption(ctx, err) {
		err = s.Run(context.WithoutCancel(ctx), &g.req)
	}
	if err != nil {
		return 0, err
	}
	step, ok := g.values[0].Int64()
	if !ok {
		return 0, &TypeError{Name: g.name, Got: g.values[0].describe(), Want: "int64"}
	}
	return step, nil
}
