package summarytest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/ruletest"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

var sinkRules = []ruletest.Rule[*sinkCase]{
	ruletest.New("values", "AddValues writes one event: its step, its wall time to the microsecond, and the values in their order", (*sinkCase).values),
	ruletest.New("steps", "a step may be any number, and a tag any text that is no invalid UTF-8", (*sinkCase).steps),
	ruletest.New("metadata", "the first value of a tag has its metadata", (*sinkCase).metadata),
	ruletest.New("event", "AddEvent writes the event as it is, wall time included", (*sinkCase).event),
	ruletest.New("order", "events are written in the order of the calls", (*sinkCase).order),
	ruletest.New("arguments", "the arguments are the caller's again after the call, unchanged", (*sinkCase).arguments),
	ruletest.New("refusal", "if a call returns an error, nothing of its event is written; the sink goes on", (*sinkCase).refusal),
	ruletest.New("nil-event", "a nil event is refused with an error, or nothing", (*sinkCase).nilEvent),
	ruletest.New("flush", "when Flush returns, everything that was added before it has left the process", (*sinkCase).flush),
	ruletest.New("close", "Close writes what was added, and again returns the same", (*sinkCase).close),
	ruletest.New("closed", "after Close all calls but Close return an error that Is ErrClosed", (*sinkCase).closed),
	ruletest.New("goroutines", "any number of goroutines may use a sink; each one's events are written once and in order", (*sinkCase).goroutines),
	ruletest.New("close-meanwhile", "what is added while the sink is being closed is written, or the call returns an error that Is ErrClosed", (*sinkCase).closeMeanwhile),
	ruletest.New("goroutines-end", "Close ends the goroutines of the sink", (*sinkCase).goroutinesEnd),
	ruletest.New("start", "a START at the step of StartSession stands before the first value of the session, and nowhere else", (*sinkCase).start),
	ruletest.New("start-shared", "the hooks of a session share its START, the first one's; the next session has its own", (*sinkCase).startShared),
	ruletest.New("start-at", "somebody else's value that comes after SessionAt gets the START of that step before it", (*sinkCase).startAt),
	ruletest.New("start-unused", "a session that ends without StartSession leaves no START behind", (*sinkCase).startUnused),
}

// at is the wall time of what the suite adds: it is not now, and has a fraction.
var at = time.Unix(1_600_000_000, 250_000_000)

const atSeconds = 1_600_000_000.25

// text returns the message of a value that most sinks do not know as a scalar.
func text(tag, s string) *eventpb.Summary_Value {
	return &eventpb.Summary_Value{
		Tag: tag,
		Metadata: &eventpb.SummaryMetadata{
			PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: "text"}, SummaryDescription: "a text",
		},
		Value: &eventpb.Summary_Value_Tensor{Tensor: &eventpb.TensorProto{
			Dtype: eventpb.DataType_STRING, TensorShape: &eventpb.TensorShapeProto{}, StringVal: [][]byte{[]byte(s)},
		}},
	}
}

func scalar(tag string, x float32) *eventpb.Summary_Value {
	return &eventpb.Summary_Value{Tag: tag, Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: x}}
}

func summaryOf(step int64, values ...*eventpb.Summary_Value) *eventpb.Event {
	return &eventpb.Event{WallTime: atSeconds, Step: step, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: values}}}
}

// said is what an event says, for comparisons: metadata is left out, and wall times
// are those to the microsecond.
func said(e *eventpb.Event) string {
	e = proto.CloneOf(e)
	e.WallTime = math.Round(e.WallTime*1e6) / 1e6
	for _, v := range e.GetSummary().GetValue() {
		v.Metadata = nil
	}
	return strings.ReplaceAll(fmt.Sprint(e), "  ", " ") // the spaces vary
}

