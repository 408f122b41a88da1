package eventlog

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of TensorFlow's event.proto, summary.proto and tensor.proto.
// Those of the member that an Event holds are the values of What, those of the
// form in which a value is stored are the values of form.
const (
	eventWallTime = 1
	eventStep     = 2

	sessionLogStatus = 1
	sessionLogStart  = 1

	taggedRunMetadataTag  = 1
	taggedRunMetadataData = 2

	summaryValue = 1

	valueTag      = 1
	valueMetadata = 9

	metadataPluginData  = 1
	metadataDisplayName = 2
	metadataDescription = 3
	metadataDataClass   = 4

	pluginDataName    = 1
	pluginDataContent = 2

	tensorDType   = 1
	tensorShape   = 2
	tensorContent = 4

	shapeDim = 2
	dimSize  = 1
)

// fields walks the fields of one encoded message without copying:
//
//	for f := (fields{rest: message}); f.next(); {
//		switch f.number { … }
//	}
//
// A field of a known number but another wire type than the message has for it
// is an unknown field, as for every protobuf decoder; so whoever reads a field
// asks for its wire type too.
type fields struct {
	rest   []byte
	number protowire.Number
	wire   protowire.Type
	num    uint64 // of a varint, fixed32 or fixed64
	bytes  []byte // of a length-delimited field
	bad    bool   // the bytes are no message; next has returned false
}

// next moves to the next field. It returns false at the end of the message and
// where the bytes stop being one.
func (f *fields) next() bool {
	if len(f.rest) == 0 || f.bad {
		return false
	}
	key, b := varint(f.rest)
	f.number, f.wire = protowire.Number(key>>3), protowire.Type(key&7)
	if b == nil || key>>3 == 0 || key>>3 > uint64(protowire.MaxValidNumber) {
		f.bad = true
		return false
	}
	switch f.wire {
	case protowire.VarintType:
		f.num, f.rest = varint(b)
		f.bad = f.rest == nil
	case protowire.Fixed32Type:
		if f.bad = len(b) < 4; !f.bad {
			f.num, f.rest = uint64(binary.LittleEndian.Uint32(b)), b[4:]
		}
	case protowire.Fixed64Type:
		if f.bad = len(b) < 8; !f.bad {
			f.num, f.rest = binary.LittleEndian.Uint64(b), b[8:]
		}
	case protowire.BytesType:
		n, b := varint(b)
		if f.bad = b == nil || n > uint64(len(b)); !f.bad {
			f.bytes, f.rest = b[:n:n], b[n:]
		}
	default: // A group, or a type that does not exist.
		n := protowire.ConsumeFieldValue(f.number, f.wire, b)
		if f.bad = n < 0; !f.bad {
			f.rest = b[n:]
		}
	}
	return !f.bad
}

// is reports whether the field has this number and wire type.
func (f *fields) is(number protowire.Number, wire protowire.Type) bool {
	return f.number == number && f.wire == wire
}

// varint takes a varint off b. rest is nil where there is none, else not.
func varint(b []byte) (v uint64, rest []byte) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), b[1:]
	}
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil
	}
	return v, b[n:]
}

// merged is what two occurrences of one embedded message mean together. The
// encoding is made so that this is their concatenation. No known writer repeats
// one.
func merged(first, second []byte) []byte {
	if first == nil {
		return second
	}
	return append(first[:len(first):len(first)], second...)
}
