package tfrecord_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/tfrecord"
)

func TestAFileCutAtAnyOffsetDeliversAllWholeRecords(t *testing.T) {
	file, starts := mixedFile()
	boundaries := append(starts, len(file))
	for cut := range len(file) + 1 {
		at := lastBoundary(boundaries, cut)
		want := outcome{
			payloads: mixedPayloads()[:slices.Index(boundaries, at)],
			ending:   truncated,
			offset:   int64(at),
		}
		if at == cut {
			want.ending = clean
		}
		got := readAll(tfrecord.NewReader(bytes.NewReader(file[:cut])))
		requireOutcome(t, want, got, "cut after %d bytes", cut)
	}
}

func TestAnyFlippedBitIsFoundInTheRecordWhereItIs(t *testing.T) {
	file, starts := mixedFile()
	for i := range file {
		record := slices.Index(starts, lastBoundary(starts, i))
		want := outcome{
			payloads: mixedPayloads()[:record],
			ending:   corruptPayload,
			offset:   int64(starts[record]),
		}
		if i < starts[record]+tfrecord.HeaderSize {
			want.ending = corruptLength
		}
		for bit := range 8 {
			file[i] ^= 1 << bit
			got := readAll(tfrecord.NewReader(bytes.NewReader(file)))
			file[i] ^= 1 << bit
			requireOutcome(t, want, got, "bit %d of byte %d", bit, i)
		}
	}
}

// requireOutcome compares quickly first: these tests compare 40,000 times.
func requireOutcome(t *testing.T, want, got outcome, format string, args ...any) {
	t.Helper()
	got.err = nil
	same := want.ending == got.ending && want.offset == got.offset &&
		slices.EqualFunc(want.payloads, got.payloads, bytes.Equal)
	if !same {
		require.Equal(t, want, got, append([]any{format}, args...)...)
	}
}