// compare tells where events are not those wanted.
func (c *sinkCase) compare(got []*eventpb.Event, want ...*eventpb.Event) {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			c.Errorf("event %d is not there: %s", i, said(want[i]))
		case i >= len(want):
			c.Errorf("event %d should not be there: %s", i, said(got[i]))
		case said(got[i]) != said(want[i]):
			c.Errorf("event %d is %s, want %s", i, said(got[i]), said(want[i]))
		}
	}
}

// add adds values at a step.
func (c *sinkCase) add(sink summary.Sink, step int64, values ...*eventpb.Summary_Value) {
	w := summary.NewWriter(sink).At(at)
	c.must("AddValues", func() error { return w.AddSummary(&eventpb.Summary{Value: values}, step) })
}

func (c *sinkCase) values() {
	sink := c.openReadable()
	values := []*eventpb.Summary_Value{scalar("loss", 0.25), text("note", "first"), scalar("acc", 1), text("note", "second")}
	c.add(sink, 7, values...)
	c.add(sink, 8, text("note", "third"))
	w := summary.NewWriter(sink).At(at)
	c.must("Scalar", func() error { return w.Scalar("loss", math.Inf(1), 9) })
	c.compare(c.written(sink), summaryOf(7, values...), summaryOf(8, text("note", "third")), summaryOf(9, scalar("loss", float32(math.Inf(1)))))
}

func (c *sinkCase) steps() {
	sink := c.openReadable()
	var want []*eventpb.Event
	for _, step := range []int64{math.MinInt64 + 1, -1, 0, 1 << 53, math.MaxInt64, 0} {
		for _, tag := range []string{"a", "größe/日本 🚀\n", " ", strings.Repeat("long", 10_000)} {
			c.add(sink, step, scalar(tag, 1))
			want = append(want, summaryOf(step, scalar(tag, 1)))
		}
	}
	c.compare(c.written(sink), want...)
}

func (c *sinkCase) metadata() {
	sink := c.openReadable()
	for step := range int64(3) {
		c.add(sink, step, text("a", "x"), text("b", "x"), text("a", "y"))
	}
	seen := make(map[string]bool)
	for _, e := range c.written(sink) {
		for _, v := range e.GetSummary().GetValue() {
			if want := text(v.GetTag(), "").GetMetadata(); !seen[v.GetTag()] && !proto.Equal(want, v.GetMetadata()) {
				c.Errorf("the first value of %q has the metadata %v, want %v", v.GetTag(), v.GetMetadata(), want)
			}
			seen[v.GetTag()] = true
		}
	}
}

// wholeEvents are events of several kinds, with wall times of their own.
func wholeEvents() []*eventpb.Event {
	return []*eventpb.Event{
		{WallTime: -1.5, Step: 3, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{scalar("loss", 2)}}}},
		{WallTime: atSeconds, What: &eventpb.Event_GraphDef{GraphDef: []byte{1, 2}}},
		{WallTime: atSeconds, Step: 4, What: &eventpb.Event_SessionLog{SessionLog: &eventpb.SessionLog{Status: eventpb.SessionLog_CHECKPOINT, CheckpointPath: "p"}}},
	}
}

func (c *sinkCase) event() {
	sink := c.openReadable()
	for _, e := range wholeEvents() {
		c.must("AddEvent", func() error { return sink.AddEvent(e) })
	}
	c.compare(c.written(sink), wholeEvents()...)
}

func (c *sinkCase) order() {
	sink := c.openReadable()
	var want []*eventpb.Event
	for i := range int64(300) {
		if i%7 == 3 {
			e := summaryOf(i, text("whole", "x"))
			c.must("AddEvent", func() error { return sink.AddEvent(e) })
			want = append(want, e)
			continue
		}
		v := scalar(fmt.Sprint("tag", i%5), float32(i))
		c.add(sink, i, v)
		want = append(want, summaryOf(i, v))
		if i%50 == 0 {
			c.must("Flush", sink.Flush)
		}
	}
	c.compare(c.written(sink), want...)
}

