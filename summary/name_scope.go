package summary

import (
	"fmt"
	"strings"
	"sync"
)

// A NameScope gives summary ops the tags that TensorFlow's v1 summary ops get in
// a graph: behind the scopes that they are made in, with _1, _2 … when a name
// comes again, and a family in front. Tags are names for Scalar, Histogram and
// all the other ops. Unlike a graph it takes letters of all scripts.
//
// The zero value is the root of a graph of its own. A NameScope may be used by
// any number of goroutines, which then get the numbers as they come.
type NameScope struct {
	prefix string // with a slash at its end, or ""
	used   *usedNames
	root   usedNames // used, if this is a root
}

// usedNames are those of one graph.
type usedNames struct {
	mu    sync.Mutex
	count map[string]int // by name in lower case: how often it was wanted
}

// unique returns name, with a number if it is in use. As in a graph, case makes
// no difference.
func (u *usedNames) unique(name string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count == nil {
		u.count = make(map[string]int)
	}
	key := strings.ToLower(name)
	n := u.count[key]
	u.count[key]++
	if n == 0 {
		return name
	}
	numbered := key
	for u.count[numbered] > 0 {
		numbered = fmt.Sprintf("%s_%d", key, n)
		n++
	}
	u.count[numbered] = 1
	return fmt.Sprintf("%s_%d", name, n-1)
}

func (s *NameScope) names() *usedNames {
	if s.used != nil {
		return s.used
	}
	return &s.root
}

// Scope returns the scope name inside of this one. A second one of a name is
// another scope, name_1. One that has a slash at its end is opened again: it is
// taken as the whole name of a scope.
func (s *NameScope) Scope(name string) *NameScope {
	return &NameScope{prefix: s.enter(CleanName(name)) + "/", used: s.names()}
}

// enter returns the full name of a scope or an op.
func (s *NameScope) enter(name string) string {
	if whole := strings.TrimRight(name, "/"); name == "" || whole != name {
		return whole
	}
	return s.names().unique(s.prefix + name)
}

// Tag returns the tag of an op that is made in this scope.
func (s *NameScope) Tag(name string) string { return s.enter(CleanName(name)) }

// FamilyTag returns the tag of an op with a family, by which TensorBoard groups:
// family/scope/family/name. Without a family it is Tag.
func (s *NameScope) FamilyTag(family, name string) string {
	family = CleanName(family)
	if family == "" {
		return s.Tag(name)
	}
	return family + "/" + s.enter(family+"/"+CleanName(name))
}
