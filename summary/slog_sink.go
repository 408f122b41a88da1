package summary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// NewSlogSink returns a sink that logs a record of this level for each event,
// with the event's time, its step and its values by tag:
//
//	level=INFO msg=summary step=100 loss=0.25 weights="10 numbers from -1 to 2.5" input="1 picture of 28x28"
//
// Scalars are numbers, texts are strings, other values say what they are; an event
// that is no summary says what it is. Errors of the logger's handler are returned.
// A nil logger logs nothing.
func NewSlogSink(logger *slog.Logger, level slog.Level) Sink {
	s := &slogSink{level: level, handler: slog.DiscardHandler}
	if logger != nil {
		s.handler = logger.Handler()
	}
	return s
}

type slogSink struct {
	handler slog.Handler
	level   slog.Level
	closed  atomic.Bool
}

// AddValues implements [Sink].
func (s *slogSink) AddValues(wallTime time.Time, step int64, values []Value) error {
	metadata := make([][]byte, len(values))
	for i := range values {
		if err := checkTag(values[i].tag); err != nil {
			return err
		}
		metadata[i] = values[i].metadata
	}
	return s.log(wallTime, appendEvent(nil, 0, step, values, metadata))
}

// AddEvent implements [Sink].
func (s *slogSink) AddEvent(event *eventpb.Event) error {
	if event == nil {
		return errors.New("summary: AddEvent: the event is nil")
	}
	payload, err := proto.Marshal(event)
	if err != nil {
		return fmt.Errorf("summary: event at step %d: %w", event.GetStep(), err)
	}
	seconds, fraction := math.Modf(event.GetWallTime())
	return s.log(time.Unix(int64(seconds), int64(fraction*1e9)), payload)
}

// log logs an event that is encoded.
func (s *slogSink) log(t time.Time, payload []byte) error {
	ctx := context.Background()
	switch {
	case s.closed.Load():
		return ErrClosed
	case !s.handler.Enabled(ctx, s.level):
		return nil
	}
	var decoder eventlog.Decoder
	var event eventlog.Event
	if err := decoder.Decode(payload, &event); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	r := slog.NewRecord(t, s.level, "summary", 0)
	r.AddAttrs(slog.Int64("step", event.Step))
	if event.What != eventlog.Summary {
		r.AddAttrs(otherAttrs(&event)...)
	}
	for v, err := range event.Values() {
		if err != nil {
			return fmt.Errorf("summary: %w", err)
		}
		r.AddAttrs(slog.Attr{Key: v.Tag, Value: loggedValue(&v)})
	}
	if err := s.handler.Handle(ctx, r); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	return nil
}

// otherAttrs says what an event is that is no summary.
func otherAttrs(e *eventlog.Event) []slog.Attr {
	attrs := []slog.Attr{slog.String("event", e.What.String())}
	m, err := e.Proto()
	if err != nil {
		return attrs
	}
	if log := m.GetSessionLog(); log != nil {
		attrs = append(attrs, slog.String("status", log.GetStatus().String()))
	}
	if message := m.GetLogMessage(); message != nil {
		attrs = append(attrs, slog.String("message", message.GetMessage()))
	}
	return attrs
}

// loggedValue is what is logged of a value.
func loggedValue(v *eventlog.Value) slog.Value {
	switch v.Kind {
	case eventlog.KindScalar:
		if x, err := v.Scalar(); err == nil {
			return slog.Float64Value(shortest(x))
		}
	case eventlog.KindText:
		if texts, err := v.Blobs(); err == nil {
			parts := make([]string, len(texts))
			for i, text := range texts {
				parts[i] = string(text)
			}
			return slog.StringValue(strings.Join(parts, " | "))
		}
	case eventlog.KindHistogram:
		if buckets, err := v.Histogram(); err == nil {
			n := 0.
			for _, b := range buckets {
				n += b.Count
			}
			if n == 0 {
				return slog.StringValue("0 numbers")
			}
			return slog.StringValue(fmt.Sprintf("%v numbers from %v to %v", n, buckets[0].Left, buckets[len(buckets)-1].Right))
		}
	case eventlog.KindImage:
		if images, err := v.Images(); err == nil {
			return slog.StringValue(fmt.Sprintf("%s of %dx%d", counted(len(images.Encoded), "picture"), images.Width, images.Height))
		}
	case eventlog.KindAudio:
		if clips, err := v.Audio(); err == nil {
			return slog.StringValue(counted(len(clips), "clip"))
		}
	}
	return slog.StringValue(v.Kind.String())
}

// shortest is the number that looks like x where x comes from a float32: 0.1, not
// 0.10000000149011612.
func shortest(x float64) float64 {
	if float64(float32(x)) != x {
		return x
	}
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', -1, 32), 64)
	if err != nil {
		return x
	}
	return y
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Flush implements [Sink]: a record has left the process when it is logged.
func (s *slogSink) Flush() error {
	if s.closed.Load() {
		return ErrClosed
	}
	return nil
}

// Close implements [Sink].
func (s *slogSink) Close() error {
	s.closed.Store(true)
	return nil
}
