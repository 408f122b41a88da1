package summary

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of Event, SessionLog and Summary. They are the wire format and cannot
// change.
const (
	eventWallTime       = 1
	eventStep           = 2
	eventFileVersion    = 3
	eventSummary        = 5
	eventSessionLog     = 7
	eventSourceMetadata = 10
	sourceWriter        = 1
	sessionLogStatus    = 1
	sessionLogStart     = 1
	summaryValue        = 1
)

// fileVersion makes readers recognise restarts by the session log; see
// appendVersion.
const (
	fileVersion = "brain.Event:2"
	writerName  = "runhook"
)

// wallTime is t as events have it: seconds since the epoch, rounded once.
func wallTime(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }

// appendEvent appends an event with a summary of values, each with the metadata
// given, if any.
func appendEvent(b []byte, wallTime float64, step int64, values []Value, metadata [][]byte) []byte {
	size := 0
	for i := range values {
		size += sizeBytesField(values[i].size(metadata[i]))
	}
	b = appendHead(b, wallTime, step)
	b = append(b, eventSummary<<3|byte(protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(size))
	for i := range values {
		b = values[i].append(b, metadata[i])
	}
	return b
}

// scalarFront returns what stands in the event of a scalar between the head and the
// value, which its metadata follow, if it has any.
func scalarFront(tag string, metadata []byte) []byte {
	size := sizeBytesField(len(tag)) + 1 + 4 + len(metadata)
	b := []byte{eventSummary<<3 | byte(protowire.BytesType)}
	b = protowire.AppendVarint(b, uint64(sizeBytesField(size)))
	b = append(b, summaryValue<<3|byte(protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(size))
	b = append(b, valueTag<<3|byte(protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(len(tag)))
	b = append(b, tag...)
	return append(b, valueSimpleValue<<3|byte(protowire.Fixed32Type))
}

// appendHead appends the fields that every event begins with.
func appendHead(b []byte, wallTime float64, step int64) []byte {
	b = append(b, eventWallTime<<3|byte(protowire.Fixed64Type))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(wallTime))
	if step != 0 {
		b = append(b, eventStep<<3|byte(protowire.VarintType))
		b = protowire.AppendVarint(b, uint64(step))
	}
	return b
}

// appendVersion appends the first event of a file.
func appendVersion(b []byte, wallTime float64) []byte {
	b = appendHead(b, wallTime, 0)
	b = protowire.AppendTag(b, eventFileVersion, protowire.BytesType)
	b = protowire.AppendString(b, fileVersion)
	source := protowire.AppendTag(nil, sourceWriter, protowire.BytesType)
	source = protowire.AppendString(source, writerName)
	b = protowire.AppendTag(b, eventSourceMetadata, protowire.BytesType)
	return protowire.AppendBytes(b, source)
}

// appendStart appends a session log of status START: readers drop what they
// have of this and later steps.
func appendStart(b []byte, wallTime float64, step int64) []byte {
	b = appendHead(b, wallTime, step)
	b = protowire.AppendTag(b, eventSessionLog, protowire.BytesType)
	return append(b, 2, sessionLogStatus<<3|byte(protowire.VarintType), sessionLogStart)
}

// size is the length of the message Summary.Value with this metadata.
func (v *Value) size(metadata []byte) int {
	n := sizeBytesField(len(v.tag))
	if v.body == nil {
		n += 1 + 4
	} else {
		n += len(v.body)
	}
	return n + len(metadata)
}

// append appends v with this metadata as the field value of a Summary.
func (v *Value) append(b []byte, metadata []byte) []byte {
	b = append(b, summaryValue<<3|byte(protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(v.size(metadata)))
	b = append(b, valueTag<<3|byte(protowire.BytesType))
	b = protowire.AppendVarint(b, uint64(len(v.tag)))
	b = append(b, v.tag...)
	if v.body == nil {
		b = append(b, valueSimpleValue<<3|byte(protowire.Fixed32Type))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v.scalar))
	} else {
		b = append(b, v.body...)
	}
	return append(b, metadata...)
}

// sizeBytesField is the length of a field, numbered below 16, of n bytes.
func sizeBytesField(n int) int { return 1 + (bits.Len64(uint64(n)|1)+6)/7 + n }
