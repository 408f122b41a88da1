package graph_test

import (
	"context"
	"errors"
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

var errBroken = errors.New("broken")

// newSession opens an initialised session of g.
func newSession(t *testing.T, g *graph.Graph) session.Session {
	t.Helper()
	require.NoError(t, g.Finalize(t.Context()))
	s, err := g.NewSession(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.(session.Initializer).Init(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// eval fetches names and returns them with their values as text.
func eval(t *testing.T, s session.Session, names ...string) []string {
	t.Helper()
	values, err := session.Eval(t.Context(), s, names...)
	require.NoError(t, err)
	return text(values)
}

func text(values session.Values) (lines []string) {
	for name, v := range values.All() {
		lines = append(lines, name+"="+v.String())
	}
	return lines
}

// feed runs fetches of s with feeds.
func feed(t *testing.T, s session.Session, feeds session.Feeds, fetches ...string) ([]string, error) {
	t.Helper()
	req := session.Request{Fetches: fetches, Values: make([]session.Value, len(fetches)), Feeds: feeds}
	err := s.Run(t.Context(), &req)
	var lines []string
	for i, name := range fetches {
		lines = append(lines, name+"="+req.Values[i].String())
	}
	return lines, err
}

// A counted graph counts the calls of its nodes.
type counted struct {
	*graph.Graph
	calls map[string]int
}

func newCounted() *counted { return &counted{graph.New(), make(map[string]int)} }

// sum adds a node that is the sum of its inputs.
func (g *counted) sum(name string, inputs ...string) {
	g.Node(name, func(_ context.Context, in []session.Value) (session.Value, error) {
		g.calls[name]++
		total := 0.0
		for _, v := range in {
			f, _ := v.Number()
			total += f
		}
		return session.Float64(total), nil
	}, inputs...)
}

func (g *counted) number(name string, f float64) {
	g.Variable(name, func() session.Value { return session.Float64(f) })
}

// taken returns the calls since the last time.
func (g *counted) taken() map[string]int {
	calls := g.calls
	g.calls = make(map[string]int)
	return calls
}

// growing has w = 1, which training makes w+1.
func growing() *counted {
	g := newCounted()
	g.CreateGlobalStep()
	g.number("w", 1)
	g.number("1", 1)
	g.sum("w+1", "w", "1")
	g.sum("w+w", "w", "w")
	g.Assign("grow", "w", "w+1")
	g.Train("train", "grow")
	return g
}

func TestEveryTestChecksForLeaks(t *testing.T) {
	leaktest.Check(t)
	leaktest.InEveryTest(t)
}

func TestANodeIsEvaluatedOnceAndOnlyIfNeeded(t *testing.T) {
	leaktest.Check(t)
	g := newCounted()
	g.number("1", 1)
	g.sum("a", "1")
	g.sum("b", "a", "a")
	g.sum("c", "a", "b")
	g.sum("d", "c", "b")
	s := newSession(t, g.Graph)
	for _, c := range []struct {
		fetches []string
		want    []string
		calls   map[string]int
	}{
		{[]string{"d", "a"}, []string{"d=5", "a=1"}, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}},
		{[]string{"b"}, []string{"b=2"}, map[string]int{"a": 1, "b": 1}},
		{[]string{"a", "a"}, []string{"a=1", "a=1"}, map[string]int{"a": 1}},
		{[]string{"1"}, []string{"1=1"}, map[string]int{}},
		{nil, nil, map[string]int{}},
	} {
		require.Equal(t, c.want, eval(t, s, c.fetches...))
		require.Equal(t, c.calls, g.taken(), "%v", c.fetches)
	}
}

func TestTheOrderOfFetchesDoesNotMatter(t *testing.T) {
	leaktest.Check(t)
	want := map[string]string{
		"train": "<none>", "grow": "<none>", "global_step": "0", "w": "2", "w+1": "2", "w+w": "2",
	}
	for _, fetches := range [][]string{
		{"train", "grow", "global_step", "w", "w+1", "w+w"},
		{"w+w", "w+1", "w", "global_step", "grow", "train"},
		{"w", "train", "w+w", "global_step", "w+1", "grow"},
	} {
		g := growing()
		s := newSession(t, g.Graph)
		values, err := session.Eval(t.Context(), s, fetches...)
		require.NoError(t, err)
		for name, v := range values.All() {
			require.Equal(t, want[name], v.String(), "%s of %v", name, fetches)
		}
		require.Equal(t, map[string]int{"w+1": 1, "w+w": 1}, g.taken())
		require.Equal(t, []string{"w=2", "global_step=1"}, eval(t, s, "w", "global_step"), "one update, one step")
	}
}

func TestOnlyTrainingOpsAdvanceTheStep(t *testing.T) {
	leaktest.Check(t)
	g := growing()
	g.Train("train nothing")
	s := newSession(t, g.Graph)
	for _, c := range []struct {
		fetch string
		w     string
		step  string
	}{
		{"grow", "w=2", "global_step=0"},
		{"w+1", "w=2", "global_step=0"},
		{"train", "w=3", "global_step=1"},
		{"train nothing", "w=3", "global_step=2"},
		{"global_step", "w=3", "global_step=2"},
	} {
		eval(t, s, c.fetch)
		require.Equal(t, []string{c.w, c.step}, eval(t, s, "w", "global_step"), "after %s", c.fetch)
	}
	eval(t, s, "train", "train nothing", "train")
	require.Equal(t, []string{"w=4", "global_step=3"}, eval(t, s, "w", "global_step"), "several training ops of one run are one step")
}

func TestAGraphWithoutAGlobalStepTrains(t *testing.T) {
	leaktest.Check(t)
	g := newCounted()
	g.number("w", 1)
	g.sum("twice", "w", "w")
	g.Assign("double", "w", "twice")
	g.Train("train", "double")
	s := newSession(t, g.Graph)
	require.Equal(t, []string{"train=<none>", "w=2"}, eval(t, s, "train", "w"))
	_, err := session.Eval(t.Context(), s, "global_step")
	require.ErrorIs(t, err, session.ErrUnknownName)
}

func TestANodeMayUseTheStepBeforeTheUpdate(t *testing.T) {
	leaktest.Check(t)
	g := growing()
	g.sum("rate", "global_step")
	s := newSession(t, g.Graph)
	require.Equal(t, []string{"train=<none>", "rate=0"}, eval(t, s, "train", "rate"))
	require.Equal(t, []string{"rate=1", "train=<none>"}, eval(t, s, "rate", "train"))
}

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

func TestFeedsReplaceWhatWouldBeComputed(t *testing.T) {
	leaktest.Check(t)
	g := growing()
	g.Placeholder("x", session.Float64(10))
	g.Placeholder("y", session.Value{})
	g.sum("w+1+x", "w+1", "x")
	g.sum("y+x", "y", "x")
	s := newSession(t, g.Graph)
	for _, c := range []struct {
		name    string
		feeds   session.Feeds
		fetches []string
		want    []string
		calls   map[string]int
	}{
		{"a placeholder has its fallback", nil, []string{"w+1+x", "x"}, []string{"w+1+x=12", "x=10"}, map[string]int{"w+1": 1, "w+1+x": 1}},
		{"a placeholder is fed", session.Feeds{"x": session.Float64(20)}, []string{"w+1+x", "x"}, []string{"w+1+x=22", "x=20"}, map[string]int{"w+1": 1, "w+1+x": 1}},
		{"the fallback is back", nil, []string{"x"}, []string{"x=10"}, map[string]int{}},
		{"a node that is fed is not evaluated", session.Feeds{"w+1": session.Float64(5)}, []string{"w+1+x", "w+1"}, []string{"w+1+x=15", "w+1=5"}, map[string]int{"w+1+x": 1}},
		{"a placeholder without a fallback is fed", session.Feeds{"y": session.Int64(3)}, []string{"y", "y+x"}, []string{"y=3", "y+x=13"}, map[string]int{"y+x": 1}},
		{"what is fed need not be used", session.Feeds{"y": session.Int64(3)}, []string{"x"}, []string{"x=10"}, map[string]int{}},
		{"a fed node is assigned", session.Feeds{"w+1": session.Float64(7)}, []string{"train", "w"}, []string{"train=<none>", "w=7"}, map[string]int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := feed(t, s, c.feeds, c.fetches...)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.calls, g.taken())
		})
	}
	for _, c := range []struct {
		name  string
		feeds session.Feeds
		fetch string
		want  string
	}{
		{"a placeholder that has to be fed", nil, "y", `graph: placeholder "y" has to be fed`},
		{"and what needs it", nil, "y+x", `graph: placeholder "y" has to be fed`},
		{"a feed of another kind", session.Feeds{"x": session.Int64(1)}, "x", `graph: feed "x": got int64, want float64`},
		{"a feed of nothing", session.Feeds{"x": {}}, "x", `graph: feed "x": got none, want float64`},
		{"a feed of nothing for a placeholder that has to be fed", session.Feeds{"y": {}}, "y", `graph: placeholder "y" has to be fed`},
		{"a variable", session.Feeds{"w": session.Float64(1)}, "w", `graph: feed "w": it is a variable, which cannot be fed`},
		{"the global step", session.Feeds{"global_step": session.Int64(1)}, "w", `graph: feed "global_step": it is a variable, which cannot be fed`},
		{"a training op", session.Feeds{"train": session.Int64(1)}, "w", `graph: feed "train": it is a training op, which cannot be fed`},
		{"an unknown name", session.Feeds{"xx": session.Int64(1)}, "w", `graph: feed: unknown name "xx", did you mean "x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := feed(t, s, c.feeds, c.fetch)
			require.EqualError(t, err, c.want)
		})
	}
}

func TestAFeedErrorDoesNotDependOnTheOrderOfAMap(t *testing.T) {
	leaktest.Check(t)
	s := newSession(t, growing().Graph)
	for range 50 {
		_, err := feed(t, s, session.Feeds{"q": {}, "w": {}, "train": {}, "grow": {}, "z": {}}, "w")
		require.EqualError(t, err, `graph: feed "grow": it is an assignment, which cannot be fed`)
	}
}

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
