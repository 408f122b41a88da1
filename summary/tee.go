package summary

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/summary/eventpb"
)

// Tee returns a sink that gives all sinks what it takes, one after the other. An
// error says which of them refused an event; the others have it. Flush and Close
// are those of all. Sinks that are nil are left out.
//
// It is a [SessionSink] to those of its sinks that are.
func Tee(sinks ...Sink) Sink {
	t := new(tee)
	t.idle.L = &t.mu
	for _, s := range sinks {
		if faults.IsNil(s) {
			continue
		}
		t.sinks = append(t.sinks, s)
		scalars, _ := s.(scalarSink)
		t.scalars = append(t.scalars, scalars)
		if session, ok := s.(SessionSink); ok {
			t.sessions = append(t.sessions, session)
		}
	}
	return t
}

type tee struct {
	sinks    []Sink
	scalars  []scalarSink // of the sink of the same number, nil if it is none
	sessions []SessionSink

	mu     sync.Mutex // guards what follows; not held while a sink is called
	idle   sync.Cond  // calls is 0
	calls  int        // in progress
	closed bool

	closing sync.Once
	err     error // of Close
}

var (
	_ SessionSink = (*tee)(nil)
	_ scalarSink  = (*tee)(nil)
)

// enter begins a call: it comes to all sinks before they are closed, or to none.
func (t *tee) enter() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	t.calls++
	return nil
}

func (t *tee) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calls--; t.calls == 0 {
		t.idle.Broadcast()
	}
}

// each calls do for every sink, and joins the errors.
func (t *tee) each(do func(s Sink) error) error {
	if err := t.enter(); err != nil {
		return err
	}
	defer t.leave()
	return t.all(do)
}

func (t *tee) all(do func(s Sink) error) error {
	var errs []error
	for _, s := range t.sinks {
		errs = append(errs, do(s))
	}
	return errors.Join(errs...)
}

// AddValues implements [Sink].
func (t *tee) AddValues(wallTime time.Time, step int64, values []Value) error {
	return t.each(func(s Sink) error { return s.AddValues(wallTime, step, values) })
}

func (t *tee) addScalar(wallTime time.Time, step int64, tag string, value float32) error {
	if err := t.enter(); err != nil {
		return err
	}
	defer t.leave()
	var errs []error
	for i, s := range t.scalars {
		if s == nil {
			errs = append(errs, t.sinks[i].AddValues(wallTime, step, []Value{ScalarValue(tag, float64(value))}))
		} else if err := s.addScalar(wallTime, step, tag, value); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// AddEvent implements [Sink].
func (t *tee) AddEvent(event *eventpb.Event) error {
	return t.each(func(s Sink) error { return s.AddEvent(event) })
}

// Flush implements [Sink].
func (t *tee) Flush() error { return t.each(Sink.Flush) }

// Close implements [Sink].
func (t *tee) Close() error {
	t.closing.Do(func() {
		t.mu.Lock()
		t.closed = true
		for t.calls > 0 {
			t.idle.Wait()
		}
		t.mu.Unlock()
		t.err = t.all(Sink.Close)
	})
	return t.err
}

// BeginSession implements [SessionSink]: it succeeds at all sinks or at none.
func (t *tee) BeginSession() error {
	if err := t.enter(); err != nil {
		return err
	}
	defer t.leave()
	for i, s := range t.sessions {
		if err := s.BeginSession(); err != nil {
			for _, begun := range slices.Backward(t.sessions[:i]) {
				begun.EndSession()
			}
			return err
		}
	}
	return nil
}

// SessionAt implements [SessionSink].
func (t *tee) SessionAt(step int64) {
	for _, s := range t.sessions {
		s.SessionAt(step)
	}
}

// StartSession implements [SessionSink].
func (t *tee) StartSession(step int64) error {
	var errs []error
	for _, s := range t.sessions {
		errs = append(errs, s.StartSession(step))
	}
	return errors.Join(errs...)
}

// EndSession implements [SessionSink].
func (t *tee) EndSession() {
	for _, s := range t.sessions {
		s.EndSession()
	}
}
