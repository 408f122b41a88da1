package readers

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/runhook/runhook/summary/eventpb"
)

// maxDepth is how deep prost nests messages.
const maxDepth = 100

// decodeStrictly decodes an Event with the rules of prost, the data server's
// decoder: where others take a known field of another wire type for an unknown
// field, it finds fault. It sees every record that is damaged in its payload, so
// that this decides what is shown of one.
func decodeStrictly(payload []byte) (*eventpb.Event, error) {
	e := &eventpb.Event{}
	if err := strict(payload, e.ProtoReflect().Descriptor(), maxDepth); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(payload, e); err != nil {
		return nil, err
	}
	return e, nil
}

// strict looks for what prost would reject.
func strict(message []byte, desc protoreflect.MessageDescriptor, depth int) error {
	if depth == 0 {
		return errors.New("recursion limit reached")
	}
	for len(message) > 0 {
		num, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		size := protowire.ConsumeFieldValue(num, typ, message)
		if size < 0 {
			return protowire.ParseError(size)
		}
		if field := desc.Fields().ByNumber(num); field != nil {
			if err := strictField(message[:size], typ, field, depth); err != nil {
				return fmt.Errorf("%s.%s: %w", desc.Name(), field.Name(), err)
			}
		}
		message = message[size:]
	}
	return nil
}

func strictField(value []byte, typ protowire.Type, field protoreflect.FieldDescriptor, depth int) error {
	want := wireType(field.Kind())
	packed := field.IsList() && want != protowire.BytesType && typ == protowire.BytesType
	if typ != want && !packed {
		return fmt.Errorf("invalid wire type %d, want %d", typ, want)
	}
	if typ != protowire.BytesType {
		return nil
	}
	value, _ = protowire.ConsumeBytes(value)
	switch {
	case packed:
		for len(value) > 0 {
			n := protowire.ConsumeFieldValue(field.Number(), want, value)
			if n < 0 {
				return protowire.ParseError(n)
			}
			value = value[n:]
		}
	case field.Kind() == protoreflect.StringKind:
		if !utf8.Valid(value) {
			return errors.New("string is not UTF-8 encoded")
		}
	case field.Kind() == protoreflect.MessageKind:
		return strict(value, field.Message(), depth-1)
	}
	return nil
}

// wireType is how a single value of a kind is encoded.
func wireType(kind protoreflect.Kind) protowire.Type {
	switch kind {
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.Fixed64Type
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.Fixed32Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	}
	return protowire.VarintType
}
