package graph_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// Updates that write in place leave a trace of their order in "log".
func TestUpdatesAreMadeLastInTheOrderOfTheirFirstMention(t *testing.T) {
	leaktest.Check(t)
	var log []string
	note := func(name string) graph.UpdateFunc {
		return func(context.Context, []session.Value) error { log = append(log, name); return nil }
	}
	g := graph.New()
	g.Node("n", func(context.Context, []session.Value) (session.Value, error) {
		log = append(log, "n")
		return session.Int64(1), nil
	})
	for _, name := range []string{"a", "b", "c"} {
		g.Update(name, note(name))
	}
	g.Train("bc", "b", "c")
	g.Train("ca", "c", "a")
	s := newSession(t, g)
	for _, c := range []struct{ fetches, want []string }{
		{[]string{"a", "b", "n", "c"}, []string{"n", "a", "b", "c"}},
		{[]string{"c", "b", "a", "n"}, []string{"n", "c", "b", "a"}},
		{[]string{"ca", "bc"}, []string{"c", "a", "b"}},
		{[]string{"b", "ca", "b", "n", "bc"}, []string{"n", "b", "c", "a"}},
	} {
		log = nil
		eval(t, s, c.fetches...)
		require.Equal(t, c.want, log, "%v", c.fetches)
	}
}

// scaled is w = [1 2], with an update that doubles it in place and an
// assignment of [10 20].
func scaled() *graph.Graph {
	g := graph.New()
	g.Variable("w", func() session.Value { return session.TensorOf([]float64{1, 2}) })
	g.Update("double", func(_ context.Context, in []session.Value) error {
		w, _ := in[0].Tensor()
		for i := range w.Data.([]float64) {
			w.Data.([]float64)[i] *= 2
		}
		return nil
	}, "w")
	g.Node("new", func(context.Context, []session.Value) (session.Value, error) {
		return session.TensorOf([]float64{10, 20}), nil
	})
	g.Assign("set", "w", "new")
	g.Train("set, double", "set", "double")
	g.Train("double, set", "double", "set")
	return g
}

func TestAnUpdateWritesInPlace(t *testing.T) {
	leaktest.Check(t)
	s := newSession(t, scaled())
	require.Equal(t, []string{"double=<none>", "w=float64[2][2 4]"}, eval(t, s, "double", "w"))
	require.Equal(t, []string{"w=float64[2][2 4]"}, eval(t, s, "w"))
}

func TestAnUpdateAfterAnAssignmentChangesWhatWasAssigned(t *testing.T) {
	leaktest.Check(t)
	s := newSession(t, scaled())
	require.Equal(t, []string{"set, double=<none>", "w=float64[2][20 40]"}, eval(t, s, "set, double", "w"))
	require.Equal(t, []string{"double, set=<none>", "w=float64[2][10 20]"}, eval(t, s, "double, set", "w"))
}

func TestAnAssignmentCopies(t *testing.T) {
	leaktest.Check(t)
	data := []float64{10, 20}
	g := graph.New()
	g.Variable("w", func() session.Value { return session.TensorOf([]float64{0, 0}) })
	g.Node("new", func(context.Context, []session.Value) (session.Value, error) { return session.TensorOf(data), nil })
	g.Assign("set", "w", "new")
	s := newSession(t, g)
	eval(t, s, "set")
	data[0] = 99
	require.Equal(t, []string{"w=float64[2][10 20]"}, eval(t, s, "w"))
}

func TestAssignmentsOfARunSeeTheVariablesAsTheyWere(t *testing.T) {
	leaktest.Check(t)
	g := newCounted()
	g.number("a", 1)
	g.number("b", 2)
	g.Assign("a=b", "a", "b")
	g.Assign("b=a", "b", "a")
	g.Train("swap", "a=b", "b=a")
	s := newSession(t, g.Graph)
	require.Equal(t, []string{"swap=<none>", "a=2", "b=1"}, eval(t, s, "swap", "a", "b"))
}

func TestAContextThatEndsBetweenTwoUpdatesLeavesNoHalfStep(t *testing.T) {
	leaktest.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g := graph.New()
	g.CreateGlobalStep()
	for _, name := range []string{"a", "b"} {
		g.Variable(name, func() session.Value { return session.TensorOf([]float64{1}) })
		g.Update("grow "+name, func(_ context.Context, in []session.Value) error {
			cancel()
			data, _ := session.As[[]float64](in[0])
			data[0]++
			return nil
		}, name)
	}
	g.Train("train", "grow a", "grow b")
	s := newSession(t, g)
	req := session.Request{Fetches: []string{"train"}, Values: make([]session.Value, 1)}
	require.NoError(t, s.Run(ctx, &req))
	require.Equal(t, []string{"a=float64[1][2]", "b=float64[1][2]", "global_step=1"}, eval(t, s, "a", "b", "global_step"))
	require.ErrorIs(t, s.Run(ctx, &req), context.Canceled)
}
