package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

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
