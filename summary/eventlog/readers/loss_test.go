package readers_test

import (
	"math"
	"path"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// TestLosses says of each edge what every reader leaves out, in its words.
func TestLosses(t *testing.T) {
	flipped := scalars(1)
	flipped[len(flipped)-1] ^= 1
	late := tensor("x", "scalars", 0, &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, FloatVal: []float32{1}})
	bare := tensor("x", "", 0, &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, FloatVal: []float32{1}})
	infinite := encode(&eventpb.Event{WallTime: math.Inf(1), Step: 7, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{simple("x")}}}})
	nan := encode(&eventpb.Event{WallTime: math.NaN(), Step: 7})
	obsolete := &eventpb.Summary_Value{Tag: "x", Value: &eventpb.Summary_Value_ObsoleteOldStyleHistogram{}}

	tests := []struct {
		name       string
		fsys       fstest.MapFS
		ea, py, rb []string
	}{
		{
			name: "nothing, where steps rise",
			fsys: oneFile(version, scalars(1, 2, 3)),
		},
		{
			name: "values of a form that nothing shows, one of them preempted",
			fsys: oneFile(version, scalars(1), at(2, obsolete), at(3, obsolete), scalars(3)),
			ea:   []string{`2 points of tag "x" in run ".": of a form that no reader shows (tfevents, offset 79, step 2)`},
			py:   []string{`2 points of tag "x" in run ".": of a form that no reader shows (tfevents, offset 79, step 2)`},
			rb:   []string{`2 points of tag "x" in run ".": of a form that no reader shows (tfevents, offset 115, step 3)`},
		},
		{
			name: "points behind a late one",
			fsys: oneFile(version, scalars(1, 5, 6, 4)),
			rb:   []string{`2 points of tag "x" in run ".": steps do not rise (tfevents, offset 79, step 5; dropped by tfevents, offset 157)`},
		},
		{
			name: "points behind a restart, the second time for the Python server",
			fsys: oneFile(version, scalars(1, 2, 3), start(3), start(2), scalars(4)),
			ea:   []string{`2 points of tag "x" in run ".": a restart at a lower or equal step (tfevents, offset 118, step 3; dropped by tfevents, offset 157)`},
			py:   []string{`2 points of tag "x" in run ".": a restart at a lower or equal step (tfevents, offset 79, step 2; dropped by tfevents, offset 188)`},
		},
		{
			name: "points before a lower step, without a version",
			fsys: oneFile(scalars(1, 2, 1)),
			ea:   []string{`2 points of tag "x" in run ".": steps do not rise and the file version is below 2 (tfevents, offset 0, step 1; dropped by tfevents, offset 78)`},
			py:   []string{`2 points of tag "x" in run ".": steps do not rise and the file version is below 2 (tfevents, offset 0, step 1; dropped by tfevents, offset 78)`},
			rb:   []string{`2 points of tag "x" in run ".": steps do not rise (tfevents, offset 0, step 1; dropped by tfevents, offset 78)`},
		},
		{
			name: "the rest behind a wrong payload checksum, which rustboard passes over",
			fsys: oneFile(version, flipped, scalars(2)),
			ea:   []string{`run ".": the rest of the file is not read: payload checksum is wrong (tfevents, offset 40)`},
			py:   []string{`run ".": the rest of the file is not read: payload checksum is wrong (tfevents, offset 40)`},
		},
		{
			name: "a torn record",
			fsys: oneFile(version, scalars(1)[:20]),
			ea:   []string{`run ".": the file ends inside a record (tfevents, offset 40)`},
			py:   []string{`run ".": the file ends inside a record (tfevents, offset 40)`},
			rb:   []string{`run ".": the file ends inside a record (tfevents, offset 40)`},
		},
		{
			name: "an event at no time",
			fsys: oneFile(version, infinite, nan, scalars(1)),
			rb: []string{
				`1 point of tag "x" in run ".": the wall time is infinite (tfevents, offset 40, step 7)`,
				`run ".": the rest of the file is not read: the wall time at step 7 is NaN (tfevents, offset 79)`,
			},
		},
		{
			name: "a scalar of double precision",
			fsys: oneFile(version, at(1, tensor("x", "scalars", 0, double()))),
			rb:   []string{`1 point of tag "x" in run ".": not a value of the series' kind: a tensor of type DOUBLE, want FLOAT (tfevents, offset 40, step 1)`},
		},
		{
			name: "a series whose metadata comes late",
			fsys: oneFile(version, at(1, bare), at(2, late)),
			py:   []string{`2 points of tag "x" in run ".": no data class: plugin "scalars", and a file where the series begins without metadata (tfevents, offset 40, step 1)`},
			rb:   []string{`2 points of tag "x" in run ".": no metadata names a plugin: the series begins without metadata (tfevents, offset 40, step 1)`},
		},
		{
			name: "a series of an unknown plugin without a class",
			fsys: oneFile(version, at(1, tensor("x", "own", 0, double()))),
			py:   []string{`1 point of tag "x" in run ".": no data class: plugin "own" (tfevents, offset 40, step 1)`},
			rb:   []string{`1 point of tag "x" in run ".": no data class: plugin "own" (tfevents, offset 40, step 1)`},
		},
		{
			name: "a series whose class the page does not ask for",
			fsys: oneFile(version, at(1, tensor("x", "scalars", eventpb.DataClass_TENSOR, double()))),
			py:   []string{`1 point of tag "x" in run ".": the page asks for another data class: TENSOR, plugin "scalars" asks for SCALAR (tfevents, offset 40, step 1)`},
			rb:   []string{`1 point of tag "x" in run ".": the page asks for another data class: TENSOR, plugin "scalars" asks for SCALAR (tfevents, offset 40, step 1)`},
		},
		{
			name: "one of two pictures at a step",
			fsys: oneFile(version, at(1, tensor("x", "images", 0, texts(dims(3), "1", "1", "a"))), at(1, tensor("x", "", 0, texts(dims(3), "1", "1", "b")))),
			py:   []string{`1 point of tag "x" in run ".": only the first at its step is shown (tfevents, offset 105, step 1)`},
			rb:   []string{`1 point of tag "x" in run ".": steps do not rise (tfevents, offset 40, step 1; dropped by tfevents, offset 105)`},
		},
		{
			name: "a step without a picture",
			fsys: oneFile(version, at(1, tensor("x", "images", 0, texts(dims(2), "1", "1")))),
			py:   []string{`1 point of tag "x" in run ".": no sample at the step (tfevents, offset 40, step 1)`},
			rb:   []string{`1 point of tag "x" in run ".": no sample at the step (tfevents, offset 40, step 1)`},
		},
		{
			name: "a value that is metadata only",
			fsys: oneFile(version, at(1, &eventpb.Summary_Value{Tag: "x"})),
			ea:   []string{`1 point of tag "x" in run ".": no value (tfevents, offset 40, step 1)`},
			py:   []string{`1 point of tag "x" in run ".": no value (tfevents, offset 40, step 1)`},
			rb:   []string{`1 point of tag "x" in run ".": no metadata names a plugin (tfevents, offset 40, step 1)`},
		},
		{
			name: "an earlier graph",
			fsys: oneFile(version, encode(&eventpb.Event{WallTime: 1, Step: 1, What: &eventpb.Event_GraphDef{}}), encode(&eventpb.Event{WallTime: 1, Step: 2, What: &eventpb.Event_GraphDef{}})),
			ea:   []string{`1 point of tag "__run_graph__" in run ".": a later one takes its place (tfevents, offset 40, step 1)`},
		},
	}
	for _, test := range tests {
		for view, want := range map[readers.View][]string{readers.EventAccumulator{}: test.ea, readers.PythonServer{}: test.py, readers.DataServer{}: test.rb} {
			t.Run(test.name+"/"+view.Name(), func(t *testing.T) {
				var have []string
				for _, l := range load(t, view, test.fsys).Losses {
					have = append(have, l.String())
				}
				require.Equal(t, want, have)
			})
		}
	}
}

