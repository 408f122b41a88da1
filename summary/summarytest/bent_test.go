package summarytest_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
	"github.com/runhook/runhook/summary/summarytest"
)

// A memorySink is a good sink that is bent in one place: what is nil is as it
// should be.
type memorySink struct {
	mu        sync.Mutex
	added     []*eventpb.Event
	out       int // of added, those that have left the process
	described map[string]bool
	closed    bool
	closes    int
	sessions  int
	wanted    bool // a START is to come
	known     bool
	step      int64

	bend bend
}

// A bend is what a sink does wrong.
type bend struct {
	nils       bool                                                                // a nil event is an event
	starts     bool                                                                // StartSession always writes a START
	values     func(s *memorySink, e *eventpb.Event, values []summary.Value) error // before the event is added
	event      func(s *memorySink, e *eventpb.Event) *eventpb.Event                // what is added
	refuse     func(s *memorySink, e *eventpb.Event) error                         // instead of the check of the tags
	flush      func(s *memorySink)                                                 // instead of what Flush does
	close      func(s *memorySink) error                                           // after what Close does
	afterClose func() error                                                        // what is returned then
	start      func(s *memorySink, step int64) int64                               // the step of the START
	begin      func(s *memorySink)                                                 // after BeginSession
	end        func(s *memorySink)                                                 // instead of the end of a session
}

func (s *memorySink) lock() func() {
	s.mu.Lock()
	return s.mu.Unlock
}

func (s *memorySink) usable() error {
	switch {
	case !s.closed:
		return nil
	case s.bend.afterClose != nil:
		return s.bend.afterClose()
	}
	return summary.ErrClosed
}

func (s *memorySink) AddValues(wallTime time.Time, step int64, values []summary.Value) error {
	defer s.lock()()
	if err := s.usable(); err != nil {
		return err
	}
	e := &eventpb.Event{WallTime: float64(wallTime.UnixNano()) / 1e9, Step: step}
	sum := new(eventpb.Summary)
	e.What = &eventpb.Event_Summary{Summary: sum}
	for _, v := range values {
		m, err := v.Proto()
		if err == nil && v.Tag() == "" {
			err = errors.New("no tag")
		}
		if err != nil {
			if s.bend.refuse != nil {
				return s.bend.refuse(s, e)
			}
			return err
		}
		sum.Value = append(sum.Value, m)
	}
	for _, m := range sum.Value {
		if s.described[m.GetTag()] {
			m.Metadata = nil
		}
		s.described[m.GetTag()] = true
	}
	if s.bend.values != nil {
		if err := s.bend.values(s, e, values); err != nil {
			return err
		}
	}
	if s.wanted && s.known {
		s.start(s.step)
	}
	s.added = append(s.added, e)
	return nil
}

func (s *memorySink) AddEvent(e *eventpb.Event) error {
	defer s.lock()()
	if err := s.usable(); err != nil {
		return err
	}
	if e == nil && !s.bend.nils {
		return errors.New("no event")
	}
	if _, err := proto.Marshal(e); err != nil {
		return err
	}
	if s.bend.event != nil {
		e = s.bend.event(s, e)
	} else {
		e = proto.CloneOf(e)
	}
	s.added = append(s.added, e)
	return nil
}

func (s *memorySink) Flush() error {
	defer s.lock()()
	if err := s.usable(); err != nil {
		return err
	}
	if s.bend.flush != nil {
		s.bend.flush(s)
		return nil
	}
	s.out = len(s.added)
	return nil
}

func (s *memorySink) Close() error {
	defer s.lock()()
	s.closed = true
	s.closes++
	s.out = len(s.added)
	if s.bend.close != nil {
		return s.bend.close(s)
	}
	return nil
}

func (s *memorySink) BeginSession() error {
	defer s.lock()()
	if err := s.usable(); err != nil {
		return err
	}
	if s.sessions++; s.sessions == 1 {
		s.wanted, s.known = true, false
	}
	if s.bend.begin != nil {
		s.bend.begin(s)
	}
	return nil
}

func (s *memorySink) SessionAt(step int64) {
	defer s.lock()()
	s.known, s.step = true, step
}

func (s *memorySink) StartSession(step int64) error {
	defer s.lock()()
	if s.wanted || s.bend.starts {
		s.start(step)
	}
	return s.usable()
}