func (c *sinkCase) arguments() {
	sink := c.open()
	values := []summary.Value{summary.ScalarValue("a", 1), summary.ScalarValue("b", 2)}
	c.must("AddValues", func() error { return sink.AddValues(at, 1, values) })
	if values[0].Tag() != "a" || values[1].Tag() != "b" {
		c.Errorf("AddValues changes the slice of values")
	}
	values[0], values[1] = summary.ScalarValue("x", 8), summary.ScalarValue("y", 9)

	event := summaryOf(2, text("whole", "x"))
	given := proto.CloneOf(event)
	c.must("AddEvent", func() error { return sink.AddEvent(event) })
	if !proto.Equal(event, given) {
		c.Errorf("AddEvent changes the event to %v", event)
	}
	event.Step = 99
	event.GetSummary().Value[0].Tag = "changed"

	if c.Events == nil {
		c.must("Close", sink.Close)
		return
	}
	c.compare(c.written(sink), summaryOf(1, scalar("a", 1), scalar("b", 2)), given)
}

func (c *sinkCase) refusal() {
	sink := c.openReadable()
	var want []*eventpb.Event
	add := func(step int64, tags ...string) {
		values := make([]summary.Value, len(tags))
		message := make([]*eventpb.Summary_Value, len(tags))
		for i, tag := range tags {
			values[i], message[i] = summary.ScalarValue(tag, 1), scalar(tag, 1)
		}
		c.Within("AddValues", func() {
			if sink.AddValues(at, step, values) == nil {
				want = append(want, summaryOf(step, message...))
			}
		})
	}
	add(1, "good", "bad\xff")
	add(2, "good", "")
	add(3, "fresh", "bad\xff", "good")
	c.Within("AddEvent", func() {
		event := summaryOf(4, scalar("good", 1), scalar("bad\xff", 1))
		if sink.AddEvent(event) == nil {
			want = append(want, event)
		}
	})
	add(5, "good")
	add(6, "fresh")
	if len(want) < 2 {
		c.Errorf("after a refusal, good values are refused, too")
	}
	c.compare(c.written(sink), want...)
}

func (c *sinkCase) nilEvent() {
	sink := c.open()
	c.Within("AddEvent(nil)", func() {
		if err := sink.AddEvent(nil); errors.Is(err, summary.ErrClosed) {
			c.Errorf("AddEvent(nil) returns %v", err)
		}
	})
	if c.Events == nil {
		c.must("Close", sink.Close)
		return
	}
	c.add(sink, 1, scalar("loss", 1))
	c.compare(c.written(sink), summaryOf(1, scalar("loss", 1)))
}

func (c *sinkCase) flush() {
	sink := c.openReadable()
	c.must("Flush", sink.Flush)
	var want []*eventpb.Event
	for i := range int64(5) {
		for range 3 {
			c.add(sink, i, text("note", "x"))
			want = append(want, summaryOf(i, text("note", "x")))
		}
		c.must("Flush", sink.Flush)
		c.compare(c.events(sink), want...)
	}
	c.must("Close", sink.Close)
}

func (c *sinkCase) close() {
	sink := c.open()
	if c.Events != nil {
		c.add(sink, 1, scalar("loss", 1))
	}
	var first, second error
	c.Within("Close", func() { first = sink.Close() })
	c.Within("Close", func() { second = sink.Close() })
	if first != nil {
		c.Errorf("Close: %v", first)
	}
	if fmt.Sprint(first) != fmt.Sprint(second) {
		c.Errorf("Close returns %v, and again %v", first, second)
	}
	if c.Events != nil {
		c.compare(c.events(sink), summaryOf(1, scalar("loss", 1)))
	}
}

