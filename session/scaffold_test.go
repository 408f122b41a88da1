package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// aSummary and aSaver are pieces that are told apart by name, and never used.
type aSummary string

func (s aSummary) Fetches() []string { return []string{"loss"} }

type aSaver struct {
	session.Saver
	name string
}

// builtSaver counts how often it is built, and fails with err.
type builtSaver struct {
	session.Saver
	built int
	seen  session.Graph
	err   error
}

func (s *builtSaver) Build(g session.Graph) error {
	s.built++
	s.seen = g
	return s.err
}

// graphWithOps is lineGraph with ops to initialise it with.
func graphWithOps() *graph.Graph {
	g := lineGraph()
	for _, name := range []string{"init", "other init", "ready", "local init"} {
		g.Node(name, func(context.Context, []session.Value) (session.Value, error) { return session.Value{}, nil })
	}
	return g
}

func TestNothingIsMadeBeforeFinalize(t *testing.T) {
	leaktest.Check(t)
	s := new(session.Scaffold)
	require.Equal(t, session.Scaffold{}, *s)
	require.NoError(t, s.Finalize(t.Context(), lineGraph()))
	require.Equal(t, session.GlobalVariablesInitializer(), s.InitOp)
	require.Equal(t, session.ReportUninitializedVariables(), s.ReadyOp)
	require.Nil(t, s.ReadyForLocalInitOp)
	require.Nil(t, s.LocalInitOp)
	require.Nil(t, s.SummaryOp)
	require.Nil(t, s.Saver)
}

func TestFinalizeKeepsWhatIsGiven(t *testing.T) {
	leaktest.Check(t)
	s := session.Scaffold{
		InitOp: session.Ops{"init"}, ReadyOp: session.Ops{"ready"},
		LocalInitOp: session.Ops{"local init"}, ReadyForLocalInitOp: session.Ops{"ready"},
		SummaryOp: aSummary("a"), Saver: aSaver{name: "a"},
	}
	want := s
	g := graphWithOps()
	g.AddToCollection(session.InitOpKey, "other init")
	g.AddToCollection(session.SaversKey, aSaver{name: "b"})
	require.NoError(t, s.Finalize(t.Context(), g))
	require.Equal(t, want.InitOp, s.InitOp)
	require.Equal(t, want.ReadyOp, s.ReadyOp)
	require.Equal(t, want.LocalInitOp, s.LocalInitOp)
	require.Equal(t, want.ReadyForLocalInitOp, s.ReadyForLocalInitOp)
	require.Equal(t, want.SummaryOp, s.SummaryOp)
	require.Equal(t, want.Saver, s.Saver)
}

func TestFinalizeTakesTheOnlyItemOfACollection(t *testing.T) {
	leaktest.Check(t)
	g := graphWithOps()
	g.AddToCollection(session.InitOpKey, "init")
	g.AddToCollection(session.LocalInitOpKey, []string{"local init", "other init"})
	g.AddToCollection(session.ReadyOpKey, session.ReportUninitializedVariables())
	g.AddToCollection(session.SummaryOpKey, aSummary("a"))
	g.AddToCollection(session.SaversKey, aSaver{name: "a"})
	for range 2 { // the second scaffold shares them
		var s session.Scaffold
		require.NoError(t, s.Finalize(t.Context(), g))
		require.Equal(t, session.Ops{"init"}, s.InitOp)
		require.Equal(t, session.Ops{"local init", "other init"}, s.LocalInitOp)
		require.Equal(t, session.ReportUninitializedVariables(), s.ReadyOp)
		require.Equal(t, aSummary("a"), s.SummaryOp)
		require.Equal(t, aSaver{name: "a"}, s.Saver)
	}
}

func TestFinalizeReportsWhatIsWrongWithAPiece(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name     string
		scaffold session.Scaffold
		add      func(g *graph.Graph)
		want     string
	}{
		{"two items", session.Scaffold{}, func(g *graph.Graph) {
			g.AddToCollection(session.InitOpKey, "init")
			g.AddToCollection(session.InitOpKey, "other init")
		}, `session: collection "init_op": more than one item: 2; set Scaffold.InitOp to the one to use`},
		{"a saver that is none", session.Scaffold{}, func(g *graph.Graph) {
			g.AddToCollection(session.SaversKey, 7)
		}, `session: collection "savers": got int, want a Saver; set Scaffold.Saver to the one to use`},
		{"a nil saver", session.Scaffold{}, func(g *graph.Graph) {
			g.AddToCollection(session.SaversKey, (*builtSaver)(nil))
		}, `session: collection "savers": got *session_test.builtSaver that is nil, want a Saver; set Scaffold.Saver to the one to use`},
		{"an unknown name", session.Scaffold{ReadyOp: session.Ops{"redy"}}, func(*graph.Graph) {},
			`session: Scaffold.ReadyOp: unknown name "redy", did you mean "ready"`},
		{"an unknown name in a collection", session.Scaffold{}, func(g *graph.Graph) {
			g.AddToCollection(session.LocalInitOpKey, []string{"init", "local"})
		}, `session: Scaffold.LocalInitOp: unknown name "local"`},
		{"a saver that cannot be built", session.Scaffold{Saver: &builtSaver{err: errBroken}}, func(*graph.Graph) {},
			`session: Scaffold.Saver: broken`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graphWithOps()
			c.add(g)
			require.ErrorContains(t, c.scaffold.Finalize(t.Context(), g), c.want)
		})
	}
	require.ErrorContains(t, new(session.Scaffold).Finalize(t.Context(), nil), "engine is nil")
}