func (s *memorySink) start(step int64) {
	if s.bend.start != nil {
		step = s.bend.start(s, step)
	}
	s.wanted = false
	s.added = append(s.added, &eventpb.Event{Step: step, What: &eventpb.Event_SessionLog{
		SessionLog: &eventpb.SessionLog{Status: eventpb.SessionLog_START},
	}})
}

func (s *memorySink) EndSession() {
	defer s.lock()()
	if s.bend.end != nil {
		s.bend.end(s)
		return
	}
	if s.sessions--; s.sessions == 0 {
		s.wanted = false
	}
}

// check returns the rules that a sink with this bend breaks.
func check(t *testing.T, b bend) []string {
	t.Helper()
	err := summarytest.CheckSink(func() summary.Sink {
		return &memorySink{described: make(map[string]bool), bend: b}
	}, summarytest.SinkOptions{Events: func(sink summary.Sink) ([]*eventpb.Event, error) {
		s := sink.(*memorySink)
		return slices.Clone(s.added[:s.out]), nil
	}})
	var broken []string
	if err != nil {
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			var rule *summarytest.RuleError
			require.ErrorAs(t, err, &rule)
			broken = append(broken, rule.Rule)
		}
	}
	return broken
}

func TestAGoodSinkBreaksNoRule(t *testing.T) {
	require.Empty(t, check(t, bend{}))
}

func firstValue(e *eventpb.Event) *eventpb.Summary_Value { return e.GetSummary().GetValue()[0] }

