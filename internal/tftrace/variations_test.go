package tftrace

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
)

// TestVariations asks the model about jobs of which there is no recorded trace:
// those of the documents, with more faults, probes and operations put in. The
// library has to do what TensorFlow would, its mistakes mended.
func TestVariations(t *testing.T) {
	leaktest.Check(t)
	const variations = 600
	var documents []document
	for _, d := range readDocuments(t, "testdata") {
		if d.family == "lifecycle" && !closesWriter(parseScenario(t, d)) {
			documents = append(documents, d)
		}
	}
	for seed := range uint64(variations) {
		v := variation{rand.New(rand.NewPCG(1, seed))}
		d := documents[v.IntN(len(documents))]
		t.Run(fmt.Sprintf("%s/%d", d.name, seed), func(t *testing.T) {
			s := parseScenario(t, d)
			v.vary(s)
			if diff := difference(playModel(t, s, allMended(mistakes)), playLibrary(t, s), exactly); diff != "" {
				scenario, err := json.Marshal(s)
				require.NoError(t, err)
				t.Errorf("%s\nscenario %s", diff, scenario)
			}
		})
	}
}

// closesWriter reports whether a user closes a writer, after which this library
// refuses values that TensorFlow drops.
func closesWriter(s *scenario) bool {
	return slices.ContainsFunc(s.Phases, func(p phaseSpec) bool {
		return slices.ContainsFunc(p.Program, func(op operation) bool { return op.Op == "close_writer" })
	})
}

// A variation changes scenarios at random.
type variation struct{ *rand.Rand }

func one[T any](v variation, of ...T) T { return of[v.IntN(len(of))] }

func (v variation) kind() string {
	return one(v, "aborted", "unavailable", "out_of_range", "stop_iteration", "internal", "deadline_exceeded",
		"cancelled", "value_error", "out_of_range_subclass")
}

func (v variation) vary(s *scenario) {
	s.Hooks = slices.DeleteFunc(s.Hooks, func(h hookSpec) bool {
		return libraryHooks[h.Type] == nil || modelHooks[h.Type] == nil
	})
	for i := range v.IntN(3) {
		at := one(v, 0, len(s.Hooks))
		s.Hooks = slices.Insert(s.Hooks, at, v.probe(fmt.Sprintf("varied%d", i)))
	}
	s.Engine.OnRecreate = one(v, s.Engine.OnRecreate, "keep", "reset")
	for range v.IntN(3) {
		s.Engine.Faults = append(s.Engine.Faults, faultSpec{At: 1 + v.IntN(8), Kind: v.kind(), When: one(v, "before", "after")})
	}
	for range v.IntN(2) {
		s.Engine.CreateFaults = append(s.Engine.CreateFaults, faultSpec{At: 1 + v.IntN(4), Kind: v.kind()})
	}
	for i := range s.Phases {
		p := &s.Phases[i]
		p.Session = one(v, p.Session, "monitored", "singular")
		p.Style = one(v, p.Style, "with", "explicit")
		p.Hooks = slices.DeleteFunc(p.Hooks, func(name string) bool {
			return !slices.ContainsFunc(s.Hooks, func(h hookSpec) bool { return h.Name == name })
		})
		for range v.IntN(4) {
			p.Program = slices.Insert(p.Program, v.IntN(len(p.Program)+1), v.operation())
		}
	}
}

// probe makes a probe that does this and that.
func (v variation) probe(name string) hookSpec {
	var actions []map[string]any
	for range 1 + v.IntN(3) {
		a := map[string]any{"at": 1 + v.IntN(5), "kind": v.kind()}
		a["do"] = one(v, "request_stop", "raise", "run", "coord_stop", "coord_stop", "start_thread")
		switch a["do"] {
		case "request_stop":
			a["in"] = one(v, "before_run", "after_run")
		case "raise":
			a["in"] = one(v, "begin", "after_create_session", "before_run", "after_run", "end")
		case "run":
			a["in"], a["fetches"] = one(v, "after_create_session", "before_run", "after_run", "end"), "train"
		case "coord_stop":
			a["in"] = one(v, "after_create_session", "before_run", "after_run")
			if v.IntN(3) == 0 {
				delete(a, "kind")
			}
		case "start_thread":
			a["in"], a["at"], a["thread"] = "after_create_session", 0, one(v, "t1", "t2", "t3")
		}
		actions = append(actions, a)
	}
	arguments, err := json.Marshal(map[string]any{"actions": actions})
	if err != nil {
		panic(err)
	}
	return hookSpec{Type: "probe", Name: name, arguments: arguments}
}

func (v variation) operation() operation {
	train := runSpec{Fetches: "train"}
	op := operation{runSpec: train, Max: 3, Kind: v.kind(), Catch: v.IntN(2) == 0}
	op.Op = one(v, "should_stop", "run", "run", "close", "run_until_stop", "run_step_fn", "raise")
	for range 1 + v.IntN(3) {
		op.Steps = append(op.Steps, stepSpec{
			Do: one(v, "run", "run", "raw_run", "request_stop", "raise"), runSpec: train, Kind: v.kind(), Attempt: 1,
		})
	}
	return op
}
