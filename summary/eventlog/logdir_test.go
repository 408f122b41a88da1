package eventlog_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

const secondName = "events.out.tfevents.1577836801.host"

func message(t testing.TB, m *eventpb.Event) []byte {
	t.Helper()
	payload, err := proto.Marshal(m)
	require.NoError(t, err)
	return tfrecord.Append(nil, payload)
}

// at is an event with one value, at its step and a wall time of as many seconds.
func at(t testing.TB, step int64, v *eventpb.Summary_Value) []byte {
	return message(t, &eventpb.Event{
		Step: step, WallTime: float64(step),
		What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{v}}},
	})
}

func simple(tag string, x float32) *eventpb.Summary_Value {
	return &eventpb.Summary_Value{Tag: tag, Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: x}}
}

// scalarTensor is a value in the new form, of a plugin if one is given.
func scalarTensor(tag string, x float64, plugin string) *eventpb.Summary_Value {
	v := &eventpb.Summary_Value{Tag: tag, Value: &eventpb.Summary_Value_Tensor{Tensor: &eventpb.TensorProto{
		Dtype: eventpb.DataType_DOUBLE, DoubleVal: []float64{x},
	}}}
	if plugin != "" {
		v.Metadata = &eventpb.SummaryMetadata{PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: plugin}}
	}
	return v
}

func startAt(t testing.TB, step int64) []byte {
	return message(t, &eventpb.Event{Step: step, What: &eventpb.Event_SessionLog{
		SessionLog: &eventpb.SessionLog{Status: eventpb.SessionLog_START},
	}})
}

// losses is a scalar "loss" at each step from first to last, of the step's value
// plus offset.
func losses(t testing.TB, first, last int64, offset float32) []byte {
	var file []byte
	for step := first; step <= last; step++ {
		file = append(file, at(t, step, simple("loss", float32(step)+offset))...)
	}
	return file
}

func TestRunsAreTheDirectoriesWithEventFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b/" + secondName, "b/" + firstName, firstName, "a/x/my.tfevents.v2", "a/other.txt", "empty/none"} {
		writeFile(t, dir, filepath.Dir(name), filepath.Base(name), nil)
	}
	require.NoError(t, os.Symlink(filepath.Join(dir, "a", "x"), filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "a", "up")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dangling.tfevents")))

	runs, err := eventlog.Runs(dir)
	require.NoError(t, err)
	path := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	require.Equal(t, []eventlog.Run{
		{Name: ".", Files: []string{path(firstName)}},
		{Name: "a/x", Files: []string{path("a/x/my.tfevents.v2")}},
		{Name: "b", Files: []string{path("b/" + firstName), path("b/" + secondName)}},
		{Name: "link", Files: []string{path("link/my.tfevents.v2")}},
	}, runs)

	runs, err = eventlog.Runs(path("b/" + firstName))
	require.NoError(t, err)
	require.Equal(t, []eventlog.Run{{Name: ".", Files: []string{path("b/" + firstName)}}}, runs)

	_, err = eventlog.Runs(path("missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestCurvesOfAllRunsAndFiles(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "train", firstName, slices.Concat(losses(t, 0, 2, 0), at(t, 2, scalarTensor("acc", 0.1, "scalars"))))
	writeFile(t, dir, "train", secondName, slices.Concat(losses(t, 3, 4, 0), at(t, 5, scalarTensor("acc", 0.2, ""))))
	writeFile(t, dir, "eval", firstName, losses(t, 4, 4, 0.5))

	curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	for i := range curves {
		require.Equal(t, "scalars", curves[i].Metadata.Plugin)
		curves[i].Metadata = nil
	}
	require.Equal(t, []eventlog.Curve{
		{Run: "eval", Tag: "loss", Steps: []int64{4}, WallTimes: []float64{4}, Values: []float64{4.5}},
		{Run: "train", Tag: "acc", Steps: []int64{2, 5}, WallTimes: []float64{2, 5}, Values: []float64{0.1, 0.2}},
		{Run: "train", Tag: "loss", Steps: []int64{0, 1, 2, 3, 4}, WallTimes: []float64{0, 1, 2, 3, 4}, Values: []float64{0, 1, 2, 3, 4}},
	}, curves)
}

func TestManyPointsStayInOrder(t *testing.T) {
	const n = 100_000
	path := writeFile(t, t.TempDir(), ".", firstName, scalarFile(n, "a", "b", "c"))
	curves, err := eventlog.Scalars(t.Context(), path, eventlog.Config{})
	require.NoError(t, err)
	require.Len(t, curves, 3)
	for k, c := range curves {
		require.Equal(t, len(c.Steps), cap(c.Steps))
		for i, step := range c.Steps {
			if step != int64(i) || c.Values[i] != float64(float32(3*i+k)) || c.WallTimes[i] != 1577836800+float64(3*i+k)/4 {
				t.Fatalf("point %d of %s is %d, %v, %v", i, c.Tag, step, c.WallTimes[i], c.Values[i])
			}
		}
	}
}

func TestColumnsTakeTwiceTheirMemoryAtMost(t *testing.T) {
	const n = 500_000
	path := writeFile(t, t.TempDir(), ".", firstName, scalarFile(n, benchmarkTags...))
	require.Less(t, allocated(func() {
		_, err := eventlog.Scalars(t.Context(), path, eventlog.Config{})
		require.NoError(t, err)
	}), uint64(2*24*n+4<<20), "the columns, as much again, and the reader's buffer")
}

func TestFilters(t *testing.T) {
	dir := t.TempDir()
	for _, run := range []string{"a", "b"} {
		writeFile(t, dir, run, firstName, slices.Concat(losses(t, 0, 9, 0), at(t, 3, simple("acc", 1))))
	}
	curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{Filter: eventlog.Filter{
		Run:      func(run string) bool { return run == "b" },
		Tag:      func(tag string) bool { return tag == "loss" },
		Step:     func(step int64) bool { return step%2 == 0 },
		WallTime: func(seconds float64) bool { return seconds >= 4 },
	}})
	require.NoError(t, err)
	require.Len(t, curves, 1)
	require.Equal(t, "b", curves[0].Run)
	require.Equal(t, []int64{4, 6, 8}, curves[0].Steps)
}

func TestPurgeDropsWhatRestartsHaveOvertaken(t *testing.T) {
	for _, test := range []struct {
		name  string
		files [][]byte
		want  []float64
	}{
		{"no restart", [][]byte{losses(t, 0, 3, 0), losses(t, 2, 4, 0.5)}, []float64{0, 1, 2, 3, 2.5, 3.5, 4.5}},
		{"in the next file", [][]byte{losses(t, 0, 5, 0), slices.Concat(startAt(t, 3), losses(t, 3, 4, 0.5))}, []float64{0, 1, 2, 3.5, 4.5}},
		{"in one file", [][]byte{slices.Concat(losses(t, 0, 5, 0), startAt(t, 3), losses(t, 3, 4, 0.5))}, []float64{0, 1, 2, 3.5, 4.5}},
		{
			"twice, the second further back",
			[][]byte{losses(t, 0, 5, 0), slices.Concat(startAt(t, 4), losses(t, 4, 6, 0.25)), slices.Concat(startAt(t, 2), losses(t, 2, 3, 0.5))},
			[]float64{0, 1, 2.5, 3.5},
		},
		{
			"twice, the second further on",
			[][]byte{losses(t, 0, 5, 0), slices.Concat(startAt(t, 2), losses(t, 2, 6, 0.25)), slices.Concat(startAt(t, 4), losses(t, 4, 5, 0.5))},
			[]float64{0, 1, 2.25, 3.25, 4.5, 5.5},
		},
		{"at the beginning of each file", [][]byte{slices.Concat(startAt(t, 0), losses(t, 0, 3, 0)), slices.Concat(startAt(t, 0), losses(t, 2, 2, 0.5))}, []float64{2.5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for i, file := range test.files {
				writeFile(t, dir, ".", firstName+string(rune('0'+i)), slices.Concat(tfrecord.Append(nil, version), file))
			}
			curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{Purge: true})
			require.NoError(t, err)
			require.Len(t, curves, 1)
			require.Equal(t, test.want, curves[0].Values)

			series, err := eventlog.Tags(t.Context(), dir, eventlog.Config{Purge: true})
			require.NoError(t, err)
			require.Len(t, series, 1)
			require.Equal(t, len(test.want), series[0].Count)

			var iterated []float64
			for e, err := range eventlog.Events(t.Context(), dir, eventlog.Config{Purge: true}) {
				require.NoError(t, err)
				for v := range e.Values() {
					x, err := v.Scalar()
					require.NoError(t, err)
					iterated = append(iterated, x)
				}
			}
			require.Equal(t, test.want, iterated)

			all, err := eventlog.Tags(t.Context(), dir, eventlog.Config{})
			require.NoError(t, err)
			require.GreaterOrEqual(t, all[0].Count, series[0].Count)
		})
	}
}

