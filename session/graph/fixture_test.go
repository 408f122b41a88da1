package graph_test

import (
	"context"
	"errors"
	"testing"

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
