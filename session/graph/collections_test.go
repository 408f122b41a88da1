package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session/graph"
)

func TestACollectionKeepsItsItemsInOrder(t *testing.T) {
	leaktest.Check(t)
	g := graph.New()
	require.Empty(t, g.Collection("losses"))
	g.AddToCollection("losses", "a")
	g.AddToCollection("losses", 7)
	g.AddToCollection("others", "c")
	got := g.Collection("losses")
	require.Equal(t, []any{"a", 7}, got)
	got[0] = "changed"
	require.Equal(t, []any{"a", 7}, g.Collection("losses"), "the slice is the caller's")

	require.NoError(t, g.Finalize(t.Context()))
	g.AddToCollection("losses", "late")
	require.ErrorContains(t, g.Finalize(t.Context()), `an item is added to the collection "losses" after the graph was finalized`)
	require.Equal(t, []any{"a", 7}, g.Collection("losses"))
}