// TestNothingVanishes counts the values of awkward runs: each is shown or lost.
func TestNothingVanishes(t *testing.T) {
	counted := 0
	for seed := range uint64(400) {
		fsys := dir(awkward(seed))
		events, undamaged := valuesIn(fsys)
		if !undamaged {
			continue
		}
		for _, view := range readers.All() {
			shown := load(t, view, fsys)
			have, whole := 0, shown.Err == nil && len(shown.PluginErrs) == 0
			for _, run := range shown.Runs {
				whole = whole && run.Err == nil
				for _, tag := range run.Tags {
					whole = whole && (tag.Err == nil || tag.Plugin == "audio" || tag.List != "")
					have += len(tag.Points)
					if tag.List == readers.ListGraph && slices.ContainsFunc(run.Tags, func(o readers.Tag) bool {
						return o.List == readers.ListMetaGraph && o.Points[0].Place == tag.Points[0].Place
					}) {
						have-- // of one meta graph
					}
				}
			}
			for _, loss := range shown.Losses {
				// How many points these cost is not said.
				whole = whole && loss.Reason != readers.Damaged
				have += loss.Points
			}
			if whole {
				counted++
				want := events.values
				if _, script := view.(readers.EventAccumulator); script {
					want += events.metaGraphs
				}
				require.Equal(t, want, have, "seed %d, %s", seed, view.Name())
			}
		}
	}
	require.Greater(t, counted, 400)
}

type counts struct{ values, metaGraphs int }

// valuesIn counts what there is for a reader in a log directory, unless it has
// damaged files.
func valuesIn(fsys fstest.MapFS) (n counts, undamaged bool) {
	for name, file := range fsys {
		events, err := decode(file.Data)
		if err != nil {
			return n, false
		}
		if path.Ext(name) == ".profile-empty" && len(events) > 0 {
			return n, false // not for all readers
		}
		for _, e := range events {
			switch what := e.GetWhat().(type) {
			case *eventpb.Event_Summary:
				n.values += len(what.Summary.GetValue())
			case *eventpb.Event_GraphDef, *eventpb.Event_TaggedRunMetadata:
				n.values++
			case *eventpb.Event_MetaGraphDef:
				n.metaGraphs++
			}
		}
	}
	return n, true
}