func TestSampleIsUniformAndKeepsTheNewest(t *testing.T) {
	const n, keep, rounds = 100, 10, 2000
	dir := t.TempDir()
	writeFile(t, dir, ".", firstName, losses(t, 0, n/2-1, 0))
	writeFile(t, dir, ".", secondName, losses(t, n/2, n-1, 0))
	var kept [n]int
	for seed := range uint64(rounds) {
		curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{Samples: keep, Seed: seed})
		require.NoError(t, err)
		steps := curves[0].Steps
		require.Len(t, steps, keep)
		require.True(t, slices.IsSorted(steps))
		require.EqualValues(t, n-1, steps[keep-1])
		for _, step := range steps {
			kept[step]++
		}
	}
	// Nine places for 99 points: binomial with a standard deviation of 13.
	expected := float64(rounds) * (keep - 1) / (n - 1)
	for step, times := range kept[:n-1] {
		require.InDelta(t, expected, times, 5*math.Sqrt(expected), "step %d", step)
	}
	first, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{Samples: keep})
	require.NoError(t, err)
	again, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{Samples: keep})
	require.NoError(t, err)
	require.Equal(t, first, again)
	all, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{Samples: n})
	require.NoError(t, err)
	require.Len(t, all[0].Steps, n)
}

func TestTagsOfAllKinds(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"tf1_merged", "tf2_histogram", "tb_hparams__trial0", "tf1_run_metadata", "tb_mesh", "tb_pr_curve", "tf2_text", "tf2_image", "tf1_audio", "tb_custom_scalars", "tf1_graph"} {
		writeFile(t, dir, name, firstName, goldenNamed(t, name).file)
	}
	series, err := eventlog.Tags(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	kinds := make(map[string]bool)
	counted := make(map[string]int)
	for _, s := range series {
		kinds[s.Kind.String()] = true
		counted[s.Run] += s.Count
		require.LessOrEqual(t, s.FirstStep, s.LastStep)
		require.NotNil(t, s.Metadata)
	}
	for _, kind := range []string{"scalar", "histogram", "image", "audio", "text", "pr_curve", "mesh", "hparams", "custom_scalars", "graph", "run_metadata"} {
		require.True(t, kinds[kind], kind)
	}
	for run, n := range counted {
		want := 0
		for _, e := range goldenNamed(t, run).events {
			want += len(e.Values)
			if e.GraphDef != nil || e.TaggedRunMetadata != nil {
				want++
			}
		}
		require.Equal(t, want, n, run)
	}
}

func TestTagThatChangesItsKindIsTwoSeries(t *testing.T) {
	text := &eventpb.Summary_Value{Tag: "x", Value: &eventpb.Summary_Value_Tensor{Tensor: &eventpb.TensorProto{
		Dtype: eventpb.DataType_STRING, StringVal: [][]byte{[]byte("t")},
	}}, Metadata: &eventpb.SummaryMetadata{PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: "text"}}}
	dir := t.TempDir()
	writeFile(t, dir, ".", firstName, slices.Concat(at(t, 3, simple("x", 1)), at(t, 1, simple("x", 2)), at(t, 2, text)))
	series, err := eventlog.Tags(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	require.Len(t, series, 2)
	require.Equal(t, []any{eventlog.KindScalar, 2, int64(1), int64(3), 1.0},
		[]any{series[0].Kind, series[0].Count, series[0].FirstStep, series[0].LastStep, series[0].LastTime})
	require.Equal(t, eventlog.KindText, series[1].Kind)
}

// Metadata of an earlier file say what the values of a later one are, although
// the files are read at the same time.
func TestMetadataReachTheNextFile(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "own", firstName, at(t, 0, scalarTensor("x", 1, "my_plugin")))
	writeFile(t, dir, "own", secondName, at(t, 1, scalarTensor("x", 2, "")))
	writeFile(t, dir, "nobody", firstName, at(t, 1, scalarTensor("x", 2, "")))
	series, err := eventlog.Tags(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	require.Len(t, series, 2)
	require.Equal(t, eventlog.KindScalar, series[0].Kind)
	require.Equal(t, eventlog.KindTensor, series[1].Kind)
	require.Equal(t, 2, series[1].Count)
	curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	require.Len(t, curves, 1)
	require.Equal(t, "nobody", curves[0].Run)
}

