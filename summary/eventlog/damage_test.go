package eventlog_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog"
)

// mixed is a file with values of many kinds, and the offsets where its records
// begin and end.
func mixed(t testing.TB) (file []byte, bounds []int64) {
	t.Helper()
	for _, name := range []string{"tf1_session_log", "tbx_histogram_raw", "tf2_audio", "tf1_graph", "tb_writer_scalar", "tbx_hparams__trial0"} {
		file = append(file, goldenNamed(t, name).file...)
	}
	for r, err := range eventlog.NewReader(bytes.NewReader(file), eventlog.ReaderConfig{}).Records() {
		require.NoError(t, err)
		bounds = append(bounds, r.Offset)
	}
	return file, append(bounds, int64(len(file)))
}

// recordOf returns the number of the record that holds the byte at offset.
func recordOf(bounds []int64, offset int) int {
	n, found := slices.BinarySearch(bounds, int64(offset))
	if !found {
		n--
	}
	return n
}

// records returns the records of a file, as it holds them, and its faults.
func records(file []byte, salvage bool) (all [][]byte, faults []*eventlog.RecordError) {
	r := eventlog.NewReader(bytes.NewReader(file), eventlog.ReaderConfig{Name: "file", Salvage: salvage})
	for record, err := range r.Records() {
		if err != nil {
			faults = append(faults, err.(*eventlog.RecordError))
			continue
		}
		size := int64(len(record.Payload) + tfrecord.Overhead)
		all = append(all, file[record.Offset:record.Offset+size])
	}
	return all, faults
}

func TestFileCutAnywhereGivesWhatIsWhole(t *testing.T) {
	file, bounds := mixed(t)
	for cut := range len(file) {
		n := recordOf(bounds, cut)
		for _, salvage := range []bool{false, true} {
			got, faults := records(file[:cut], salvage)
			require.Len(t, got, n, "cut at %d", cut)
			if n > 0 {
				require.True(t, bytes.Equal(file[:bounds[n]], bytes.Join(got, nil)), "cut at %d", cut)
			}
			if int64(cut) == bounds[n] {
				require.Empty(t, faults, "cut at %d", cut)
				continue
			}
			require.Len(t, faults, 1, "cut at %d", cut)
			require.ErrorIs(t, faults[0], eventlog.ErrTruncated)
			require.ErrorIs(t, faults[0], io.ErrUnexpectedEOF)
			require.NotErrorIs(t, faults[0], eventlog.ErrCorrupt)
			require.Equal(t, bounds[n], faults[0].Offset)
			require.Equal(t, "file", faults[0].File)
			if salvage {
				require.Equal(t, int64(cut)-bounds[n], faults[0].Skipped)
			}
		}
	}
}

func TestFlippedBitCostsItsRecordOnly(t *testing.T) {
	file, bounds := mixed(t)
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 1 << (i % 8)
		n := recordOf(bounds, i)

		before, faults := records(damaged, false)
		require.Len(t, before, n, "flip in byte %d", i)
		require.Len(t, faults, 1)
		require.ErrorIs(t, faults[0], eventlog.ErrCorrupt)
		require.NotErrorIs(t, faults[0], eventlog.ErrTruncated)
		require.Equal(t, bounds[n], faults[0].Offset)
		require.True(t, bytes.Equal(file[:bounds[n]], bytes.Join(before, nil)))

		all, faults := records(damaged, true)
		require.Len(t, faults, 1)
		require.Equal(t, bounds[n], faults[0].Offset)
		require.Equal(t, bounds[n+1]-bounds[n], faults[0].Skipped)
		want := slices.Concat(file[:bounds[n]], file[bounds[n+1]:])
		require.Len(t, all, len(bounds)-2, "flip in byte %d", i)
		require.True(t, bytes.Equal(want, bytes.Join(all, nil)), "flip in byte %d", i)
	}
}

