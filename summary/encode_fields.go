package summary

import "google.golang.org/protobuf/encoding/protowire"

// The fields of messages that are written now and then.

func appendString(b []byte, field protowire.Number, s string) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendString(b, s)
}

func appendMessage(b []byte, field protowire.Number, message []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, message)
}

// appendInt appends a field, unless it is 0, which is what a field is without.
func appendInt(b []byte, field protowire.Number, x int64) []byte {
	if x == 0 {
		return b
	}
	return appendUint(b, field, uint64(x))
}

// appendUint appends a field also if it is 0, as one of a oneof has to be.
func appendUint(b []byte, field protowire.Number, x uint64) []byte {
	b = protowire.AppendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, x)
}
