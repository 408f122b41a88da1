package summary_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// written returns the values of one event that holds what op makes of values.
func written(t testing.TB, op summary.Op, values session.Values) []*eventpb.Summary_Value {
	t.Helper()
	made, err := op.AppendValues(nil, values)
	require.NoError(t, err)
	f := newMemoryFile()
	w := openOn(t, f, summary.FileWriterConfig{})
	require.NoError(t, w.Add(1, made...))
	require.NoError(t, w.Close())
	events := withoutVersion(t, decode(t, f.contents()))
	require.Len(t, events, 1)
	return events[0].GetSummary().GetValue()
}

func TestAScalarIsMadeOfAnyNumber(t *testing.T) {
	for _, c := range []struct {
		name  string
		value session.Value
		want  float32
	}{
		{"float32", session.Float32(0.1), 0.1},
		{"float64", session.Float64(0.1), 0.1},
		{"a float64 beyond float32", session.Float64(-1e300), float32(math.Inf(-1))},
		{"int64", session.Int64(-3), -3},
		{"int64 beyond 2⁵³", session.Int64(1<<62 + 1), 1 << 62},
		{"true", session.Bool(true), 1},
		{"false", session.Bool(false), 0},
		{"a tensor without dimensions", session.TensorValue(session.Tensor{Data: []float32{2}}), 2},
		{"a tensor of one element", session.TensorOf([]int32{2}, 1, 1), 2},
		{"a tensor of one bool", session.TensorOf([]bool{true}), 1},
		{"NaN", session.Float64(math.NaN()), float32(math.NaN())},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := written(t, summary.Scalar("loss", "x"), fetchedX(t, c.value))
			require.Len(t, got, 1)
			requireEqualMessage(t, scalarMessage("loss", c.want), got[0])
		})
	}
}

func TestWhatIsNoNumberIsNoScalar(t *testing.T) {
	for _, c := range []struct {
		name  string
		value session.Value
		want  string
	}{
		{"none", session.Value{}, "none"},
		{"a string", session.String("1"), "string"},
		{"a tensor of two", session.TensorOf([]float32{1, 2}), "a float32 tensor of shape [2]"},
		{"an empty tensor", session.TensorOf([]float64{}, 0, 3), "a float64 tensor of shape [0 3]"},
		{"a tensor of text", session.TensorOf([]string{"1"}), "a string tensor of shape [1]"},
		{"a tensor whose shape says more than it has", session.TensorOf([]float32{1}, 3), "a float32 tensor of shape [3]"},
		{"a value of a foreign type", session.Any([]int{1}), "of type []int"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := summary.Scalar("my loss", "x").AppendValues(nil, fetchedX(t, c.value))
			require.EqualError(t, err, `summary: scalar "my_loss": fetch "x" is `+c.want+`, want a number`)
		})
	}
}