func TestRecordsAppendedBehindATornOneAreSalvaged(t *testing.T) {
	first, bounds := mixed(t)
	second := goldenNamed(t, "tf2_scalar").file
	behind, _ := records(second, false)
	for cut := range len(first) {
		n := recordOf(bounds, cut)
		got, faults := records(slices.Concat(first[:cut], second), true)
		require.Len(t, got, n+len(behind), "torn at %d", cut)
		if n > 0 {
			require.True(t, bytes.Equal(first[:bounds[n]], bytes.Join(got[:n], nil)))
		}
		require.True(t, bytes.Equal(second, bytes.Join(got[n:], nil)))
		if int64(cut) == bounds[n] {
			require.Empty(t, faults)
		} else {
			require.Len(t, faults, 1)
			require.Equal(t, int64(cut)-bounds[n], faults[0].Skipped)
		}
	}
}

func TestSeveralDamagesAreReportedEach(t *testing.T) {
	file, bounds := mixed(t)
	damaged := bytes.Clone(file)
	for _, n := range []int{1, 4, 5, 9} {
		clear(damaged[bounds[n] : bounds[n]+10])
	}
	damaged = damaged[:len(damaged)-1]
	events, faults := ending(bytes.NewReader(damaged), true)
	require.Equal(t, len(bounds)-1-5, events)
	require.Len(t, faults, 4, "two damaged records that touch are one damage")
	require.EqualError(t, faults[3], fmt.Sprintf("eventlog: file: record at offset %d: truncated: unexpected EOF (%d bytes passed over)",
		bounds[len(bounds)-2], int64(len(damaged))-bounds[len(bounds)-2]))
}

// A wellFramed record with a payload that has been changed is no damage to the
// framing; what it says may be anything.
func TestChangedPayloadNeverPanics(t *testing.T) {
	file, _ := mixed(t)
	intact, _ := records(file, false)
	for _, record := range intact {
		payload := record[tfrecord.HeaderSize : len(record)-tfrecord.FooterSize]
		for i := range payload {
			changed := bytes.Clone(payload)
			changed[i] ^= 1 << (i % 8)
			requireAgreement(t, changed)
			requireAgreement(t, payload[:i])
		}
	}
}

func TestRecordThatIsNoEvent(t *testing.T) {
	good := goldenNamed(t, "tf2_scalar").file
	file := slices.Concat(good, tfrecord.Append(nil, []byte("no event")), good)
	whole, faults := ending(bytes.NewReader(good), false)
	require.Empty(t, faults)

	n, faults := ending(bytes.NewReader(file), false)
	require.Equal(t, whole, n)
	require.Len(t, faults, 1)
	require.ErrorIs(t, faults[0], eventlog.ErrMalformed)
	require.EqualError(t, faults[0], fmt.Sprintf("eventlog: file: record at offset %d: malformed: no Event", len(good)))

	n, faults = ending(bytes.NewReader(file), true)
	require.Equal(t, 2*whole, n)
	require.Len(t, faults, 1)

	// Without Salvage another iteration goes on behind it.
	r := eventlog.NewReader(bytes.NewReader(file), eventlog.ReaderConfig{})
	n = 0
	for range 2 {
		for _, err := range r.Events() {
			if err == nil {
				n++
			}
		}
	}
	require.Equal(t, 2*whole, n)
}

func TestLengthsAndShapesThatAreClaimedCostNoMemory(t *testing.T) {
	length := tfrecord.Append(nil, nil)
	for _, bytesOf := range [][]byte{
		forgedLength(1 << 63), forgedLength(1<<64 - 1), forgedLength(1 << 40),
		slices.Concat(length, forgedLength(1<<62)),
	} {
		for _, salvage := range []bool{false, true} {
			require.Less(t, allocated(func() {
				_, faults := ending(bytes.NewReader(bytesOf), salvage)
				require.NotEmpty(t, faults)
			}), uint64(1<<20))
		}
	}
	for _, shape := range [][]int64{{1 << 60}, {1 << 31, 1 << 31, 1 << 31}, {1 << 25}, {1<<63 - 1, 2}} {
		message := tensorMessage(1, shape, []byte{5<<3 | 2, 4, 0, 0, 128, 63})
		require.Less(t, allocated(func() {
			_, err := eventlog.ParseTensor(message)
			require.Error(t, err, "%v", shape)
		}), uint64(1<<20))
	}
}

// forgedLength is a header with a right checksum and little behind it.
func forgedLength(n uint64) []byte {
	header := make([]byte, 8, 64)
	for i := range header {
		header[i] = byte(n >> (8 * i))
	}
	sum := tfrecord.Checksum(header)
	header = append(header, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
	return append(header, "some payload"...)
}

func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
