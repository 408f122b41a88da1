package rewrite

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventlog"
)

// Field numbers of event.proto and summary.proto.
const (
	eventSummary           = protowire.Number(eventlog.Summary)
	eventTaggedRunMetadata = protowire.Number(eventlog.TaggedRunMetadata)

	summaryValue = 1

	valueTag      = 1
	valueMetadata = 9

	taggedRunMetadataTag = 1
)

// malformed is the error for bytes that are no such message.
func malformed(message string, err error) error {
	return fmt.Errorf("%w: no %s: %w", eventlog.ErrMalformed, message, err)
}

// A field is one field of a message.
type field struct {
	number protowire.Number
	bytes  []byte // the contents of a length-delimited one, else nil
	raw    []byte // all of it
}

// fields takes a message apart.
func fields(message []byte) ([]field, error) {
	var out []field
	for len(message) > 0 {
		number, wire, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, wire, message[n:])
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		f := field{number: number, raw: message[:n+size]}
		if wire == protowire.BytesType {
			f.bytes, _ = protowire.ConsumeBytes(message[n:])
		}
		out = append(out, f)
		message = message[n+size:]
	}
	return out, nil
}

// is reports whether the field is a length-delimited one of this number.
func (f *field) is(number protowire.Number) bool { return f.number == number && f.bytes != nil }

// A value is one of a Summary.
type value struct {
	field    // in the Summary
	tag      string
	metadata []byte // nil: none
}

// summary takes the body of a Summary event apart. Its fields are values, or of
// a kind that is not known here, which have no number.
func summary(body []byte) ([]value, error) {
	list, err := fields(body)
	if err != nil {
		return nil, malformed("Summary", err)
	}
	values := make([]value, len(list))
	for i, f := range list {
		values[i].field = f
		if !f.is(summaryValue) {
			values[i].number = 0
			continue
		}
		inner, err := fields(f.bytes)
		if err != nil {
			return nil, malformed("Summary.Value", err)
		}
		for _, f := range inner {
			switch {
			case f.is(valueTag):
				values[i].tag = string(f.bytes)
			case f.is(valueMetadata):
				values[i].metadata = append(values[i].metadata, f.bytes...)
			}
		}
	}
	return values, nil
}

// appendValue appends v to a Summary, under another tag and with metadata if it
// has none.
func appendValue(dst []byte, v *value, tag string, metadata []byte) []byte {
	if tag == v.tag && (metadata == nil || v.metadata != nil) {
		return append(dst, v.raw...)
	}
	inner, _ := fields(v.bytes) // summary has seen it.
	var out []byte
	if tag != v.tag {
		out = protowire.AppendTag(out, valueTag, protowire.BytesType)
		out = protowire.AppendString(out, tag)
	}
	for _, f := range inner {
		if !f.is(valueTag) || tag == v.tag {
			out = append(out, f.raw...)
		}
	}
	if metadata != nil && v.metadata == nil {
		out = protowire.AppendTag(out, valueMetadata, protowire.BytesType)
		out = protowire.AppendBytes(out, metadata)
	}
	dst = protowire.AppendTag(dst, summaryValue, protowire.BytesType)
	return protowire.AppendBytes(dst, out)
}

// appendEvent appends the event with its member of the given number replaced.
func appendEvent(dst, payload []byte, number protowire.Number, body []byte) ([]byte, error) {
	list, err := fields(payload)
	if err != nil {
		return nil, malformed("Event", err)
	}
	done := false
	for _, f := range list {
		switch {
		case !f.is(number):
			dst = append(dst, f.raw...)
		case !done:
			dst = protowire.AppendTag(dst, number, protowire.BytesType)
			dst = protowire.AppendBytes(dst, body)
			done = true
		}
	}
	return dst, nil
}

// retagged returns the TaggedRunMetadata with another tag.
func retagged(body []byte, tag string) ([]byte, error) {
	list, err := fields(body)
	if err != nil {
		return nil, malformed("TaggedRunMetadata", err)
	}
	out := protowire.AppendTag(nil, taggedRunMetadataTag, protowire.BytesType)
	out = protowire.AppendString(out, tag)
	for _, f := range list {
		if !f.is(taggedRunMetadataTag) {
			out = append(out, f.raw...)
		}
	}
	return out, nil
}
