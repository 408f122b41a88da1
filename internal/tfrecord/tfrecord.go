// Package tfrecord frames records as event files do: it writes records, reads
// them back, and tells a file that ends well from one that is torn or damaged.
//
// A file is a sequence of records and nothing else: no file header, no index,
// no padding, no end mark. One record is
//
//	byte  0         8            12            12+n         16+n
//	      +---------+------------+-------------+------------+
//	      | length  | checksum   | payload     | checksum   |
//	      | n       | of length  |             | of payload |
//	      | 8 bytes | 4 bytes    | n bytes     | 4 bytes    |
//	      +---------+------------+-------------+------------+
//	      '------ header --------'             '-- footer --'
//
// Numbers are unsigned and little-endian. An empty payload is a legal record. A
// checksum is the CRC-32C (Castagnoli) c of the bytes it covers, masked as
//
//	(c rotated right by 15 bits) + 0xa282ead8  modulo 2³²
//
// so that the CRC of data that holds CRCs stays meaningful.
//
// The format is TensorFlow's TFRecord without compression: record_writer.h,
// record_writer.cc and record_reader.cc in xla/tsl/lib/io, the mask in
// xla/tsl/lib/hash/crc32c.h.
package tfrecord

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"slices"
)

// The sizes and the mask are part of the format and cannot change.
const (
	HeaderSize = 12                      // bytes in front of a payload
	FooterSize = 4                       // bytes behind a payload
	Overhead   = HeaderSize + FooterSize // bytes a record is longer than its payload

	lengthSize = 8
	maskDelta  = 0xa282ead8
)

// castagnoli is the table for which hash/crc32 uses the processor's CRC-32C
// instructions.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum returns the masked CRC-32C of b, as headers and footers hold it.
func Checksum(b []byte) uint32 {
	return bits.RotateLeft32(crc32.Checksum(b, castagnoli), -15) + maskDelta
}

// Append appends one record with the given payload to dst and returns the
// extended slice. The payload must not lie in the spare capacity of dst.
func Append(dst, payload []byte) []byte {
	start := len(dst)
	dst = Begin(slices.Grow(dst, Overhead+len(payload)))
	dst = End(append(dst, payload...), start)
	Seal(dst[start:])
	return dst
}

// shortLengths holds the checksums of the lengths of short records: an event
// with one scalar has some 50 bytes.
var shortLengths = func() (sums [256]uint32) {
	var length [lengthSize]byte
	for i := range sums {
		length[0] = byte(i)
		sums[i] = Checksum(length[:])
	}
	return sums
}()

// lengthChecksum is the Checksum of an encoded length.
func lengthChecksum(length []byte) uint32 {
	if n := binary.LittleEndian.Uint64(length); n < uint64(len(shortLengths)) {
		return shortLengths[n]
	}
	return Checksum(length)
}

// Begin appends room for a record's header to dst and returns the extended
// slice. The caller appends the payload to it, ends the record with End and, now
// or when there are more, seals it with Seal.
func Begin(dst []byte) []byte {
	var header [HeaderSize]byte
	return append(dst, header[:]...)
}

// End ends the record that began at start, the length that dst had before Begin: it
// fills in the length of the payload appended since, appends room for the footer and
// returns the extended slice. It allocates only if dst has to grow.
func End(dst []byte, start int) []byte {
	binary.LittleEndian.PutUint64(dst[start:], uint64(len(dst)-start-HeaderSize))
	var footer [FooterSize]byte
	return append(dst, footer[:]...)
}

// Seal fills in the checksums of records, which End has ended. It is half of the
// cost of a short record, and may be another goroutine's.
func Seal(records []byte) {
	for len(records) > 0 {
		length := records[:lengthSize]
		end := HeaderSize + int(binary.LittleEndian.Uint64(length))
		binary.LittleEndian.PutUint32(records[lengthSize:], lengthChecksum(length))
		binary.LittleEndian.PutUint32(records[end:], Checksum(records[HeaderSize:end]))
		records = records[end+FooterSize:]
	}
}

// WholeRecords returns how many leading bytes of b whole records occupy; what
// follows them is the beginning of a record that is cut off, or nothing. b must
// begin at a record boundary and hold records of this package: it is walked by
// the lengths alone, no checksum is looked at. A writer whose write was cut
// short finds here where to cut the file back to.
func WholeRecords(b []byte) int {
	whole := 0
	for len(b)-whole >= Overhead {
		length := binary.LittleEndian.Uint64(b[whole:])
		if length > uint64(len(b)-whole-Overhead) {
			break
		}
		whole += Overhead + int(length)
	}
	return whole
}
