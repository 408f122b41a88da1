package gorgonia_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/runhook/runhook/adapters/gorgonia"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// A line is a linear regression of y = 2x - 1 with two learnables, "line/w" and
// "b".
type line struct {
	graph      *G.ExprGraph
	x, y       *G.Node
	learnables G.Nodes
	batches    int // that are left; -1: without end
	made       int
	blocked    bool // there is no next batch before ctx is done
}

const rows = 4

func newLine(t testing.TB) *line {
	t.Helper()
	g := G.NewGraph()
	l := &line{graph: g, batches: -1}
	l.x = G.NewVector(g, tensor.Float64, G.WithShape(rows), G.WithName("x"))
	l.y = G.NewVector(g, tensor.Float64, G.WithShape(rows), G.WithName("y"))
	w := G.NewScalar(g, tensor.Float64, G.WithName("line/w"), G.WithValue(0.5))
	b := G.NewVector(g, tensor.Float64, G.WithShape(rows), G.WithName("b"), G.WithInit(G.Zeroes()))
	wx := G.Must(G.Mul(l.x, w))
	prediction := G.Must(G.Add(wx, b))
	G.WithName("prediction")(prediction)
	diff := G.Must(G.Sub(prediction, l.y))
	loss := G.Must(G.Mean(G.Must(G.Square(diff))))
	G.WithName("loss")(loss)
	l.learnables = G.Nodes{w, b}
	_, err := G.Grad(loss, l.learnables...)
	require.NoError(t, err)
	return l
}

func (l *line) next(ctx context.Context) error {
	if l.blocked {
		<-ctx.Done()
		return ctx.Err()
	}
	if l.batches == 0 {
		return io.EOF
	}
	l.batches--
	xs, ys := make([]float64, rows), make([]float64, rows)
	for i := range xs {
		xs[i] = math.Sin(float64(l.made*rows + i))
		ys[i] = 2*xs[i] - 1
	}
	l.made++
	if err := G.Let(l.x, tensor.New(tensor.WithShape(rows), tensor.WithBacking(xs))); err != nil {
		return err
	}
	return G.Let(l.y, tensor.New(tensor.WithShape(rows), tensor.WithBacking(ys)))
}

func (l *line) config() gorgonia.Config {
	return gorgonia.Config{
		Graph: l.graph, Learnables: l.learnables, Solver: G.NewVanillaSolver(G.WithLearnRate(0.1)), LearnRate: 0.1, Next: l.next,
	}
}

func newEngine(t testing.TB, config gorgonia.Config) *gorgonia.Engine {
	t.Helper()
	e, err := gorgonia.New(config)
	require.NoError(t, err)
	return e
}

func open(t testing.TB, e *gorgonia.Engine, names ...string) session.Session {
	t.Helper()
	for _, name := range names {
		require.NoError(t, e.Resolve(name))
	}
	s, err := e.NewSession(t.Context())
	require.NoError(t, err)
	return s
}

func eval(t testing.TB, s session.Session, names ...string) session.Values {
	t.Helper()
	values, err := session.Eval(t.Context(), s, names...)
	require.NoError(t, err)
	return values
}

func number(t testing.TB, v session.Value) float64 {
	t.Helper()
	x, ok := v.Number()
	require.True(t, ok, "%v", v)
	return x
}

func TestAGorgoniaEngineIsAnEngine(t *testing.T) {
	lines := make(map[session.Engine]*line)
	sessiontest.TestEngine(t, func(t *testing.T) session.Engine {
		l := newLine(t)
		e := newEngine(t, l.config())
		lines[e] = l
		return e
	}, sessiontest.EngineOptions{
		Fetches: map[string]session.Kind{
			"loss": session.KindFloat64, "prediction": session.KindTensor, "line/w": session.KindFloat64, "b": session.KindTensor,
			"grad:line/w": session.KindFloat64, "grad:b": session.KindTensor, gorgonia.LearningRate: session.KindFloat64,
		},
		Feeds:    session.Feeds{gorgonia.LearningRate: session.Float64(0.5)},
		Volatile: []string{"loss", "prediction", "grad:line/w", "grad:b"},
		EndInput: func(e session.Engine) { lines[e].batches = 0 },
		Block:    func(e session.Engine) { lines[e].blocked = true },
	})
}

