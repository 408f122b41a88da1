package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestValuesComeInTheOrderAskedFor(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	values, err := s.Run(t.Context(), "x", "train", "loss", "x")
	require.NoError(t, err)
	require.Equal(t, 4, values.Len())
	require.Equal(t, "loss", values.Name(2))
	require.Equal(t, session.Float64(2), values.At(2))
	require.Equal(t, []string{"x=2", "train=<none>", "loss=2", "x=2"}, collect(values))

	v, ok := values.Lookup("loss")
	require.True(t, ok)
	require.Equal(t, session.Float64(2), v)
	v, ok = values.Lookup("train")
	require.True(t, ok, "an op without a value was fetched all the same")
	require.True(t, v.IsNone())
	_, ok = values.Lookup("w")
	require.False(t, ok)

	for name := range values.All() {
		require.Equal(t, "x", name)
		break
	}
}

func TestNoValues(t *testing.T) {
	leaktest.Check(t)
	var values session.Values
	require.Zero(t, values.Len())
	require.Zero(t, values.Clone().Len())
	_, ok := values.Lookup("")
	require.False(t, ok)
	require.Empty(t, collect(values))
}

func TestACloneOfValuesOutlivesTheNextRun(t *testing.T) {
	leaktest.Check(t)
	count := 0
	data := make([]float64, 1)
	s := open(t, session.StepFunc(func(_ context.Context, out []session.Value) error {
		count++
		data[0] = float64(count)
		out[0], out[1] = session.TensorOf(data), session.Int64(int64(count))
		return nil
	}, "tensor", "count"))
	values, err := s.Run(t.Context(), "count", "train", "tensor", "count")
	require.NoError(t, err)
	clone := values.Clone()
	_, err = s.Run(t.Context(), "count", "train", "tensor", "count")
	require.NoError(t, err)
	require.Equal(t, []string{"count=1", "train=<none>", "tensor=float64[1][1]", "count=1"}, collect(clone))
	v, ok := clone.Lookup("tensor")
	require.True(t, ok)
	require.Equal(t, "float64[1][1]", v.String())
}

func TestEvalReturnsValuesOfItsOwn(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	require.NoError(t, s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		names := []string{"loss", "w", "loss"}
		values, err := session.Eval(ctx, sc.Session(), names...)
		require.NoError(t, err)
		names[0] = "overwritten"
		_, err = session.Eval(ctx, sc.Session(), "train", "loss")
		require.NoError(t, err)
		require.Equal(t, []string{"loss=2", "w=1", "loss=2"}, collect(values))

		none, err := session.Eval(ctx, sc.Session())
		require.NoError(t, err)
		require.Zero(t, none.Len())
		_, err = session.Eval(ctx, sc.Session(), "lost")
		require.ErrorIs(t, err, session.ErrUnknownName)
		return nil
	}))
}
