package summary

import (
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/summary/eventpb"
)

// CurrentStep, given as a step, stands for the one that [Writer.SetStep] was given
// last. Without one, that is an error.
const CurrentStep int64 = math.MinInt64

var errNoCurrentStep = errors.New("summary: the step is CurrentStep, and SetStep was not called")

// A Writer writes values to a [Sink], one event each: it has a method for every
// kind. Any number of goroutines may use it.
//
// The tag of a value is used as it is, behind the writer's scope; see
// [CleanName] for what ops do with names. A quotation mark, a backslash or a control
// character in it, or in the name of the run, keeps TensorBoard's data server from
// showing pictures, sounds and run metadata. The time of an event is now. At and
// Scope return writers to the same sink that differ in that.
type Writer struct {
	sink    Sink
	scalars scalarSink    // sink, if it is one
	at      time.Time     // of all events, if not zero
	scope   string        // before every tag: "" or with a slash at its end
	step    *atomic.Int64 // what CurrentStep is
}

// NewWriter returns a writer to a sink; one to nil takes nothing and returns errors.
func NewWriter(sink Sink) *Writer {
	if faults.IsNil(sink) {
		sink = noSink{}
	}
	w := writerTo(sink)
	return &w
}

// noSink stands for a sink that is nil.
type noSink struct{}

var errNoSink = errors.New("summary: the writer's sink is nil")

func (noSink) AddValues(time.Time, int64, []Value) error { return errNoSink }
func (noSink) AddEvent(*eventpb.Event) error             { return errNoSink }
func (noSink) Flush() error                              { return errNoSink }
func (noSink) Close() error                              { return errNoSink }

func writerTo(sink Sink) Writer {
	w := Writer{sink: sink, step: new(atomic.Int64)}
	w.step.Store(CurrentStep)
	w.scalars, _ = sink.(scalarSink)
	return w
}

// Sink returns the sink that the writer writes to, for hooks for example.
func (w *Writer) Sink() Sink { return w.sink }

// Scope returns a writer that puts name and a slash before the tags, behind the
// scopes that w has. As in TensorFlow, a name that has a slash at its end is the
// whole scope, without those of w.
func (w *Writer) Scope(name string) *Writer {
	scoped := *w
	whole := strings.TrimRight(name, "/")
	if whole != name {
		scoped.scope = ""
	}
	if whole != "" {
		scoped.scope += whole + "/"
	}
	return &scoped
}

// At returns a writer whose events have this wall time; a zero t means now.
func (w *Writer) At(t time.Time) *Writer {
	dated := *w
	dated.at = t
	return &dated
}

// SetStep says what [CurrentStep] is, for this writer and those that At and
// Scope have made of it or it was made of.
func (w *Writer) SetStep(step int64) { w.step.Store(step) }

func (w *Writer) stepOf(step int64) (int64, error) {
	if step == CurrentStep {
		if step = w.step.Load(); step == CurrentStep {
			return 0, errNoCurrentStep
		}
	}
	return step, nil
}

func (w *Writer) now() time.Time {
	if w.at.IsZero() {
		return time.Now()
	}
	return w.at
}

// Add writes values as the summary of one event. Without values it does nothing.
func (w *Writer) Add(step int64, values ...Value) error {
	if len(values) == 0 {
		return nil
	}
	step, err := w.stepOf(step)
	if err != nil {
		return err
	}
	if w.scope != "" {
		scoped := make([]Value, len(values))
		for i, v := range values {
			if v.tag == "" {
				return errEmptyTag
			}
			v.tag = w.scope + v.tag
			scoped[i] = v
		}
		values = scoped
	}
	return w.sink.AddValues(w.now(), step, values)
}

// add writes a value that may have failed to be made.
func (w *Writer) add(step int64, v Value, err error) error {
	if err != nil {
		return err
	}
	return w.Add(step, v)
}

// AddSummary writes the values of a summary as one event. As TensorFlow's, it
// lets the metadata of a tag be written once in a file; s is not changed.
func (w *Writer) AddSummary(s *eventpb.Summary, step int64) error {
	values := make([]Value, len(s.GetValue()))
	for i, v := range s.GetValue() {
		var err error
		if values[i], err = valueOf(v); err != nil {
			return err
		}
	}
	return w.Add(step, values...)
}

// AddEvent writes an event as it is: its own wall time, step and tags.
func (w *Writer) AddEvent(event *eventpb.Event) error { return w.sink.AddEvent(event) }

// addWhat writes an event that is no summary.
func (w *Writer) addWhat(step int64, event *eventpb.Event) error {
	step, err := w.stepOf(step)
	if err != nil {
		return err
	}
	event.WallTime, event.Step = wallTime(w.now()), step
	return w.sink.AddEvent(event)
}

// AddSessionLog writes a session log. A START makes readers drop what they have
// of this and later steps.
func (w *Writer) AddSessionLog(log *eventpb.SessionLog, step int64) error {
	if log == nil {
		return errors.New("summary: AddSessionLog: the session log is nil")
	}
	return w.addWhat(step, &eventpb.Event{What: &eventpb.Event_SessionLog{SessionLog: proto.CloneOf(log)}})
}

// Flush flushes the sink.
func (w *Writer) Flush() error { return w.sink.Flush() }

// Close closes the sink.
func (w *Writer) Close() error { return w.sink.Close() }
