package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

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
