package graph_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

func one() session.Value { return session.Float64(1) }

func first(_ context.Context, in []session.Value) (session.Value, error) { return in[0], nil }

func nothing(context.Context, []session.Value) error { return nil }

func TestMistakesInBuildingAreNamedByFinalize(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name  string
		build func(g *graph.Graph)
		want  string
	}{
		{"a name used twice", func(g *graph.Graph) { g.Variable("w", one); g.Placeholder("w", session.Value{}) }, `graph: name "w" is used twice`},
		{"a variable without a name", func(g *graph.Graph) { g.Variable("", one) }, "graph: a variable has no name"},
		{"a training op without a name", func(g *graph.Graph) { g.Train("") }, "graph: a training op has no name"},
		{"a variable without an initial value", func(g *graph.Graph) { g.Variable("w", nil) }, `graph: variable "w" has no initial value`},
		{"a node without a function", func(g *graph.Graph) { g.Node("n", nil) }, `graph: node "n" has no function`},
		{"an update without a function", func(g *graph.Graph) { g.Update("u", nil) }, `graph: update "u" has no function`},
		{"an unknown input of a node", func(g *graph.Graph) { g.Variable("weights", one); g.Node("n", first, "weihgts") }, `graph: node "n": input: unknown name "weihgts", did you mean "weights"`},
		{"an unknown variable of an assignment", func(g *graph.Graph) { g.Variable("w", one); g.Assign("a", "v", "w") }, `graph: assignment "a": input: unknown name "v"`},
		{"an unknown update of a training op", func(g *graph.Graph) { g.Train("train", "grow") }, `graph: training op "train": input: unknown name "grow"`},
		{"an update as an input of a node", func(g *graph.Graph) { g.Update("u", nothing); g.Node("n", first, "u") }, `graph: node "n": input "u" is an update, which has no value`},
		{"a training op as an input of an update", func(g *graph.Graph) { g.Train("train"); g.Update("u", nothing, "train") }, `graph: update "u": input "train" is a training op, which has no value`},
		{"a node in a training op", func(g *graph.Graph) { g.Variable("w", one); g.Node("n", first, "w"); g.Train("train", "n") }, `graph: training op "train": "n" is a node, want updates and assignments`},
		{"a training op in a training op", func(g *graph.Graph) { g.Train("inner"); g.Train("train", "inner") }, `graph: training op "train": "inner" is a training op, want updates and assignments`},
		{"an assignment to a placeholder", func(g *graph.Graph) { g.Placeholder("x", one()); g.Assign("a", "x", "x") }, `graph: assignment "a": "x" is a placeholder, want a variable`},
		{"a node that needs itself", func(g *graph.Graph) { g.Node("n", first, "n") }, "graph: cycle: n needs n"},
		{"a longer cycle", func(g *graph.Graph) {
			g.Node("a", first, "b")
			g.Node("b", first, "c")
			g.Node("c", first, "b")
		}, "graph: cycle: b needs c needs b"},
		{"two global steps", func(g *graph.Graph) { g.CreateGlobalStep(); g.CreateGlobalStep() }, `graph: "global_step" already exists`},
		{"another variable with the name of the step", func(g *graph.Graph) { g.Variable("global_step", one); g.CreateGlobalStep() }, `graph: name "global_step" is used twice`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			c.build(g)
			require.ErrorContains(t, g.Finalize(t.Context()), c.want)
			_, err := g.NewSession(t.Context())
			require.ErrorContains(t, err, c.want, "there is no session of a graph with mistakes")
		})
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Variable("w", nil)
	g.Variable("w", one)
	g.Node("n", first, "nowhere")
	g.Assign("a", "n", "w")
	g.Node("p", first, "q")
	g.Node("q", first, "p")
	g.Node("r", first, "r")
	err := g.Finalize(t.Context())
	for _, want := range []string{
		`variable "w" has no initial value`, `name "w" is used twice`, `unknown name "nowhere"`, `"n" is a node, want a variable`,
		"p needs q needs p", "r needs r",
	} {
		require.ErrorContains(t, err, want)
	}
	require.Equal(t, err.Error(), g.Finalize(t.Context()).Error(), "nothing is reported twice")
}

func TestAnUnknownInputIsAnUnknownName(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Node("n", first, "nowhere")
	require.ErrorIs(t, g.Finalize(t.Context()), session.ErrUnknownName)
}

func TestInputsMayBeNamedBeforeTheyAreAdded(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Train("train", "grow")
	g.Assign("grow", "w", "sum")
	g.Node("sum", first, "w")
	g.Variable("w", one)
	require.NoError(t, g.Finalize(t.Context()))
	require.NoError(t, g.Finalize(t.Context()), "Finalize may be called again")
}

func TestANodeMayBeNeededByMany(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Variable("w", one)
	g.Node("a", first, "w")
	g.Node("b", first, "a", "w", "a")
	g.Node("c", first, "a", "b")
	require.NoError(t, g.Finalize(t.Context()))
}

func TestTheInputListIsCopied(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Variable("w", one)
	inputs := []string{"w"}
	g.Node("n", first, inputs...)
	inputs[0] = "overwritten"
	require.NoError(t, g.Finalize(t.Context()))
}

func TestAGraphResolvesItsNames(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Variable("w", one)
	require.NoError(t, g.Resolve("w"))
	require.ErrorIs(t, g.Resolve("v"), session.ErrUnknownName)
	require.Empty(t, g.GlobalStep())
	g.CreateGlobalStep()
	require.Equal(t, "global_step", g.GlobalStep())
	require.EqualError(t, g.Resolve("globalstep"), `unknown name "globalstep", did you mean "global_step"`)
	require.NoError(t, g.Finalize(t.Context()))
	require.NoError(t, g.Resolve("w"), "also after Finalize")
}

// A hook may add to the graph in Begin, as TensorFlow's hooks do.
func TestAHookMayAddNodesInBegin(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	g.Variable("w", one)
	h := &session.HookFuncs{OnBegin: func(_ context.Context, seen session.Graph) error {
		seen.(*graph.Graph).Node("added", first, "w")
		return seen.Resolve("added")
	}}
	require.NoError(t, session.With(t.Context(), session.Config{Engine: g, Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
		values, err := s.Run(t.Context(), "added")
		require.Equal(t, session.Float64(1), values.At(0))
		return err
	}))
}

func TestWhatIsAddedAfterFinalizeIsAMistake(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name string
		add  func(g *graph.Graph)
		want string
	}{
		{"a variable", func(g *graph.Graph) { g.Variable("late", one) }, `variable "late" is added after the graph was finalized`},
		{"a node", func(g *graph.Graph) { g.Node("late", first, "w") }, `node "late" is added after the graph was finalized`},
		{"the global step", func(g *graph.Graph) { g.CreateGlobalStep() }, `variable "global_step" is added after the graph was finalized`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			g.Variable("w", one)
			g.Train("train")
			s := newSession(t, g)
			c.add(g)
			require.ErrorContains(t, g.Finalize(t.Context()), c.want)
			require.ErrorIs(t, g.Resolve("late"), session.ErrUnknownName)
			require.Empty(t, g.GlobalStep())
			require.NotPanics(t, func() {
				values, err := session.Eval(t.Context(), s, "train", "w")
				require.NoError(t, err, "a session that is open goes on")
				require.Equal(t, session.Float64(1), values.At(1))
			})
		})
	}
}
