package graph_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

func TestVariablesAreNotInitialisedAtFirst(t *testing.T) {
	leaktest.Check(t)
	g := growing()
	require.NoError(t, g.Finalize(t.Context()))
	s, err := g.NewSession(t.Context())
	require.NoError(t, err)
	i := s.(session.Initializer)
	require.Equal(t, []string{"global_step", "w", "1"}, i.Uninitialized())
	for _, fetch := range []string{"w", "w+1", "train"} {
		_, err := session.Eval(t.Context(), s, fetch)
		require.EqualError(t, err, `graph: variable "w" is not initialized`)
	}
	require.Equal(t, []string{"global_step=0"}, eval(t, s, "global_step"), "as in TensorFlow, the step reads as its initial value")
	require.NoError(t, i.Init(t.Context()))
	require.Empty(t, i.Uninitialized())
	eval(t, s, "train")
	require.NoError(t, i.Init(t.Context()))
	require.Equal(t, []string{"w=1", "global_step=0"}, eval(t, s, "w", "global_step"), "Init starts anew")
}

func TestAnInitialValueHasToBeOne(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name  string
		value session.Value
		want  string
	}{
		{"none", session.Value{}, `graph: variable "w": its initial value is none`},
		{"a tensor whose shape does not fit", session.TensorOf([]float64{1}, 2, 2), `graph: variable "w": tensor shape [2 2] holds 4 elements, data has 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			g.Variable("w", func() session.Value { return c.value })
			s, err := g.NewSession(t.Context())
			require.NoError(t, err)
			require.EqualError(t, s.(session.Initializer).Init(t.Context()), c.want)
		})
	}
}

func TestSessionsAreIndependent(t *testing.T) {
	leaktest.Check(t)
	w := session.TensorOf([]float64{1, 2}) // one tensor for all, as a careless builder has it
	g := graph.New()
	g.CreateGlobalStep()
	g.Variable("w", func() session.Value { return w })
	g.Update("double", func(_ context.Context, in []session.Value) error {
		w, _ := in[0].Tensor()
		for i := range w.Data.([]float64) {
			w.Data.([]float64)[i] *= 2
		}
		return nil
	}, "w")
	g.Train("train", "double")
	a, b := newSession(t, g), newSession(t, g)
	eval(t, a, "train")
	eval(t, a, "train")
	eval(t, b, "train")
	require.Equal(t, []string{"w=float64[2][4 8]", "global_step=2"}, eval(t, a, "w", "global_step"))
	require.Equal(t, []string{"w=float64[2][2 4]", "global_step=1"}, eval(t, b, "w", "global_step"))
	require.Equal(t, []string{"w=float64[2][1 2]"}, eval(t, newSession(t, g), "w"))
}

func TestAnErrorNamesItsNode(t *testing.T) {
	leaktest.Check(t)
	g := newCounted()
	g.CreateGlobalStep()
	g.number("1", 1)
	fail := true
	g.Node("n", func(context.Context, []session.Value) (session.Value, error) {
		if fail {
			return session.Value{}, errBroken
		}
		return session.Float64(7), nil
	})
	g.sum("needs n", "1", "n")
	g.Update("u", func(context.Context, []session.Value) error { return errBroken })
	g.Assign("1=n", "1", "n")
	g.Train("train u", "u")
	g.Train("train n", "1=n")
	s := newSession(t, g.Graph)
	for fetch, want := range map[string]string{
		"n": `graph: node "n": broken`, "needs n": `graph: node "n": broken`, "train n": `graph: node "n": broken`,
		"u": `graph: update "u": broken`, "train u": `graph: update "u": broken`,
	} {
		_, err := session.Eval(t.Context(), s, fetch)
		require.ErrorIs(t, err, errBroken)
		require.EqualError(t, err, want)
	}
	require.Equal(t, []string{"1=1", "global_step=0"}, eval(t, s, "1", "global_step"), "a step that fails is none")
	fail = false
	require.Equal(t, []string{"needs n=8"}, eval(t, s, "needs n"), "a failure is not remembered")
}

func TestTheEndOfInputIsReturnedAsItIs(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name  string
		err   error
		exact bool
	}{
		{"exactly io.EOF", io.EOF, true},
		{"a wrapped io.EOF", fmt.Errorf("header: %w", io.EOF), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			g.CreateGlobalStep()
			g.Variable("w", one)
			g.Node("next", func(context.Context, []session.Value) (session.Value, error) { return session.Value{}, c.err })
			g.Assign("store", "w", "next")
			g.Update("u", func(context.Context, []session.Value) error { return c.err })
			g.Train("train", "store")
			s := newSession(t, g)
			for _, fetch := range []string{"next", "train", "u"} {
				_, err := session.Eval(t.Context(), s, fetch)
				require.Equal(t, c.exact, err == io.EOF)
				require.ErrorIs(t, err, c.err)
			}
			require.Equal(t, []string{"w=1", "global_step=0"}, eval(t, s, "w", "global_step"))
		})
	}
}

func TestARunHeedsItsContext(t *testing.T) {
	leaktest.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	called := false
	g := graph.New()
	g.Node("a", func(context.Context, []session.Value) (session.Value, error) { cancel(); return session.Int64(1), nil })
	g.Node("b", func(context.Context, []session.Value) (session.Value, error) {
		called = true
		return session.Int64(1), nil
	}, "a")
	s := newSession(t, g)
	_, err := session.Eval(ctx, s, "b")
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, called)
	require.Equal(t, []string{"b=1"}, eval(t, s, "b"))
}

func TestANodeGetsTheContextOfItsRun(t *testing.T) {
	leaktest.Check(t)
	type key struct{}
	g := graph.New()
	g.Node("n", func(ctx context.Context, _ []session.Value) (session.Value, error) {
		return session.String(ctx.Value(key{}).(string)), nil
	})
	values, err := session.Eval(context.WithValue(t.Context(), key{}, "mine"), newSession(t, g), "n")
	require.NoError(t, err)
	require.Equal(t, []string{"n=mine"}, text(values))
}

func TestATraceShowsWhatWasEvaluatedInOrder(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		g := graph.New()
		g.CreateGlobalStep()
		g.Variable("w", one)
		slow := func(d time.Duration) graph.Func {
			return func(_ context.Context, in []session.Value) (session.Value, error) { time.Sleep(d); return in[0], nil }
		}
		g.Node("a", slow(time.Second), "w")
		g.Node("b", slow(2*time.Second), "a")
		g.Node("unused", slow(time.Hour), "a")
		g.Assign("set", "w", "b")
		g.Update("u", func(context.Context, []session.Value) error { time.Sleep(3 * time.Second); return nil }, "w")
		g.Train("train", "u", "set")
		require.NoError(t, g.Finalize(t.Context()))
		s, err := g.NewSession(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.(session.Initializer).Init(t.Context()))

		start := time.Now()
		metadata := session.RunMetadata{}
		run := func(options *session.RunOptions) {
			req := session.Request{
				Fetches: []string{"train", "b", "w"}, Values: make([]session.Value, 3), Options: options, Metadata: &metadata,
			}
			require.NoError(t, s.Run(t.Context(), &req))
		}
		run(&session.RunOptions{TraceLevel: session.FullTrace})
		require.Equal(t, []session.NodeStats{
			{Name: "a", Start: start, Duration: time.Second},
			{Name: "b", Start: start.Add(time.Second), Duration: 2 * time.Second},
			{Name: "u", Start: start.Add(3 * time.Second), Duration: 3 * time.Second},
			{Name: "set", Start: start.Add(6 * time.Second)},
		}, metadata.Nodes)

		metadata.Nodes = nil
		run(nil)
		run(&session.RunOptions{})
		require.Empty(t, metadata.Nodes, "nobody asked for a trace")
		require.NoError(t, s.Close())
	})
}

func TestMoreListsOfFetchesThanAreRemembered(t *testing.T) {
	leaktest.Check(t)
	const names = 40
	g := newCounted()
	for i := range names {
		g.number(fmt.Sprintf("v%d", i), float64(i))
	}
	s := newSession(t, g.Graph)
	var requests []session.Request
	for i := range names {
		requests = append(requests, session.Request{
			Fetches: []string{fmt.Sprintf("v%d", i), fmt.Sprintf("v%d", (i*7)%names)}, Values: make([]session.Value, 2),
		})
	}
	for range 3 {
		for i, req := range requests {
			require.NoError(t, s.Run(t.Context(), &req))
			require.Equal(t, []session.Value{session.Float64(float64(i)), session.Float64(float64((i * 7) % names))}, req.Values)
		}
	}
	// Slices that begin alike but are of another length are other lists.
	long := []string{"v1", "v2", "v3"}
	for n := range len(long) + 1 {
		req := session.Request{Fetches: long[:n], Values: make([]session.Value, n)}
		require.NoError(t, s.Run(t.Context(), &req))
		for i, v := range req.Values {
			require.Equal(t, session.Float64(float64(i+1)), v)
		}
	}
}

func TestAClosedSession(t *testing.T) {
	leaktest.Check(t)
	g := growing()
	s := newSession(t, g.Graph)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err := session.Eval(t.Context(), s, "w")
	require.ErrorIs(t, err, session.ErrClosed)
	require.ErrorIs(t, s.Run(t.Context(), &session.Request{}), session.ErrClosed)
	require.NotPanics(t, func() {
		require.ErrorIs(t, s.(session.Initializer).Init(t.Context()), session.ErrClosed)
		s.(session.Initializer).Uninitialized()
	})
}

func TestAGraphOfNothingRuns(t *testing.T) {
	leaktest.Check(t)
	s := newSession(t, graph.New())
	require.Empty(t, eval(t, s))
}

func TestSessionsOfOneGraphMayRunAtOnce(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.CreateGlobalStep()
	g.Variable("w", one)
	g.Node("w+1", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		return session.Float64(w + 1), nil
	}, "w")
	g.Assign("grow", "w", "w+1")
	g.Train("train", "grow")
	const runs = 200
	done := make(chan error)
	for range 4 {
		s := newSession(t, g)
		go func() {
			for range runs {
				if _, err := session.Eval(t.Context(), s, "train", "w"); err != nil {
					done <- err
					return
				}
			}
			values, err := session.Eval(t.Context(), s, "w")
			if err == nil && values.At(0) != session.Float64(runs+1) {
				err = fmt.Errorf("w is %v", values.At(0))
			}
			done <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-done)
	}
}
