package tfrecord_test

import (
	"bytes"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
)

// FuzzReadWriteRead reads any bytes, writes what it got and reads that again.
func FuzzReadWriteRead(f *testing.F) {
	file, starts := mixedFile()
	f.Add(file)
	f.Add(file[:starts[4]])
	f.Add(file[:starts[4]+20])
	f.Add(header(1 << 40))
	f.Add(header(1 << 63))
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, stream []byte) {
		first := readAll(tfrecord.NewReader(bytes.NewReader(stream)))
		require.NotEqual(t, otherError, first.ending)
		require.Equal(t, first, readAll(tfrecord.NewReader(iotest.HalfReader(bytes.NewReader(stream)))))

		var written []byte
		for _, p := range first.payloads {
			written = tfrecord.Append(written, p)
		}
		require.True(t, bytes.Equal(stream[:first.offset], written), "the records are not the bytes before the offset")
		require.Equal(t, len(written), tfrecord.WholeRecords(written))
		require.LessOrEqual(t, len(written), tfrecord.WholeRecords(stream))

		second := readAll(tfrecord.NewReader(bytes.NewReader(written)))
		require.Equal(t, clean, second.ending)
		require.Equal(t, first.payloads, second.payloads)
	})
}

// FuzzWriteRead writes any payloads and reads them from a stream cut anywhere.
func FuzzWriteRead(f *testing.F) {
	f.Add([]byte("one"), []byte(""), uint16(5))
	f.Add(make([]byte, 5000), []byte{0}, uint16(4999))
	f.Fuzz(func(t *testing.T, one, two []byte, cut uint16) {
		file := tfrecord.Append(tfrecord.Append(nil, one), two)
		at := int(cut) % (len(file) + 1)
		var stream bytes.Buffer
		stream.Write(file[:at])
		r := tfrecord.NewReader(&stream)
		before := readAll(r)
		require.EqualValues(t, tfrecord.WholeRecords(file[:at]), before.offset)
		stream.Write(file[at:])
		after := readAll(r)
		require.Equal(t, clean, after.ending)
		require.Equal(t, []string{string(one), string(two)}, append(before.strings(), after.strings()...))
	})
}
