package rewrite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/cmd/runhook/internal/rewrite"
	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// small is a file of a few records, and where each begins.
func small(t testing.TB) (file []byte, starts []int) {
	events := []*eventpb.Event{
		{WallTime: 1, What: &eventpb.Event_FileVersion{FileVersion: "brain.Event:2"}},
		{WallTime: 2, Step: 1},
		{WallTime: 3, Step: 2, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{
			{Tag: "x", Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: 1}},
			{Tag: "y", Value: &eventpb.Summary_Value_Tensor{Tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, FloatVal: []float32{2}}},
				Metadata: &eventpb.SummaryMetadata{PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: "scalars"}}},
		}}}},
		{WallTime: 4, Step: 3, What: &eventpb.Event_TaggedRunMetadata{TaggedRunMetadata: &eventpb.TaggedRunMetadata{Tag: "r", RunMetadata: []byte{1}}}},
		{WallTime: 5, Step: 4, What: &eventpb.Event_SessionLog{SessionLog: &eventpb.SessionLog{Status: eventpb.SessionLog_START}}},
	}
	for _, e := range events {
		payload, err := proto.Marshal(e)
		require.NoError(t, err)
		starts = append(starts, len(file))
		file = tfrecord.Append(file, payload)
	}
	return file, starts
}

// repaired returns what Repair makes of a file, in dir.
func repaired(t *testing.T, dir string, damaged []byte) (rewrite.Repaired, []byte) {
	t.Helper()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	require.NoError(t, os.RemoveAll(out))
	require.NoError(t, os.WriteFile(in, damaged, 0o666))
	r, err := rewrite.Repair(t.Context(), in, out, nil)
	require.NoError(t, err)
	got, err := os.ReadFile(out)
	require.NoError(t, err)
	if r.Version {
		_, size, _ := versionRecord(got)
		got = got[size:]
	}
	return r, got
}

func versionRecord(file []byte) ([]byte, int, error) {
	payload, err := tfrecord.NewReader(bytes.NewReader(file)).Next()
	return payload, len(payload) + tfrecord.Overhead, err
}

func TestRepairAfterACutAtAnyOffset(t *testing.T) {
	file, starts := small(t)
	dir := t.TempDir()
	for cut := range len(file) + 1 {
		whole := 0
		for whole < len(starts) && (whole+1 < len(starts) && starts[whole+1] <= cut || cut == len(file)) {
			whole++
		}
		end := len(file)
		if whole < len(starts) {
			end = starts[whole]
		}
		r, got := repaired(t, dir, file[:cut])
		require.EqualValues(t, whole, r.Records, cut)
		require.Equal(t, file[:end], got, cut)
		require.Equal(t, cut > end, len(r.Faults) == 1, cut)
		require.False(t, r.Version)
	}
}

func TestRepairAfterAnyFlippedBit(t *testing.T) {
	file, starts := small(t)
	starts = append(starts, len(file))
	dir := t.TempDir()
	record := 0
	for i := range file {
		if i == starts[record+1] {
			record++
		}
		want := append(bytes.Clone(file[:starts[record]]), file[starts[record+1]:]...)
		for bit := range 8 {
			file[i] ^= 1 << bit
			r, got := repaired(t, dir, file)
			file[i] ^= 1 << bit
			require.EqualValues(t, len(starts)-2, r.Records, "bit %d of byte %d", bit, i)
			require.Equal(t, want, got, "bit %d of byte %d", bit, i)
			require.Len(t, r.Faults, 1)
			require.EqualValues(t, starts[record], r.Faults[0].Offset)
			require.Equal(t, record == 0, r.Version)
		}
	}
}

func TestARecordThatIsNoEventIsLeftOut(t *testing.T) {
	file, starts := small(t)
	bad := tfrecord.Append(nil, []byte("\x0a\xff"))
	utf8 := tfrecord.Append(nil, []byte("\x2a\x05\x0a\x03\x0a\x01\xff")) // A tag that is no UTF-8.
	damaged := bytes.Join([][]byte{file[:starts[2]], bad, utf8, file[starts[2]:]}, nil)
	r, got := repaired(t, t.TempDir(), damaged)
	require.Equal(t, file, got)
	require.EqualValues(t, 5, r.Records)
	require.Len(t, r.Faults, 2)
	for _, f := range r.Faults {
		require.ErrorIs(t, f, eventlog.ErrMalformed)
	}
}

// FuzzEdit edits any bytes: never a panic, and what was written can be read, has
// the new names only, and as many events.
func FuzzEdit(f *testing.F) {
	file, _ := small(f)
	for record := tfrecord.NewReader(bytes.NewReader(file)); ; {
		payload, err := record.Next()
		if err != nil {
			break
		}
		f.Add(bytes.Clone(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in.tfevents"), filepath.Join(dir, "out")
		require.NoError(t, os.WriteFile(in, tfrecord.Append(nil, payload), 0o666))
		edit := rewrite.Edit{Value: func(_ *eventlog.Event, name rewrite.Name) (rewrite.Name, bool) {
			if name.Tag != "__run_graph__" {
				name.Tag = "new"
			}
			return name, true
		}}
		counts, err := edit.Apply(t.Context(), []eventlog.Run{{Name: ".", Files: []string{in}}}, out)
		if err != nil {
			return
		}
		events := 0
		for e, err := range eventlog.Events(t.Context(), out, eventlog.Config{}) {
			require.NoError(t, err)
			if e.What != eventlog.FileVersion {
				events++
			}
			for v, err := range e.Values() {
				require.NoError(t, err)
				require.Contains(t, []string{"new", "__run_graph__"}, v.Tag)
			}
		}
		require.Equal(t, counts.Events, events)
	})
}
