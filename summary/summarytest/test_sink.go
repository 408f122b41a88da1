package summarytest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/internal/ruletest"
	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// SinkOptions tell [TestSink] what it cannot find out.
type SinkOptions struct {
	// Events returns what has left the process of what a sink took: all events in
	// their order, without those of a file's version. It is called after Flush or
	// Close. Default: there is nothing to look at, and the rules about what is
	// written are skipped.
	Events func(sink summary.Sink) ([]*eventpb.Event, error)
	// NeverCloses says that Close does nothing, as that of [summary.Discard].
	NeverCloses bool
}

// TestSink checks sinks by the rules of [summary.Sink], and of
// [summary.SessionSink] if they are that, in a subtest each. newSink returns a new
// sink, alike and independent of the others, as often as it is called. The suite
// closes it.
func TestSink(t *testing.T, newSink func(t *testing.T) summary.Sink, options SinkOptions) {
	ruletest.TestAll(t, sinkRules, func(t *testing.T, v *ruletest.Verdict) *sinkCase {
		return newSinkCase(v, func() summary.Sink { return newSink(t) }, options)
	})
}

// CheckSink is [TestSink] outside of a test. It returns a [RuleError] for each rule
// that is broken, joined, or nil.
func CheckSink(newSink func() summary.Sink, options SinkOptions) error {
	return ruletest.CheckAll(sinkRules, func(v *ruletest.Verdict) *sinkCase {
		return newSinkCase(v, newSink, options)
	})
}

// A sinkCase checks one rule.
type sinkCase struct {
	*ruletest.Verdict
	SinkOptions
	new func() summary.Sink
}

func newSinkCase(v *ruletest.Verdict, newSink func() summary.Sink, options SinkOptions) *sinkCase {
	return &sinkCase{Verdict: v, SinkOptions: options, new: newSink}
}

// open returns a sink.
func (c *sinkCase) open() (sink summary.Sink) {
	c.Within("newSink", func() { sink = c.new() })
	if faults.IsNil(sink) {
		c.Fatalf("newSink returned nil")
	}
	return sink
}

// openReadable returns a sink that can be asked what it wrote.
func (c *sinkCase) openReadable() summary.Sink {
	if c.Events == nil {
		c.Skip("SinkOptions.Events is not set: there is nothing to look at")
	}
	return c.open()
}

// openSession returns a sink that knows of sessions.
func (c *sinkCase) openSession() summary.SessionSink {
	sink, ok := c.openReadable().(summary.SessionSink)
	if !ok {
		c.Skip("the sink is no SessionSink")
	}
	return sink
}

// must ends the check if a call that has to succeed does not, or does not return.
func (c *sinkCase) must(what string, call func() error) {
	c.Within(what, func() {
		if err := call(); err != nil {
			c.Fatalf("%s: %v", what, err)
		}
	})
}

// written closes the sink and returns what it has written.
func (c *sinkCase) written(sink summary.Sink) []*eventpb.Event {
	c.must("Close", sink.Close)
	return c.events(sink)
}

func (c *sinkCase) events(sink summary.Sink) (events []*eventpb.Event) {
	c.must("SinkOptions.Events", func() (err error) {
		events, err = c.Events(sink)
		return err
	})
	return events
}

// ReadDir returns the events in the event files of a directory, file by file in
// the order of their names, without those of the files' version.
func ReadDir(dir string) ([]*eventpb.Event, error) {
	entries, err := os.ReadDir(dir) // in that order
	if err != nil {
		return nil, err
	}
	var events []*eventpb.Event
	for _, entry := range entries {
		if entry.IsDir() || !strings.Contains(entry.Name(), "tfevents") {
			continue
		}
		more, err := readFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	return events, nil
}

func readFile(path string) ([]*eventpb.Event, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var events []*eventpb.Event
	for r := tfrecord.NewReader(file); ; {
		payload, err := r.Next()
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		event := new(eventpb.Event)
		if err := proto.Unmarshal(payload, event); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if event.GetFileVersion() == "" {
			events = append(events, event)
		}
	}
}