func TestAnAmbiguousCollectionIsASentinel(t *testing.T) {
	leaktest.Check(t)
	g := graphWithOps()
	g.AddToCollection(session.SaversKey, aSaver{name: "a"})
	g.AddToCollection(session.SaversKey, aSaver{name: "b"})
	require.ErrorIs(t, new(session.Scaffold).Finalize(t.Context(), g), session.ErrAmbiguousCollection)
}

func TestFinalizeAgainOnlyBuildsTheSaver(t *testing.T) {
	leaktest.Check(t)
	var j journal
	saver := new(builtSaver)
	s := session.Scaffold{Saver: saver}
	e := j.engine(lineGraph())
	require.NoError(t, s.Finalize(t.Context(), e))
	require.NoError(t, s.Finalize(t.Context(), e))
	require.Equal(t, []string{"engine Finalize"}, j.take())
	require.Equal(t, 2, saver.built)
	require.Same(t, e, saver.seen)

	other := j.engine(lineGraph())
	require.NoError(t, s.Finalize(t.Context(), other))
	require.Equal(t, []string{"engine Finalize"}, j.take(), "another engine is finalized, too")
}

func TestAnEngineThatCannotBeFinalizedIsTriedAgain(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph()).failing("Finalize", errBroken)
	s := new(session.Scaffold)
	require.ErrorIs(t, s.Finalize(t.Context(), e), errBroken)
	delete(e.at, "Finalize")
	require.NoError(t, s.Finalize(t.Context(), e))
	require.Equal(t, []string{"engine Finalize", "engine Finalize"}, j.take())
}

func TestOneCopiesWhatOneDoesNotHave(t *testing.T) {
	leaktest.Check(t)
	var called *session.Scaffold
	from := &session.Scaffold{
		InitOp: session.Ops{"init"}, InitFeeds: session.Feeds{"x": session.Float64(1)},
		InitFn: func(_ context.Context, s *session.Scaffold, _ session.Session) error {
			called = s
			return nil
		},
		ReadyOp: session.Ops{"ready"}, ReadyForLocalInitOp: session.Ops{"ready"},
		LocalInitOp: session.Ops{"local init"}, LocalInitFeeds: session.Feeds{"x": session.Float64(2)},
		SummaryOp: aSummary("a"), Saver: aSaver{name: "a"},
	}
	s := (&session.Scaffold{InitOp: session.Ops{"own"}, Saver: aSaver{name: "own"}}).CopyFrom(from)
	require.Equal(t, session.Ops{"own"}, s.InitOp)
	require.Equal(t, aSaver{name: "own"}, s.Saver)
	require.Equal(t, from.InitFeeds, s.InitFeeds)
	require.Equal(t, from.ReadyOp, s.ReadyOp)
	require.Equal(t, from.ReadyForLocalInitOp, s.ReadyForLocalInitOp)
	require.Equal(t, from.LocalInitOp, s.LocalInitOp)
	require.Equal(t, from.LocalInitFeeds, s.LocalInitFeeds)
	require.Equal(t, from.SummaryOp, s.SummaryOp)
	require.NoError(t, s.InitFn(t.Context(), s, nil))
	require.Same(t, s, called)

	require.Equal(t, session.Scaffold{}, *new(session.Scaffold).CopyFrom(nil), "nothing to copy")
	require.Equal(t, session.Scaffold{}, *new(session.Scaffold).CopyFrom(new(session.Scaffold)))
}

// aDefaultingEngine has pieces of its own.
type aDefaultingEngine struct {
	*graph.Graph
	pieces map[string]any
}

func (e aDefaultingEngine) ScaffoldDefault(key string) any { return e.pieces[key] }

func TestAnEnginesOwnPiecesAreSharedThroughTheCollections(t *testing.T) {
	leaktest.Check(t)
	saver := new(builtSaver)
	e := aDefaultingEngine{graphWithOps(), map[string]any{
		session.InitOpKey: "init", session.SaversKey: saver, session.LocalInitOpKey: []string{"local init"},
	}}
	var s session.Scaffold
	require.NoError(t, s.Finalize(t.Context(), e))
	require.Equal(t, session.Ops{"init"}, s.InitOp)
	require.Equal(t, session.Ops{"local init"}, s.LocalInitOp)
	require.Same(t, saver, s.Saver)
	require.Equal(t, session.ReportUninitializedVariables(), s.ReadyOp, "what the engine has not is made")
	require.Equal(t, []any{"init"}, e.Collection(session.InitOpKey))
	require.Equal(t, []any{saver}, e.Collection(session.SaversKey))
	require.Empty(t, e.Collection(session.ReadyOpKey))

	e.pieces = nil
	var other session.Scaffold
	require.NoError(t, other.Finalize(t.Context(), e))
	require.Equal(t, session.Ops{"init"}, other.InitOp)
	require.Same(t, saver, other.Saver)
}
