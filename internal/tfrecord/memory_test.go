package tfrecord_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
)

func TestAClaimedLengthCostsNoMemory(t *testing.T) {
	for _, length := range []uint64{1 << 24, 1 << 29, 1 << 31, 1 << 40, 1 << 61, 1 << 62, 1<<63 - 1, 1 << 63, math.MaxUint64} {
		stream := append(header(length), "only these bytes arrive"...)
		r := tfrecord.NewReader(bytes.NewReader(stream))
		var err error
		require.Less(t, allocated(func() { _, err = r.Next() }), uint64(64<<10), "length %d", length)
		if length < math.MaxInt/2 {
			require.ErrorIs(t, err, tfrecord.ErrTruncated, "length %d", length)
			continue
		}
		var corrupt *tfrecord.CorruptError
		require.ErrorAs(t, err, &corrupt, "length %d", length)
		require.Equal(t, tfrecord.FieldLength, corrupt.Field)
		require.Equal(t, length, corrupt.Length)
		require.Equal(t, corrupt.Want, corrupt.Got)
		require.Contains(t, err.Error(), "more than memory can hold")
	}
}

func TestMemoryGrowsOnlyWithTheBytesThatArrive(t *testing.T) {
	const arrived = 3 << 20
	stream := io.MultiReader(bytes.NewReader(header(1<<29)), io.LimitReader(zeros{}, arrived))
	r := tfrecord.NewReader(stream)
	var err error
	require.Less(t, allocated(func() { _, err = r.Next() }), uint64(4*arrived))
	require.ErrorIs(t, err, tfrecord.ErrTruncated)
}

func TestALongRecordComesWhole(t *testing.T) {
	payload := make([]byte, 5<<20+123)
	for i := range payload {
		payload[i] = byte(31*i + i/256)
	}
	stream := tfrecord.Append(tfrecord.Append(tfrecord.Append(nil, []byte("before")), payload), []byte("after"))
	got := readAll(tfrecord.NewReader(bytes.NewReader(stream)))
	requireOutcome(t, outcome{
		payloads: [][]byte{[]byte("before"), payload, []byte("after")},
		ending:   clean,
		offset:   int64(len(stream)),
	}, got, "long record")
}

func TestAReaderAtACleanEndHoldsNoLargeBuffer(t *testing.T) {
	stream := tfrecord.Append(nil, make([]byte, 3<<20))
	readers := make([]*tfrecord.Reader, 16)
	before := live()
	for i := range readers {
		readers[i] = tfrecord.NewReader(bytes.NewReader(stream))
		require.Equal(t, clean, readAll(readers[i]).ending)
	}
	require.Less(t, int64(live())-int64(before), int64(1<<20))
	runtime.KeepAlive(readers)
	runtime.KeepAlive(stream)
}

func TestReadingAllocatesNothing(t *testing.T) {
	r := tfrecord.NewReader(&repeated{record: tfrecord.Append(nil, make([]byte, 50))})
	for r.Offset() < 4<<20 { // The buffer finds its size.
		_, err := r.Next()
		require.NoError(t, err)
	}
	require.Zero(t, testing.AllocsPerRun(100_000, func() {
		if _, err := r.Next(); err != nil {
			t.Error(err)
		}
	}))
}

func TestPollingAtACleanEndAllocatesNothing(t *testing.T) {
	r := tfrecord.NewReader(bytes.NewReader(tfrecord.Append(nil, make([]byte, 1<<20))))
	require.Equal(t, clean, readAll(r).ending)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := r.Next(); err != io.EOF {
			t.Error(err)
		}
	}))
}

// header returns the header of a record that claims that length, with the right
// checksum.
func header(length uint64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, length)
	return binary.LittleEndian.AppendUint32(b, tfrecord.Checksum(b))
}

// allocated returns how many bytes do allocates, collected since or not.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// live returns how many bytes are reachable.
func live() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// repeated is a stream of one record without end.
type repeated struct {
	record []byte
	at     int
}

func (s *repeated) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		c := copy(p[n:], s.record[s.at:])
		s.at = (s.at + c) % len(s.record)
		n += c
	}
	return len(p), nil
}
