package summary_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestASerializedSummaryIsTakenAsItIs(t *testing.T) {
	want := &eventpb.Summary{Value: []*eventpb.Summary_Value{scalarMessage("a b", 1), histogramMessage("h", []float64{1, 2})}}
	encoded, err := proto.Marshal(want)
	require.NoError(t, err)
	for name, fetched := range map[string]session.Value{"encoded": session.String(string(encoded)), "a message": session.Any(want)} {
		t.Run(name, func(t *testing.T) {
			got := written(t, summary.Serialized("x"), fetchedX(t, fetched))
			require.Len(t, got, 2)
			for i := range got {
				requireEqualMessage(t, want.Value[i], got[i])
			}
		})
	}
	twice := summary.Merge(summary.Serialized("x"), summary.Serialized("x"))
	_, err = twice.AppendValues(nil, fetchedX(t, session.Any(want)))
	require.EqualError(t, err, `summary: duplicate tag "a b" in merged summaries`)
}

func TestWhatIsNoSerializedSummaryIsRefused(t *testing.T) {
	for _, c := range []struct {
		fetched session.Value
		want    string
	}{
		{session.String("\xff"), `summary: serialized summary "x": fetch "x": no Summary: `},
		{session.Float64(1), `summary: serialized summary "x": fetch "x" is float64, want an encoded Summary`},
		{session.Value{}, `summary: serialized summary "x": fetch "x" is none, want an encoded Summary`},
		{session.Any(&eventpb.Summary{Value: []*eventpb.Summary_Value{nil}}), `summary: a value has no tag`},
	} {
		_, err := summary.Serialized("x").AppendValues(nil, fetchedX(t, c.fetched))
		require.ErrorContains(t, err, c.want)
	}
	values, err := summary.Serialized("x").AppendValues(nil, fetchedX(t, session.Any((*eventpb.Summary)(nil))))
	require.NoError(t, err)
	require.Empty(t, values)
}