func TestPlaceholdersAreFed(t *testing.T) {
	sessiontest.TestEngine(t, func(t *testing.T) session.Engine {
		l := newLine(t)
		require.NoError(t, l.next(t.Context())) // what the inputs hold when nothing is fed
		config := l.config()
		config.Next = nil
		return newEngine(t, config)
	}, sessiontest.EngineOptions{
		Fetches: map[string]session.Kind{"loss": session.KindFloat64, "x": session.KindTensor},
		Feeds:   session.Feeds{"x": session.TensorOf([]float64{1, 2, 3, 4})},
	})
}

func TestAStepIsGradientDescent(t *testing.T) {
	l := newLine(t)
	s := open(t, newEngine(t, l.config()), "loss", "prediction", "grad:b")
	var losses []float64
	for range 200 {
		before := eval(t, s, "line/w", "global_step")
		values := eval(t, s, "train", "loss", "grad:line/w", "line/w", "global_step")
		require.Equal(t, number(t, before.At(1)), number(t, values.At(4)), "the step before the update")
		require.InDelta(t, number(t, before.At(0))-0.1*number(t, values.At(2)), number(t, values.At(3)), 1e-12, "the learnable after it")
		losses = append(losses, number(t, values.At(1)))
	}
	require.Less(t, losses[199], losses[0]/10)
	require.InDelta(t, 2, number(t, eval(t, s, "line/w").At(0)), 0.3)
}

func TestLookingDoesNotTrain(t *testing.T) {
	watched, alone := newLine(t), newLine(t)
	a := open(t, newEngine(t, watched.config()), "loss", "prediction", "grad:b", "grad:line/w")
	b := open(t, newEngine(t, alone.config()), "loss")
	for range 5 {
		eval(t, a, "train")
		eval(t, b, "train")
		for range 3 { // would add to the gradients
			eval(t, a, "loss", "prediction", "grad:b", "grad:line/w")
		}
	}
	require.Equal(t, number(t, eval(t, b, "line/w").At(0)), number(t, eval(t, a, "line/w").At(0)))
}

func TestWhatIsFetchedIsACopy(t *testing.T) {
	l := newLine(t)
	s := open(t, newEngine(t, l.config()), "prediction")
	values := eval(t, s, "train", "prediction", "b")
	before := values.Clone()
	eval(t, s, "train", "prediction", "b")
	for i := range 3 {
		require.Equal(t, before.At(i).String(), values.At(i).String())
	}
}

func TestALaterSessionMayReadMore(t *testing.T) {
	l := newLine(t)
	e := newEngine(t, l.config())
	s := open(t, e, "loss")
	eval(t, s, "train", "loss")
	_, err := session.Eval(t.Context(), s, "prediction")
	require.EqualError(t, err, `gorgonia: "prediction" is computed, and was not resolved before the session was opened`)
	require.NoError(t, s.Close())

	s = open(t, e, "prediction")
	values := eval(t, s, "train", "loss", "prediction", "global_step")
	require.Equal(t, 1.0, number(t, values.At(3)), "the state goes on")
}

func TestAFedRateIsThatOfOneStep(t *testing.T) {
	s := open(t, newEngine(t, newLine(t).config()))
	eval(t, s, "train")
	before := eval(t, s, "b").At(0)
	_, err := session.EvalFed(t.Context(), s, session.Feeds{gorgonia.LearningRate: session.Float64(0)}, "train")
	require.NoError(t, err)
	require.Equal(t, before, eval(t, s, "b").At(0), "a rate of 0 changes nothing")
	eval(t, s, "train")
	require.NotEqual(t, before, eval(t, s, "b").At(0))
}

