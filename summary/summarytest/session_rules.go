package summarytest

import (
	"fmt"

	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// story tells events in short: "START@5", "6 loss". STARTs in a row are one: two
// say the same to readers as one, or are needed for the Python server.
func story(events []*eventpb.Event) (lines []string) {
	for _, e := range events {
		line := fmt.Sprint(e.GetStep())
		for _, v := range e.GetSummary().GetValue() {
			line += " " + v.GetTag()
		}
		if log := e.GetSessionLog(); log != nil {
			line = fmt.Sprintf("%v@%d", log.GetStatus(), e.GetStep())
			if len(lines) > 0 && lines[len(lines)-1] == line {
				continue
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func (c *sinkCase) tells(sink summary.Sink, want ...string) {
	if got := story(c.written(sink)); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		c.Errorf("written is %q, want %q", got, want)
	}
}

func (c *sinkCase) begin(sink summary.SessionSink, step int64) {
	c.must("BeginSession", sink.BeginSession)
	c.must("StartSession", func() error { return sink.StartSession(step) })
}

func (c *sinkCase) start() {
	sink := c.openSession()
	c.add(sink, 1, scalar("before", 1))
	c.begin(sink, 5)
	c.add(sink, 5, scalar("loss", 1))
	c.add(sink, 6, scalar("loss", 1))
	c.Within("EndSession", sink.EndSession)
	c.add(sink, 7, scalar("after", 1))
	c.tells(sink, "1 before", "START@5", "5 loss", "6 loss", "7 after")
}

func (c *sinkCase) startShared() {
	sink := c.openSession()
	for _, first := range []int64{10, 4} { // the second session goes back
		c.must("BeginSession", sink.BeginSession)
		c.begin(sink, first)
		c.add(sink, first, scalar("a", 1))
		c.must("StartSession", func() error { return sink.StartSession(first + 1) })
		c.add(sink, first+1, scalar("b", 1))
		c.Within("EndSession", sink.EndSession)
		c.add(sink, first+2, scalar("a", 1))
		c.Within("EndSession", sink.EndSession)
	}
	c.tells(sink, "START@10", "10 a", "11 b", "12 a", "START@4", "4 a", "5 b", "6 a")
}

func (c *sinkCase) startAt() {
	sink := c.openSession()
	c.must("BeginSession", sink.BeginSession)
	c.add(sink, 3, scalar("early", 1))
	c.Within("SessionAt", func() { sink.SessionAt(5) })
	c.add(sink, 0, scalar("note", 1))
	c.must("StartSession", func() error { return sink.StartSession(6) })
	c.add(sink, 6, scalar("loss", 1))
	c.Within("EndSession", sink.EndSession)
	c.tells(sink, "3 early", "START@5", "0 note", "6 loss")
}

func (c *sinkCase) startUnused() {
	sink := c.openSession()
	c.must("BeginSession", sink.BeginSession)
	c.Within("SessionAt", func() { sink.SessionAt(5) })
	c.Within("EndSession", sink.EndSession)
	c.add(sink, 7, scalar("own", 1))
	c.tells(sink, "7 own")
}
