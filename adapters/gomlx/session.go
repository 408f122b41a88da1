package gomlx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/runhook/runhook/session"
)

// An engineSession has no state but that of the engine.
type engineSession struct {
	engine *Engine
	closed bool
}

var _ session.Saveable = (*engineSession)(nil)

// Run implements [session.Session]. A step that has begun is made to its end,
// whatever becomes of ctx. GoMLX gives the values of variables away when it
// computes new ones: if that fails, which a batch of a wrong shape does not come
// to, the model is lost.
func (s *engineSession) Run(ctx context.Context, req *session.Request) (err error) {
	e := s.engine
	if s.closed {
		return session.ErrClosed
	}
	if err := e.turn.Take(ctx); err != nil {
		return err
	}
	defer e.turn.Give()
	defer recovered("a run", &err)
	r := run{engine: e, req: req, targets: make([]target, len(req.Fetches))}
	if err := r.resolve(); err != nil {
		return err
	}
	r.before = e.trainer.GlobalStep()
	if r.trains {
		if err := r.step(ctx); err != nil {
			return err
		}
	}
	return r.answer()
}

// Close ends the reading of the dataset.
func (s *engineSession) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return s.engine.steps.end()
}

// A run is one run of a session.
type run struct {
	engine  *Engine
	req     *session.Request
	targets []target // of the fetches
	trains  bool
	before  int64 // the global step
	fed     []variableFeed
	batch   []batchFeed
}

// A variableFeed is a value that a variable has for one step.
type variableFeed struct {
	variable *model.Variable
	value    *tensors.Tensor
}

// resolve finds out what is fetched and fed. Nothing is changed by it.
func (r *run) resolve() (err error) {
	for i, name := range r.req.Fetches {
		if r.targets[i], err = r.engine.find(name); err != nil {
			return err
		}
		r.trains = r.trains || r.targets[i].kind == kindTrain
	}
	for _, name := range slices.Sorted(maps.Keys(r.req.Feeds)) {
		if err := r.feed(name, r.req.Feeds[name]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) feed(name string, v session.Value) error {
	t, err := r.engine.find(name)
	if err != nil {
		return err
	}
	switch t.kind {
	case kindInput, kindLabel:
		value, err := r.engine.batchTensor(t, v)
		if err != nil {
			return fmt.Errorf("gomlx: feed %q: %w", name, err)
		}
		r.batch = append(r.batch, batchFeed{name: name, target: t, value: value})
		return nil
	case kindVariable:
		switch g := r.engine.graph; {
		case g == nil: // it cannot be asked what a step changes
			return fmt.Errorf("gomlx: feed %q: %w", name, errNotBuilt)
		case t.variable.ChangedInGraph(g):
			return fmt.Errorf("gomlx: %q cannot be fed: a step changes it", name)
		}
		value, err := fromValue(v, t.variable.Shape())
		if err != nil {
			return fmt.Errorf("gomlx: feed %q: %w", name, err)
		}
		r.fed = append(r.fed, variableFeed{t.variable, value})
		return nil
	case kindPending:
		return fmt.Errorf("gomlx: feed %q: %w", name, errNotBuilt)
	}
	return fmt.Errorf("gomlx: %q is computed and cannot be fed", name)
}

// step makes one step.
func (r *run) step(ctx context.Context) (err error) {
	putBack, err := r.feedVariables()
	if err != nil {
		return err
	}
	defer func() {
		if failed := putBack(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	metrics, err := r.engine.steps.step(ctx, r)
	if err == nil {
		r.engine.metrics = metrics
	}
	return err
}

// traced times a part of a step, if a trace is asked for: defer r.traced(name)().
func (r *run) traced(name string) func() {
	if r.req.Metadata == nil || r.req.Options == nil || r.req.Options.TraceLevel == session.NoTrace {
		return func() {}
	}
	start := time.Now()
	return func() {
		r.req.Metadata.Nodes = append(r.req.Metadata.Nodes, session.NodeStats{Name: name, Start: start, Duration: time.Since(start)})
	}
}

// feedVariables gives variables the values that are fed. putBack gives them their
// own again.
func (r *run) feedVariables() (putBack func() error, err error) {
	before := make([]*tensors.Tensor, 0, len(r.fed))
	putBack = func() error {
		var errs []error
		for i, own := range before {
			errs = append(errs, r.fed[i].variable.SetValue(own))
		}
		return errors.Join(errs...)
	}
	for _, f := range r.fed {
		own, err := f.variable.Value()
		if err == nil {
			err = f.variable.SetValuePreservingOld(f.value)
		}
		if err != nil {
			return nil, errors.Join(err, putBack())
		}
		before = append(before, own)
	}
	return putBack, nil
}

// answer stores the values of the fetches.
func (r *run) answer() error {
	for i, name := range r.req.Fetches {
		v, err := r.value(name, r.targets[i])
		if err != nil {
			return err
		}
		r.req.Values[i] = v
	}
	return nil
}

func (r *run) value(name string, t target) (v session.Value, err error) {
	e := r.engine
	if fed, ok := r.req.Feeds[name]; ok {
		return fed, nil
	}
	if t.kind == kindPending && e.built {
		if t, err = e.find(name); err != nil {
			return v, err
		}
	}
	ok := true
	switch t.kind {
	case kindTrain:
		return session.Value{}, nil
	case kindStep:
		return session.Int64(r.before), nil
	case kindVariable:
		value, err := t.variable.Value()
		if err == nil {
			v, err = toValue(value, false)
		}
		if err != nil {
			return v, fmt.Errorf("gomlx: fetch %q: %w", name, err)
		}
	case kindMetric:
		if ok = e.metrics != nil; ok {
			v = e.metrics[t.index]
		}
	default:
		v, ok = e.kept[t]
	}
	if !ok || v.IsNone() {
		return v, fmt.Errorf("gomlx: %q has %w before the first step", name, session.ErrNoValue)
	}
	return v, nil
}