func (c *sinkCase) closed() {
	if c.NeverCloses {
		c.Skip("SinkOptions.NeverCloses is set")
	}
	sink := c.open()
	c.must("Close", sink.Close)
	check := func(what string, call func() error) {
		c.Within(what, func() {
			if err := call(); !errors.Is(err, summary.ErrClosed) {
				c.Errorf("%s returns %v", what, err)
			}
		})
	}
	check("AddValues", func() error { return sink.AddValues(at, 1, []summary.Value{summary.ScalarValue("loss", 1)}) })
	check("Scalar", func() error { return summary.NewWriter(sink).Scalar("loss", 1, 1) })
	check("AddEvent", func() error { return sink.AddEvent(summaryOf(1, scalar("loss", 1))) })
	check("Flush", sink.Flush)
	if s, ok := sink.(summary.SessionSink); ok {
		check("BeginSession", s.BeginSession)
	}
}

// writers is how many goroutines use a sink at once.
const writers = 4

// inOrder tells whether the events are, of each goroutine's tag, the first counts
// in order.
func (c *sinkCase) inOrder(events []*eventpb.Event, counts []int64) {
	next := make(map[string]int64)
	for _, e := range events {
		for _, v := range e.GetSummary().GetValue() {
			if e.GetStep() != next[v.GetTag()] {
				c.Fatalf("%s: step %d comes where %d should", v.GetTag(), e.GetStep(), next[v.GetTag()])
			}
			next[v.GetTag()]++
		}
	}
	for g, n := range counts {
		if tag := fmt.Sprint("goroutine", g); next[tag] != n {
			c.Errorf("%s: %d events were written, want %d", tag, next[tag], n)
		}
	}
}

func (c *sinkCase) goroutines() {
	sink := c.openReadable()
	const each = 200
	c.Within("four goroutines", func() {
		var group sync.WaitGroup
		for g := range writers {
			group.Go(func() {
				w := summary.NewWriter(sink)
				for step := range int64(each) {
					if err := w.Scalar(fmt.Sprint("goroutine", g), 1, step); err != nil {
						c.Errorf("Scalar: %v", err)
					}
					if step%20 == 0 {
						if err := sink.Flush(); err != nil {
							c.Errorf("Flush: %v", err)
						}
					}
				}
			})
		}
		group.Wait()
	})
	c.inOrder(c.written(sink), []int64{each, each, each, each})
}

func (c *sinkCase) closeMeanwhile() {
	if c.NeverCloses {
		c.Skip("SinkOptions.NeverCloses is set")
	}
	const rounds = 10 // Close comes at another moment each time
	for round := range rounds {
		sink := c.open()
		counts := make([]int64, writers)
		c.Within("four goroutines and Close", func() {
			var added atomic.Int64
			var over atomic.Bool // a sink may never say that it is closed
			var group sync.WaitGroup
			for g := range writers {
				group.Go(func() {
					w := summary.NewWriter(sink)
					for ; !over.Load(); counts[g]++ {
						err := w.Scalar(fmt.Sprint("goroutine", g), 1, counts[g])
						if err != nil {
							if !errors.Is(err, summary.ErrClosed) {
								c.Errorf("Scalar: %v", err)
							}
							return
						}
						added.Add(1)
					}
				})
			}
			for added.Load() < int64(20*round) {
				time.Sleep(time.Microsecond)
			}
			if err := sink.Close(); err != nil {
				c.Errorf("Close: %v", err)
			}
			time.Sleep(time.Millisecond) // for calls behind Close
			over.Store(true)
			group.Wait()
		})
		if c.Events != nil {
			c.inOrder(c.events(sink), counts)
		}
	}
}

func (c *sinkCase) goroutinesEnd() {
	left := ruletest.GoroutinesOf(func() {
		sink := c.open()
		c.must("Scalar", func() error { return summary.NewWriter(sink).Scalar("loss", 1, 1) })
		c.must("Flush", sink.Flush)
		c.must("Close", sink.Close)
	})
	for _, stack := range left {
		c.Errorf("a goroutine is left:\n%s", stack)
	}
}
