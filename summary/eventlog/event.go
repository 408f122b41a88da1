package eventlog

import (
	"fmt"
	"iter"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// What is the kind of thing that an event tells of: the member of the oneof
// "what" in TensorFlow's event.proto, by its field number.
type What uint8

// The members of the oneof; Nothing is an event without one.
const (
	Nothing           What = 0
	FileVersion       What = 3
	GraphDef          What = 4
	Summary           What = 5
	LogMessage        What = 6
	SessionLog        What = 7
	TaggedRunMetadata What = 8
	MetaGraphDef      What = 9
)

var whatNames = [...]string{
	Nothing: "nothing", FileVersion: "file_version", GraphDef: "graph_def", Summary: "summary", LogMessage: "log_message",
	SessionLog: "session_log", TaggedRunMetadata: "tagged_run_metadata", MetaGraphDef: "meta_graph_def",
}

// String returns the name that event.proto has for it.
func (w What) String() string {
	if int(w) < len(whatNames) && whatNames[w] != "" {
		return whatNames[w]
	}
	return fmt.Sprintf("What(%d)", uint8(w))
}

// An Event is one record of an event file: a moment of a run and at most one
// thing that happened then. It and all slices that come from it are valid until
// the iteration that gave it goes on; strings may be kept.
type Event struct {
	WallTime float64 // seconds since the Unix epoch; any float64
	Step     int64
	What     What

	Offset int64  // of its record in the file
	File   string // the file's path or name
	Run    string // the run's name, from Events and Follow; else empty

	payload []byte // the whole record
	body    []byte // the member that What names
	decoder *Decoder
}

// Body returns the bytes of the member that What names: the text of a
// FileVersion, the serialized graph of a GraphDef or MetaGraphDef, the message
// of the others.
func (e *Event) Body() []byte { return e.body }

// Payload returns the record: the event's message as it stands in the file.
func (e *Event) Payload() []byte { return e.payload }

// Proto returns the whole event as a message, which is a copy.
func (e *Event) Proto() (*eventpb.Event, error) {
	m := new(eventpb.Event)
	if err := proto.Unmarshal(e.payload, m); err != nil {
		return nil, e.fault(malformed("%w", err))
	}
	return m, nil
}

// fault wraps the reason why a part of the event cannot be read.
func (e *Event) fault(err error) error {
	return &RecordError{File: e.File, Offset: e.Offset, Err: err}
}

// parse reads the event's own fields. What is in the body is looked at when it
// is asked for.
func (e *Event) parse(payload []byte) error {
	e.WallTime, e.Step, e.What = 0, 0, Nothing
	e.payload, e.body = payload, nil
	f := fields{rest: payload}
	for f.next() {
		switch {
		case f.is(eventWallTime, protowire.Fixed64Type):
			e.WallTime = math.Float64frombits(f.num)
		case f.is(eventStep, protowire.VarintType):
			e.Step = int64(f.num)
		case f.wire == protowire.BytesType && f.number >= protowire.Number(FileVersion) && f.number <= protowire.Number(MetaGraphDef):
			what := What(f.number)
			switch {
			case what != e.What:
				e.What, e.body = what, f.bytes
			case what == Summary || what == LogMessage || what == SessionLog || what == TaggedRunMetadata:
				e.body = merged(e.body, f.bytes)
			default:
				e.body = f.bytes
			}
		}
	}
	if f.bad {
		return malformed("no Event")
	}
	if e.What == FileVersion && !utf8.Valid(e.body) {
		return malformed("file_version %q is no UTF-8", e.body)
	}
	return nil
}

// start reports whether the event tells that the session has started at its
// step.
func (e *Event) start() bool {
	if e.What != SessionLog {
		return false
	}
	status := uint64(0)
	for f := (fields{rest: e.body}); f.next(); {
		if f.is(sessionLogStatus, protowire.VarintType) {
			status = f.num
		}
	}
	return status == sessionLogStart
}

// overtaken reports whether a value is left out because its tag's steps went back.
func (e *Event) overtaken(v *Value) bool {
	b := e.decoder.overtaken[v.Tag] // Nearly always of no map.
	return b != nil && b.expires(e)
}

// Values returns the values that the event holds, in the order of the file and
// without those whose tag the reader was told to leave out. As in TensorBoard,
// the graph of a GraphDef is a value too, and so is a TaggedRunMetadata.
//
// An error is a *RecordError and the last thing that is yielded.
func (e *Event) Values() iter.Seq2[Value, error] {
	return func(yield func(Value, error) bool) {
		var v Value
		switch e.What {
		case Summary:
			f := fields{rest: e.body}
			for f.next() {
				if !f.is(summaryValue, protowire.BytesType) {
					continue
				}
				admitted, err := e.decoder.value(&v, f.bytes)
				if err != nil {
					yield(Value{}, e.fault(err))
					return
				}
				if admitted && !e.overtaken(&v) && !yield(v, nil) {
					return
				}
			}
			if f.bad {
				yield(Value{}, e.fault(malformed("no Summary")))
			}
		case GraphDef, TaggedRunMetadata:
			admitted, err := e.decoder.blob(&v, e)
			if err != nil {
				yield(Value{}, e.fault(err))
			} else if admitted {
				yield(v, nil)
			}
		}
	}
}
