package session_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// wideGraph has n nodes: the value of "n7" is 7.
func wideGraph(n int) *graph.Graph {
	g := graph.New()
	g.CreateGlobalStep()
	for i := range n {
		g.Node(fmt.Sprintf("n%d", i), func(context.Context, []session.Value) (session.Value, error) {
			return session.Int64(int64(i)), nil
		})
	}
	g.Train("train")
	return g
}

// Twelve lists of the hook times five of the caller are more than any cache of
// plans holds; each comes several times, in an order that mixes them.
func TestAnyNumberOfPatternsOfFetchesIsServed(t *testing.T) {
	leaktest.Check(t)
	const lists, callers = 12, 5
	args := &session.SessionRunArgs{}
	run := 0
	wanted := func(i int) (names []string) {
		for k := range 1 + i%4 {
			names = append(names, fmt.Sprintf("n%d", (i+5*k)%lists))
		}
		return names
	}
	var got []string
	h := &session.HookFuncs{
		OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			args.Fetches = append(args.Fetches[:0], wanted(run%lists)...)
			return args, nil
		},
		OnAfterRun: func(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
			got = collect(values.Results)
			return nil
		},
	}
	s := open(t, wideGraph(lists), h)
	want := func(names []string) (lines []string) {
		for _, name := range names {
			lines = append(lines, name+"="+name[1:])
		}
		return lines
	}
	for run = range 3 * lists * callers {
		fetches := wanted((run * 7) % callers)
		values, err := s.Run(t.Context(), fetches...)
		require.NoError(t, err)
		require.Equal(t, want(fetches), collect(values))
		require.Equal(t, want(args.Fetches), got)
	}
}

// While an engine gets the same slice of fetches, the names in it stay the same.
func TestASliceOfFetchesPromisesItsNames(t *testing.T) {
	leaktest.Check(t)
	var j journal
	type identity struct {
		first *string
		n     int
	}
	seen := make(map[identity]string)
	e := j.engine(wideGraph(20))
	e.ran = func(_ context.Context, req *session.Request) {
		id := identity{&req.Fetches[0], len(req.Fetches)}
		names := fmt.Sprint(req.Fetches)
		if before, ok := seen[id]; ok {
			require.Equal(t, before, names)
		}
		seen[id] = names
		require.Len(t, req.Values, len(req.Fetches))
		for _, v := range req.Values {
			require.True(t, v.IsNone(), "values of an earlier run are gone")
		}
	}
	args := &session.SessionRunArgs{Fetches: make([]string, 1)}
	run := 0
	h := &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		args.Fetches[0] = fmt.Sprintf("n%d", run%11)
		return args, nil
	}}
	s := open(t, e, h)
	caller := make([]string, 1)
	for run = range 100 {
		caller[0] = fmt.Sprintf("n%d", run%3)
		_, err := s.Run(t.Context(), caller...)
		require.NoError(t, err)
	}
}

// A hook that alternates between two lists, as one that records now and then,
// gives the engine the same two slices for ever.
func TestAlternatingFetchesKeepTheirSlices(t *testing.T) {
	leaktest.Check(t)
	var j journal
	slices := make(map[*string]int)
	e := j.engine(lineGraph())
	e.ran = func(_ context.Context, req *session.Request) { slices[&req.Fetches[0]]++ }
	idle := &session.SessionRunArgs{Fetches: []string{"global_step"}}
	recording := &session.SessionRunArgs{Fetches: []string{"global_step", "loss"}}
	run := 0
	h := &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		if run%3 == 0 {
			return recording, nil
		}
		return idle, nil
	}}
	s := open(t, e, h)
	for run = range 30 {
		_, err := s.Run(t.Context(), "train")
		require.NoError(t, err)
	}
	require.Len(t, slices, 2)
}