func TestWhatASinkDoesWrongIsFound(t *testing.T) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	unseen := summarytest.SinkRules()
	for _, c := range []struct {
		name string
		bend bend
		rule string // one that is broken; there may be others
	}{
		{"the step is off by one", bend{values: func(_ *memorySink, e *eventpb.Event, _ []summary.Value) error { e.Step++; return nil }}, "values"},
		{"the wall time is now", bend{values: func(_ *memorySink, e *eventpb.Event, _ []summary.Value) error {
			e.WallTime = float64(time.Now().Unix())
			return nil
		}}, "values"},
		{"the wall time has no fraction", bend{values: func(_ *memorySink, e *eventpb.Event, _ []summary.Value) error {
			e.WallTime = float64(int64(e.WallTime))
			return nil
		}}, "values"},
		{"an event for each value", bend{values: func(s *memorySink, e *eventpb.Event, _ []summary.Value) error {
			for _, v := range e.GetSummary().GetValue()[1:] {
				s.added = append(s.added, &eventpb.Event{Step: e.Step, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{v}}}})
			}
			e.GetSummary().Value = e.GetSummary().Value[:1]
			return nil
		}}, "values"},
		{"values sorted by tag", bend{values: func(_ *memorySink, e *eventpb.Event, _ []summary.Value) error {
			slices.SortFunc(e.GetSummary().Value, func(a, b *eventpb.Summary_Value) int { return strings.Compare(a.GetTag(), b.GetTag()) })
			return nil
		}}, "values"},
		{"one value a tag", bend{values: func(_ *memorySink, e *eventpb.Event, _ []summary.Value) error {
			seen := make(map[string]bool)
			e.GetSummary().Value = slices.DeleteFunc(e.GetSummary().Value, func(v *eventpb.Summary_Value) bool {
				twice := seen[v.GetTag()]
				seen[v.GetTag()] = true
				return twice
			})
			return nil
		}}, "values"},
		{"negative steps are none", bend{values: func(_ *memorySink, e *eventpb.Event, _ []summary.Value) error { e.Step = max(e.Step, 0); return nil }}, "steps"},
		{"tags are cleaned", bend{values: func(_ *memorySink, e *eventpb.Event, _ []summary.Value) error {
			firstValue(e).Tag = summary.CleanName(firstValue(e).Tag)
			return nil
		}}, "steps"},
		{"no metadata", bend{values: func(_ *memorySink, e *eventpb.Event, _ []summary.Value) error {
			firstValue(e).Metadata = nil
			return nil
		}}, "metadata"},
		{"AddEvent is an event of now", bend{event: func(_ *memorySink, e *eventpb.Event) *eventpb.Event {
			e = proto.CloneOf(e)
			e.WallTime = 1
			return e
		}}, "event"},
		{"a nil event is an empty one", bend{nils: true}, "nil-event"},
		{"only summaries are events", bend{event: func(_ *memorySink, e *eventpb.Event) *eventpb.Event {
			if e.GetSummary() == nil {
				return new(eventpb.Event)
			}
			return proto.CloneOf(e)
		}}, "event"},
		{"whole events overtake values", bend{event: func(s *memorySink, e *eventpb.Event) *eventpb.Event {
			e = proto.CloneOf(e)
			if n := len(s.added); n > 0 && s.added[n-1].GetSummary() != nil {
				e, s.added[n-1] = s.added[n-1], e
			}
			return e
		}}, "order"},
		{"whole events are kept", bend{event: func(_ *memorySink, e *eventpb.Event) *eventpb.Event { return e }}, "arguments"},
		{"whole events are changed", bend{event: func(_ *memorySink, e *eventpb.Event) *eventpb.Event {
			c := proto.CloneOf(e)
			e.WallTime++
			return c
		}}, "arguments"},
		{"the slice of values is changed", bend{values: func(_ *memorySink, _ *eventpb.Event, values []summary.Value) error {
			slices.Reverse(values)
			return nil
		}}, "arguments"},
		{"a part of what is refused is written", bend{refuse: func(s *memorySink, e *eventpb.Event) error {
			s.added = append(s.added, e)
			return errors.New("refused")
		}}, "refusal"},
		{"what is refused uses up the rest", bend{refuse: func(s *memorySink, _ *eventpb.Event) error {
			s.bend.values = func(*memorySink, *eventpb.Event, []summary.Value) error { return errors.New("refused") }
			return errors.New("refused")
		}}, "refusal"},
		{"Flush does nothing", bend{flush: func(*memorySink) {}}, "flush"},
		{"Flush leaves the last event", bend{flush: func(s *memorySink) { s.out = max(len(s.added)-1, 0) }}, "flush"},
		{"Close forgets the last event", bend{close: func(s *memorySink) error { s.out = max(s.out-1, 0); return nil }}, "close"},
		{"Close fails the second time", bend{close: func(s *memorySink) error {
			if s.closes > 1 {
				return summary.ErrClosed
			}
			return nil
		}}, "close"},
		{"a closed sink says nothing", bend{afterClose: func() error { return nil }}, "closed"},
		{"a closed sink says something else", bend{afterClose: func() error { return errors.New("closed") }}, "closed"},
		{"events of several goroutines get lost", bend{values: func(s *memorySink, e *eventpb.Event, _ []summary.Value) error {
			if strings.HasPrefix(firstValue(e).GetTag(), "goroutine") && e.Step == 150 {
				e.GetSummary().Value = nil
			}
			return nil
		}}, "goroutines"},
		{"what comes while it is closed gets lost", bend{afterClose: func() error { return nil }}, "close-meanwhile"},
		{"a goroutine is left", bend{flush: func(s *memorySink) {
			s.out = len(s.added)
			go func() { <-over }()
		}}, "goroutines-end"},
		{"START is one step late", bend{start: func(_ *memorySink, step int64) int64 { return step + 1 }}, "start"},
		{"START at the beginning of the session", bend{begin: func(s *memorySink) { s.start(0) }}, "start"},
		{"a START for each hook", bend{starts: true}, "start-shared"},
		{"the next session has no START", bend{end: func(*memorySink) {}}, "start-shared"},
		{"every value after a session gets a START", bend{end: func(s *memorySink) { s.sessions--; s.wanted, s.known = true, true }}, "start"},
		{"SessionAt is not heard", bend{begin: func(s *memorySink) {
			s.bend.values = func(s *memorySink, _ *eventpb.Event, _ []summary.Value) error { s.known = false; return nil }
		}}, "start-at"},
		{"START of a session that never ran", bend{end: func(s *memorySink) {
			if s.sessions--; s.wanted {
				s.start(s.step)
			}
		}}, "start-unused"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Contains(t, check(t, c.bend), c.rule) })
		unseen = slices.DeleteFunc(unseen, func(rule string) bool { return rule == c.rule })
	}
	require.Empty(t, unseen, "rules that no sink here breaks")
}
