package summary

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/summary/eventpb"
)

// A Limiter is a [Sink] that passes on to another one what its limits let through.
// Events given as a whole (AddEvent) pass. It is a [SessionSink] if the other one is.
// Any number of goroutines may use it.
type Limiter struct {
	next    Sink
	scalars scalarSink  // next, if it is one
	session SessionSink // next, if it is one
	limits  []Limit

	// releasing has room for one who writes what is kept: Flush waits for it.
	releasing chan struct{}

	mu     sync.Mutex // guards what follows; not held while next is called
	tags   map[string]*limitedTag
	number int64 // of values kept so far
	out    int64 // values not passed on
	closed bool

	closing sync.Once
	err     error // of Close
}

var (
	_ SessionSink = (*Limiter)(nil)
	_ scalarSink  = (*Limiter)(nil)
)

// NewLimiter returns a sink that passes on to next what the limits let through. Of
// several limits for a tag the first one counts.
func NewLimiter(next Sink, limits ...Limit) (*Limiter, error) {
	var errs []error
	if faults.IsNil(next) {
		errs = append(errs, errors.New("summary: NewLimiter: the sink is nil"))
	}
	for i := range limits {
		errs = append(errs, faults.Join(fmt.Sprintf("summary: Limit %d", i), limits[i].check()))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	l := &Limiter{
		next: next, limits: slices.Clone(limits),
		releasing: make(chan struct{}, 1), tags: make(map[string]*limitedTag),
	}
	l.scalars, _ = next.(scalarSink)
	l.session, _ = next.(SessionSink)
	return l, nil
}

// LeftOut returns how many values were not passed on.
func (l *Limiter) LeftOut() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out
}

// check returns why a value of this tag is refused.
func (l *Limiter) check(tag string) error {
	if l.closed {
		return ErrClosed
	}
	if l.tags[tag] == nil {
		return checkTag(tag)
	}
	return nil
}

// admit decides about a value, which it keeps if that is what is to be done.
func (l *Limiter) admit(wallTime time.Time, step int64, v Value) bool {
	t := l.tags[v.tag]
	if t == nil {
		t = &limitedTag{limit: l.limitOf(v.tag)}
		l.tags[strings.Clone(v.tag)] = t
	}
	if t.limit == nil {
		return true
	}
	if !t.admits(wallTime, step) {
		l.out++
		return false
	}
	t.begun, t.time, t.step = true, wallTime, step
	if t.count++; !t.limit.keeps() {
		return true
	}
	l.number++
	l.out += t.keep(keptValue{l.number, wallTime, step, v})
	return false
}

func (l *Limiter) limitOf(tag string) *Limit {
	for i := range l.limits {
		if tags := l.limits[i].Tags; tags == nil || tags.MatchString(tag) {
			return &l.limits[i]
		}
	}
	return nil
}

// AddValues implements [Sink]: the values that are let through make one event.
func (l *Limiter) AddValues(wallTime time.Time, step int64, values []Value) error {
	through, err := l.through(wallTime, step, values)
	if err != nil || len(through) == 0 {
		return err
	}
	return l.next.AddValues(wallTime, step, through)
}

func (l *Limiter) through(wallTime time.Time, step int64, values []Value) ([]Value, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range values {
		if err := l.check(values[i].tag); err != nil {
			return nil, err
		}
	}
	through, all := []Value(nil), true
	for i := range values {
		admitted := l.admit(wallTime, step, values[i])
		if all && !admitted {
			through, all = append(through, values[:i]...), false
		} else if !all && admitted {
			through = append(through, values[i])
		}
	}
	if all {
		return values, nil
	}
	return through, nil
}

func (l *Limiter) addScalar(wallTime time.Time, step int64, tag string, value float32) error {
	v := Value{tag: tag, metadata: scalarMetadata, scalar: value}
	l.mu.Lock()
	err := l.check(tag)
	admitted := err == nil && l.admit(wallTime, step, v)
	l.mu.Unlock()
	switch {
	case !admitted:
		return err
	case l.scalars == nil:
		return l.next.AddValues(wallTime, step, []Value{v})
	}
	return l.scalars.addScalar(wallTime, step, tag, value)
}

// AddEvent implements [Sink].
func (l *Limiter) AddEvent(event *eventpb.Event) error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.next.AddEvent(event)
}

func (l *Limiter) usable() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	return nil
}

// release is writeKept for a limiter in use.
func (l *Limiter) release() error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.writeKept()
}

// writeKept writes what is kept, in the order in which it came. What cannot be
// written is kept again.
func (l *Limiter) writeKept() error {
	l.releasing <- struct{}{}
	defer func() { <-l.releasing }()
	kept := l.take()
	for i, k := range kept {
		if err := l.next.AddValues(k.wallTime, k.step, []Value{k.value}); err != nil {
			l.keep(kept[i:])
			return err
		}
	}
	return nil
}

func (l *Limiter) take() (kept []keptValue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.tags {
		kept = append(kept, t.kept...)
		t.kept, t.passed = nil, 0
	}
	slices.SortFunc(kept, func(a, b keptValue) int { return cmp.Compare(a.number, b.number) })
	return kept
}

func (l *Limiter) keep(kept []keptValue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range slices.Backward(kept) {
		l.out += l.tags[k.value.tag].keepAgain(k)
	}
}

// Flush implements [Sink].
func (l *Limiter) Flush() error {
	if err := l.release(); err != nil {
		return err
	}
	return l.next.Flush()
}

// Close implements [Sink].
func (l *Limiter) Close() error {
	l.closing.Do(func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.err = errors.Join(l.writeKept(), l.next.Close())
	})
	return l.err
}

// BeginSession implements [SessionSink]. What is kept belongs to the time before.
func (l *Limiter) BeginSession() error {
	if err := l.release(); err != nil {
		return err
	}
	if l.session == nil {
		return nil
	}
	return l.session.BeginSession()
}

// SessionAt implements [SessionSink].
func (l *Limiter) SessionAt(step int64) {
	if l.session != nil {
		l.session.SessionAt(step)
	}
}

// StartSession implements [SessionSink].
func (l *Limiter) StartSession(step int64) error {
	if l.session == nil {
		return nil
	}
	return l.session.StartSession(step)
}

// EndSession implements [SessionSink].
func (l *Limiter) EndSession() {
	if l.session != nil {
		l.session.EndSession()
	}
}