func TestWhatWasFedIsForgotten(t *testing.T) {
	config := newLine(t).config()
	config.Next = nil
	s := open(t, newEngine(t, config), "loss")
	x := session.TensorOf([]float64{1, 2, 3, 4})
	for range 2 {
		_, err := session.EvalFed(t.Context(), s, session.Feeds{"x": x, "y": x}, "loss")
		require.NoError(t, err)
		_, err = session.EvalFed(t.Context(), s, session.Feeds{"y": x}, "loss")
		require.EqualError(t, err, `gorgonia: input "x" has no value: feed it, or let Config.Next give it one`)
		_, err = session.Eval(t.Context(), s, "y")
		require.ErrorContains(t, err, `fetch "y": has no value`)
	}
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	l := newLine(t)
	e := newEngine(t, l.config())
	err := e.Resolve("predicton")
	require.ErrorIs(t, err, session.ErrUnknownName)
	require.ErrorContains(t, err, `"prediction"`, "close names are told")

	config := l.config()
	config.Next = nil
	s := open(t, newEngine(t, config), "loss")
	_, err = session.Eval(t.Context(), s, "loss")
	require.EqualError(t, err, `gorgonia: input "x" has no value: feed it, or let Config.Next give it one`)

	for name, c := range map[string]struct {
		feeds session.Feeds
		want  string
	}{
		"a learnable":       {session.Feeds{"b": session.TensorOf([]float64{1, 2, 3, 4})}, `gorgonia: "b" is no placeholder and cannot be fed`},
		"the loss":          {session.Feeds{"loss": session.Float64(1)}, `gorgonia: "loss" is no placeholder and cannot be fed`},
		"another length":    {session.Feeds{"x": session.TensorOf([]float64{1})}, `gorgonia: feed "x": got a float64 tensor of shape (1), want float64 of shape (4)`},
		"another type":      {session.Feeds{"x": session.TensorOf([]float32{1, 2, 3, 4})}, `gorgonia: feed "x": got a float32 tensor of shape (4), want float64 of shape (4)`},
		"a number":          {session.Feeds{"x": session.Float64(1)}, `gorgonia: feed "x": got a float64, want float64 of shape (4)`},
		"nothing like that": {session.Feeds{"z": session.Float64(1)}, `gorgonia: feed: unknown name "z"`},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.Run(t.Context(), &session.Request{Fetches: []string{"b"}, Values: make([]session.Value, 1), Feeds: c.feeds})
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAFailingBatchTrainsNothing(t *testing.T) {
	errBroken := errors.New("broken")
	l := newLine(t)
	config := l.config()
	fail := false
	config.Next = func(ctx context.Context) error {
		if fail {
			return errBroken
		}
		return l.next(ctx)
	}
	s := open(t, newEngine(t, config), "loss")
	eval(t, s, "train")
	before := eval(t, s, "global_step", "line/w")
	fail = true
	_, err := session.Eval(t.Context(), s, "train")
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, before.At(1).String(), eval(t, s, "line/w").At(0).String())
	fail = false
	require.Equal(t, 1.0, number(t, eval(t, s, "train", "global_step").At(1)))
}

func TestConfigsThatCannotWork(t *testing.T) {
	l, other := newLine(t), newLine(t)
	bare := G.NewScalar(l.graph, tensor.Float64, G.WithName("bare"))
	_, err := gorgonia.New(gorgonia.Config{})
	require.EqualError(t, err, "gorgonia: Config: Graph is nil\ngorgonia: Config: Solver is nil\ngorgonia: Config: Learnables is empty")
	config := l.config()
	config.LearnRate = -1
	config.Learnables = G.Nodes{nil, other.learnables[0], bare, bare}
	_, err = gorgonia.New(config)
	require.EqualError(t, err, `gorgonia: Config: LearnRate is -1, want a positive number or 0 (not known)
gorgonia: Config: Learnables[0] is nil
gorgonia: Config: Learnables[1] ("line/w") is not in Graph
gorgonia: Config: Learnables[2] ("bare") has no value, give it one by WithInit or WithValue
gorgonia: Config: Learnables[3] has the name "bare", want one of its own
gorgonia: Config: Learnables[3] ("bare") has no value, give it one by WithInit or WithValue`)
}

func TestTheGraphIsDescribed(t *testing.T) {
	e := newEngine(t, newLine(t).config())
	open(t, e, "loss", "prediction")
	ops, types := make(map[string]string), make(map[string]string)
	for _, n := range e.DescribeGraph() {
		require.NotContains(t, ops, n.Name)
		ops[n.Name], types[n.Name] = n.Op, fmt.Sprint(n.Outputs)
	}
	require.Equal(t, "[float64[]]", types["line/w"])
	require.Equal(t, "Variable", ops["line/w"])
	require.Equal(t, "Placeholder", ops["x"])
	require.Contains(t, ops, "loss")
	for _, n := range e.DescribeGraph() {
		for _, in := range n.Inputs {
			require.Contains(t, ops, in, "input of %q", n.Name)
		}
	}
}
