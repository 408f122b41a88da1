package graph_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

func TestVariablesComeInTheOrderInWhichTheyWereAdded(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Variable("w", func() session.Value { return session.TensorOf([]float32{1, 2}) })
	g.Node("n", first, "w")
	g.CreateGlobalStep()
	s, err := g.NewSession(t.Context())
	require.NoError(t, err)
	for _, initialized := range []bool{false, true} {
		all, err := s.(session.Saveable).Variables(t.Context())
		require.NoError(t, err)
		require.Equal(t, []session.Variable{
			{Name: "w", Value: session.TensorOf([]float32{1, 2}), Initialized: initialized},
			{Name: "global_step", Value: session.Int64(0), Initialized: initialized},
		}, all, "one that is not initialised comes with its initial value")
		require.NoError(t, s.(session.Initializer).Init(t.Context()))
	}
	require.NoError(t, s.Close())
	_, err = s.(session.Saveable).Variables(t.Context())
	require.ErrorIs(t, err, session.ErrClosed)
	require.ErrorIs(t, s.(session.Saveable).SetVariables(t.Context(), nil), session.ErrClosed)
}

func TestASessionTakesOverWhatItIsSetTo(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Variable("w", func() session.Value { return session.TensorOf([]float32{0}) })
	g.Update("grow", func(_ context.Context, in []session.Value) error {
		w, _ := in[0].Tensor()
		w.Data.([]float32)[0]++
		return nil
	}, "w")
	s, err := g.NewSession(t.Context())
	require.NoError(t, err)
	mine := []float32{5}
	require.NoError(t, s.(session.Saveable).SetVariables(t.Context(), map[string]session.Value{"w": session.TensorOf(mine)}))
	require.Empty(t, s.(session.Initializer).Uninitialized())
	eval(t, s, "grow")
	require.Equal(t, []float32{6}, mine, "no copy is made")
}

func TestWhatASessionRefusesToBeSetTo(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Variable("w", func() session.Value { return session.TensorOf([]float32{1}) })
	g.Variable("x", one)
	g.Variable("y", one)
	g.Variable("z", one)
	g.Node("n", first, "w")
	s := newSession(t, g)
	err := s.(session.Saveable).SetVariables(t.Context(), map[string]session.Value{
		"n": one(), "ww": one(), "w": session.TensorOf([]float32{1}, 7), "x": session.Value{}, "y": session.Int64(1), "z": session.Float64(9),
	})
	require.EqualError(t, err, `graph: "n" is a node, want a variable
graph: variable "w": tensor shape [7] holds 7 elements, data has 1
graph: unknown name "ww", did you mean "w"
graph: variable "x": the value is none
graph: variable "y": the value is int64, the variable float64`)
	require.Equal(t, []string{"z=1"}, eval(t, s, "z"), "nothing is set")
}