func TestDamageIsReportedAndTheRestIsRead(t *testing.T) {
	dir := t.TempDir()
	damaged := losses(t, 0, 9, 0)
	damaged[len(damaged)/2] ^= 1
	path := writeFile(t, dir, "a", firstName, damaged)
	writeFile(t, dir, "a", secondName, losses(t, 10, 11, 0))
	torn := losses(t, 0, 3, 0)
	writeFile(t, dir, "b", firstName, torn[:len(torn)-1])

	curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{})
	require.ErrorIs(t, err, eventlog.ErrCorrupt)
	require.NotErrorIs(t, err, eventlog.ErrTruncated)
	var fault *eventlog.RecordError
	require.True(t, errors.As(err, &fault))
	require.Equal(t, path, fault.File)
	require.Equal(t, []int64{0, 1, 2, 3, 4, 10, 11}, curves[0].Steps)
	require.Equal(t, []int64{0, 1, 2}, curves[1].Steps)

	curves, err = eventlog.Scalars(t.Context(), dir, eventlog.Config{Salvage: true})
	require.ErrorIs(t, err, eventlog.ErrCorrupt)
	require.ErrorIs(t, err, eventlog.ErrTruncated)
	require.Equal(t, []int64{0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11}, curves[0].Steps)

	// A scalar that is none costs itself.
	bad := scalarTensor("x", 1, "scalars")
	bad.GetTensor().DoubleVal = nil
	file := writeFile(t, t.TempDir(), ".", firstName, slices.Concat(at(t, 0, bad), at(t, 1, scalarTensor("x", 2, ""))))
	curves, err = eventlog.Scalars(t.Context(), file, eventlog.Config{})
	require.ErrorIs(t, err, eventlog.ErrMalformed)
	require.ErrorContains(t, err, `record at offset 0: malformed: tag "x": tensor has 0 elements of DOUBLE, its shape 1`)
	require.Equal(t, []float64{2}, curves[0].Values)
}

func TestEventsOfADirectoryLoseNothing(t *testing.T) {
	dir := t.TempDir()
	want := make(map[string][]string)
	for _, name := range []string{"tf1_late_step", "tf1_same_step", "tf1_native", "tf1_monitored"} {
		file := goldenNamed(t, name).file
		writeFile(t, dir, name, firstName, file)
		want[name] = said(t, file)
	}
	got := make(map[string][]string)
	for e, err := range eventlog.Events(t.Context(), dir, eventlog.Config{}) {
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, e.Run, firstName), e.File)
		got[e.Run] = append(got[e.Run], sentences(t, e)...)
	}
	require.Equal(t, want, got)
}

func TestReadingStopsWhenItsContextDoes(t *testing.T) {
	path := writeFile(t, t.TempDir(), ".", firstName, losses(t, 0, 3, 0))
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	_, err := eventlog.Scalars(ctx, path, eventlog.Config{})
	require.ErrorIs(t, err, enough)
	_, err = eventlog.Tags(ctx, path, eventlog.Config{Purge: true})
	require.ErrorIs(t, err, enough)
	for _, err := range eventlog.Events(ctx, path, eventlog.Config{}) {
		require.ErrorIs(t, err, enough)
	}
}

func TestFaultyConfigIsAnError(t *testing.T) {
	_, err := eventlog.Scalars(t.Context(), t.TempDir(), eventlog.Config{Samples: -1, Parallel: -2})
	require.EqualError(t, err, "eventlog: Samples is -1, want 0 or more\neventlog: Parallel is -2, want 0 or more")
	_, err = eventlog.Tags(t.Context(), filepath.Join(t.TempDir(), "missing"), eventlog.Config{})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestProgressIsToldOfEveryByte(t *testing.T) {
	dir := t.TempDir()
	file := losses(t, 0, 9, 0)
	writeFile(t, dir, "a", firstName, file)
	writeFile(t, dir, "b", firstName, file[:len(file)-1])
	for _, purge := range []bool{false, true} {
		var read atomic.Int64
		config := eventlog.Config{Purge: purge, Progress: func(n int) { read.Add(int64(n)) }}
		_, err := eventlog.Scalars(t.Context(), dir, config)
		require.NoError(t, err)
		want := int64(2*len(file) - 1)
		if purge {
			want *= 2
		}
		require.Equal(t, want, read.Load())
	}
}

// A tag's values that hold nothing, as a resumed run may have some, are no series
// of their own and no points.
func TestValuesThatHoldNothing(t *testing.T) {
	dir := t.TempDir()
	empty := &eventpb.Summary_Value{Tag: "loss", Value: &eventpb.Summary_Value_ObsoleteOldStyleHistogram{}, Metadata: simple("loss", 1).Metadata}
	writeFile(t, dir, ".", firstName, slices.Concat(losses(t, 0, 3, 0), at(t, 2, empty), at(t, 9, &eventpb.Summary_Value{Tag: "other"})))
	series, err := eventlog.Tags(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	require.Len(t, series, 2)
	require.Equal(t, []any{"loss", eventlog.KindScalar, 4}, []any{series[0].Tag, series[0].Kind, series[0].Count})
	require.Equal(t, []any{"other", eventlog.KindUnknown, 1}, []any{series[1].Tag, series[1].Kind, series[1].Count})
	curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	require.Len(t, curves, 1)
	require.Equal(t, []int64{0, 1, 2, 3}, curves[0].Steps)
}
