package graph

import (
	"slices"

	"github.com/runhook/runhook/session"
)

var _ session.Collections = (*Graph)(nil)

// AddToCollection keeps item beside the graph, where a [session.Scaffold], or
// another part of the program, finds it by key. Like all building it comes before
// Finalize.
func (g *Graph) AddToCollection(key string, item any) {
	if g.finalized {
		g.fault("an item is added to the collection %q after the graph was finalized", key)
		return
	}
	if g.collections == nil {
		g.collections = make(map[string][]any)
	}
	g.collections[key] = append(g.collections[key], item)
}

// Collection returns what was added under key, in order.
func (g *Graph) Collection(key string) []any { return slices.Clone(g.collections[key]) }
