package tfrecord_test

import (
	"bytes"
	"encoding/hex"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
)

func TestAppendWritesTheBytesThatTensorFlowWrites(t *testing.T) {
	for _, c := range []struct{ name, payload, record string }{
		{"empty", "", "0000000000000000 29039807 d8ea82a2"},
		{"foo", hex.EncodeToString([]byte("foo")), "0300000000000000 b099490e 666f6f 618abefe"},
		{"abc", hex.EncodeToString([]byte("abc")), "0300000000000000 b099490e 616263 6e57f121"},
		{
			"Hello World", hex.EncodeToString([]byte("Hello World")),
			"0b00000000000000 8615f504 48656c6c6f20576f726c64 13bde1f6",
		},
		{
			"first event of TensorFlow 1.x and 2.x up to 2.3",
			"0900000040f882d7411a0d627261696e2e4576656e743a32",
			"1800000000000000 a37f4b22 0900000040f882d7411a0d627261696e2e4576656e743a32 9ad1c294",
		},
		{
			"first event of later TensorFlow",
			"0900000040f882d7411a0d627261696e2e4576656e743a3252240a2274656e736f72666c6f772e636f72652e7574696c2e6576656e74735f777269746572",
			"3e00000000000000 d9d240e7 0900000040f882d7411a0d627261696e2e4576656e743a3252240a2274656e736f72666c6f772e636f72652e7574696c2e6576656e74735f777269746572 e4cdde9b",
		},
		{
			"scalar of TensorBoard's own writer",
			"09000000000000f83f10072a0d0a0b0a046c6f7373150000803e",
			"1a00000000000000 129bd82d 09000000000000f83f10072a0d0a0b0a046c6f7373150000803e c9d07b8d",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := unhex(t, strings.ReplaceAll(c.record, " ", ""))
			payload := unhex(t, c.payload)
			require.Equal(t, want, tfrecord.Append(nil, payload))
			require.Len(t, want, len(payload)+tfrecord.Overhead)
		})
	}
}

func TestChecksumIsTheMaskedCRC32C(t *testing.T) {
	ascending := make([]byte, 32)
	for i := range ascending {
		ascending[i] = byte(i)
	}
	descending := slices.Clone(ascending)
	slices.Reverse(descending)

	// The vectors of RFC 3720, B.4, and the customary check value.
	for _, c := range []struct {
		name string
		data []byte
		crc  uint32
	}{
		{"check value", []byte("123456789"), 0xe3069283},
		{"32 zero bytes", make([]byte, 32), 0x8a9136aa},
		{"32 bytes of ff", slices.Repeat([]byte{0xff}, 32), 0x62a8ab43},
		{"ascending", ascending, 0x46dd794e},
		{"descending", descending, 0x113fdb5c},
		{
			"iSCSI read command",
			unhex(t, "01c00000000000000000000000000000"+"14000000000004000000001400000018"+"28000000000000000200000000000000"),
			0xd9963a56,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.crc, unmask(tfrecord.Checksum(c.data)))
		})
	}
}

func TestBeginEndAndSealFrameWhatIsAppendedBetweenThem(t *testing.T) {
	earlier := []byte("earlier")
	for _, payload := range []string{"", "x", strings.Repeat("payload ", 1000)} {
		b := tfrecord.Begin(slices.Clone(earlier))
		require.Len(t, b, len(earlier)+tfrecord.HeaderSize)
		for i := range len(payload) { // Make the slice grow in the middle.
			b = append(b, payload[i])
		}
		b = tfrecord.End(b, len(earlier))
		tfrecord.Seal(b[len(earlier):])
		require.Equal(t, tfrecord.Append(slices.Clone(earlier), []byte(payload)), b)
	}
}

func TestBeginOverwritesWhatTheSpareCapacityHeld(t *testing.T) {
	dirty := slices.Repeat([]byte{0xff}, 64)
	b := tfrecord.Begin(dirty[:0])
	require.Equal(t, make([]byte, tfrecord.HeaderSize), b)
	b = tfrecord.End(b, 0)
	require.Equal(t, make([]byte, tfrecord.Overhead), b)
	tfrecord.Seal(b)
	require.Equal(t, tfrecord.Append(nil, nil), b)
}

func TestManyRecordsAreSealedAtOnceAndAgain(t *testing.T) {
	var want, got []byte
	for n := range 600 {
		payload := bytes.Repeat([]byte{byte(n)}, n)
		want = tfrecord.Append(want, payload)
		start := len(got)
		got = tfrecord.End(append(tfrecord.Begin(got), payload...), start)
	}
	for range 2 {
		tfrecord.Seal(got)
		require.Equal(t, want, got)
	}
	tfrecord.Seal(nil)
}

func TestFramingIntoSpareCapacityAllocatesNothing(t *testing.T) {
	payload := []byte("a scalar event is about this long, fifty bytes or so")
	buf := make([]byte, 0, 4096)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		buf = tfrecord.Append(buf[:0], payload)
		start := len(buf)
		buf = tfrecord.Begin(buf)
		buf = append(buf, payload...)
		buf = tfrecord.End(buf, start)
		tfrecord.Seal(buf[start:])
	}))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if tfrecord.WholeRecords(buf) != len(buf) {
			t.Error("records are not whole")
		}
	}))
}

func TestWholeRecordsStopsAtTheLastBoundary(t *testing.T) {
	file, starts := mixedFile()
	boundaries := append(slices.Clone(starts), len(file))
	for cut := range len(file) + 1 {
		require.Equal(t, lastBoundary(boundaries, cut), tfrecord.WholeRecords(file[:cut]), "cut after %d bytes", cut)
	}
}

func TestWholeRecordsOfABufferThatHoldsNone(t *testing.T) {
	for name, b := range map[string][]byte{
		"nil":                       nil,
		"less than a header":        make([]byte, 11),
		"length of almost 2^64":     unhex(t, "ffffffffffffffff"+"0000000000000000"),
		"length of almost 2^63":     unhex(t, "ffffffffffffff7f"+"0000000000000000"),
		"one byte more than there":  tfrecord.Append(nil, []byte("abc"))[:18],
		"a header and half of zero": tfrecord.Append(nil, nil)[:14],
	} {
		require.Zero(t, tfrecord.WholeRecords(b), name)
	}
}

// mixedFile returns a file with records of all kinds, one of them longer than
// the reader's first buffer, and where each record begins.
func mixedFile() (file []byte, starts []int) {
	for _, payload := range mixedPayloads() {
		starts = append(starts, len(file))
		file = tfrecord.Append(file, payload)
	}
	return file, starts
}

func mixedPayloads() [][]byte {
	long := make([]byte, 4500)
	for i := range long {
		long[i] = byte(31*i + i/256)
	}
	return [][]byte{
		[]byte("\x09\x00\x00\x00\x40\xf8\x82\xd7\x41\x1a\x0dbrain.Event:2"),
		{},
		{0},
		tfrecord.Append(nil, []byte("a record within a record")),
		make([]byte, 40),
		long,
		{},
		slices.Repeat([]byte{0xff}, 17),
	}
}

func lastBoundary(boundaries []int, limit int) int {
	last := 0
	for _, b := range boundaries {
		if b <= limit {
			last = b
		}
	}
	return last
}

// unmask is the inverse of the mask, as the format's description has it.
func unmask(masked uint32) uint32 {
	return bits.RotateLeft32(masked-0xa282ead8, 15)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}
