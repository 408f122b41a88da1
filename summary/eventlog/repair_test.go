package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog"
)

func repair(t testing.TB, file []byte) ([]byte, eventlog.Repaired) {
	t.Helper()
	var repaired bytes.Buffer
	done, err := eventlog.Repair(t.Context(), &repaired, bytes.NewReader(file), eventlog.RepairConfig{})
	require.NoError(t, err)
	require.EqualValues(t, len(file), done.Bytes+done.Skipped)
	if !done.Version {
		require.EqualValues(t, repaired.Len(), done.Bytes)
	}
	return repaired.Bytes(), done
}

func TestRepairOfAnUndamagedFileIsTheFile(t *testing.T) {
	file, bounds := mixed(t)
	repaired, done := repair(t, file)
	require.True(t, bytes.Equal(file, repaired))
	require.Equal(t, eventlog.Repaired{Records: int64(len(bounds) - 1), Bytes: int64(len(file))}, done)
}

func TestRepairCutsATornTail(t *testing.T) {
	file, bounds := mixed(t)
	for cut := range len(file) {
		n := recordOf(bounds, cut)
		repaired, done := repair(t, file[:cut])
		require.True(t, bytes.Equal(file[:bounds[n]], repaired), "cut at %d", cut)
		require.EqualValues(t, n, done.Records)
	}
}

func TestRepairRecoversAllButTheRecordThatIsDamaged(t *testing.T) {
	file, bounds := mixed(t)
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 1 << (i % 8)
		n := recordOf(bounds, i)
		repaired, done := repair(t, damaged)
		want := slices.Concat(file[:bounds[n]], file[bounds[n+1]:])
		require.Equal(t, n == 0, done.Version)
		if n == 0 {
			want = slices.Concat(tfrecord.Append(nil, versionAt(1577836800.25)), want)
		}
		require.True(t, bytes.Equal(want, repaired), "flip in byte %d", i)
		lost := bounds[n+1] - bounds[n]
		require.Equal(t, eventlog.Repaired{
			Records: int64(len(bounds) - 2), Bytes: int64(len(file)) - lost, Damages: 1, Skipped: lost, Version: n == 0,
		}, done)
	}
}

// versionAt is a version event, of another writer than ours.
func versionAt(wallTime float64) []byte {
	b := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(wallTime))
	return protowire.AppendString(protowire.AppendTag(b, 3, protowire.BytesType), "brain.Event:2")
}

func TestRepairLeavesOutWhatIsNoEvent(t *testing.T) {
	good := goldenNamed(t, "tf2_scalar").file
	bad := tfrecord.Append(nil, []byte("no event"))
	file := slices.Concat(good, bad, good)
	var faults []error
	var repaired bytes.Buffer
	done, err := eventlog.Repair(t.Context(), &repaired, bytes.NewReader(file), eventlog.RepairConfig{
		Name: "file", OnFault: func(fault *eventlog.RecordError) error { faults = append(faults, fault); return nil },
	})
	require.NoError(t, err)
	require.Equal(t, slices.Concat(good, good), repaired.Bytes())
	require.EqualValues(t, 1, done.Malformed)
	require.EqualValues(t, len(bad), done.Skipped)
	require.Zero(t, done.Damages)
	require.Len(t, faults, 1)
	require.ErrorIs(t, faults[0], eventlog.ErrMalformed)
}

// What is no damage ends a repair: a copy that is short of what could not be read
// must not pass for one that is short of what is damaged.
func TestRepairFails(t *testing.T) {
	file, bounds := mixed(t)
	broken := errors.New("broken")
	config := eventlog.RepairConfig{}

	_, err := eventlog.Repair(t.Context(), io.Discard, io.MultiReader(bytes.NewReader(file), iotest.ErrReader(broken)), config)
	require.ErrorIs(t, err, broken)

	// Also while it looks for the next record behind damage.
	damaged := bytes.Clone(file[:bounds[4]])
	damaged[bounds[3]] ^= 1
	_, err = eventlog.Repair(t.Context(), io.Discard, io.MultiReader(bytes.NewReader(damaged), iotest.ErrReader(broken)), config)
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, eventlog.ErrCorrupt)

	_, err = eventlog.Repair(t.Context(), shortWriter{}, bytes.NewReader(file), config)
	require.ErrorIs(t, err, io.ErrShortWrite)

	config.OnFault = func(*eventlog.RecordError) error { return broken }
	_, err = eventlog.Repair(t.Context(), io.Discard, bytes.NewReader(damaged), config)
	require.ErrorIs(t, err, broken)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = eventlog.Repair(ctx, io.Discard, bytes.NewReader(file), config)
	require.ErrorIs(t, err, context.Canceled)
}

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) - 1, nil }

// FuzzRepair repairs any bytes: the copy is undamaged, and so is its copy.
func FuzzRepair(f *testing.F) {
	file, _ := mixed(f)
	f.Add(file)
	f.Add(slices.Concat(file[:len(file)/3], file))
	f.Fuzz(func(t *testing.T, file []byte) {
		once, done := repair(t, file)
		_, faults := records(once, false)
		require.Empty(t, faults)
		twice, again := repair(t, once)
		require.True(t, bytes.Equal(once, twice))
		if !done.Version {
			require.Equal(t, eventlog.Repaired{Records: done.Records, Bytes: done.Bytes}, again)
		}
	})
}
