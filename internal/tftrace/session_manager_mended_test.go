package tftrace

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
)

// mended returns a trace of TensorFlow as it is without the mistakes that this
// library does not share, and the numbers of those that show in it. To make one
// of them, too, is a difference.
func (s *managerScenario) mended(tr trace) (trace, []string) {
	var out []event
	shows := make(map[string]bool)
	done := 0 // operations
	for _, e := range tr.Events {
		if e["ev"] == "open_session" && s.Ops[done].excludes() {
			continue // none is opened for nothing
		}
		if e["ev"] != "return" && e["ev"] != "raise" {
			out = append(out, e)
			continue
		}
		e = maps.Clone(e)
		left, ok := e["left_open"].([]any)
		switch {
		case s.Ops[done].excludes():
			shows["D-09"] = true
			e["error"] = []errorPart{{kind: "value_error"}}
		case ok:
			shows["D-09"] = true
			out = append(out, s.closed(left, e["t"])...)
		}
		delete(e, "left_open")
		if parts, ok := e["error"].([]errorPart); ok && isUnformatted(parts[0]) {
			shows["D-16"] = true
			e["error"] = []errorPart{{parts[0].kind, s.ambiguous()}}
		}
		out = append(out, e)
		done++
	}
	return trace{Events: out}, sortedKeys(shows)
}

// closed is what happens to the sessions that TensorFlow leaves open when an
// operation fails (D-09).
func (s *managerScenario) closed(left []any, t any) []event {
	var closed []event
	for _, number := range left {
		e := event{"ev": "close_session", "t": t, "session": number}
		for _, fault := range s.CloseFaults {
			if float64(fault.At) == number {
				e.fail(fault.err())
			}
		}
		closed = append(closed, e)
	}
	return closed
}

// isUnformatted reports whether an error is the tuple of a format and its
// arguments (D-16).
func isUnformatted(p errorPart) bool {
	return strings.HasPrefix(p.message, "(") && strings.Contains(p.message, `collection "%s"`)
}

// ambiguous is what has to be in the text of the error for the collection with
// more than one item.
func (s *managerScenario) ambiguous() string {
	for _, piece := range pieces {
		if len(s.Collections[piece.name]) > 1 {
			return fmt.Sprintf("collection %q", piece.key)
		}
	}
	return "no collection"
}

// sameManagerErrors wants the same kind, and the same text where the scenario
// has set it: that of what it made fail. That the error of an ambiguous collection
// names it, which TensorFlow means to do, is binding, too.
func sameManagerErrors(want, got []errorPart, e event) bool {
	if len(want) != 1 || len(got) != 1 || want[0].kind != got[0].kind {
		return false
	}
	w, g := want[0].message, got[0].message
	switch {
	case strings.HasPrefix(w, "collection "):
		return strings.Contains(g, w)
	case strings.HasPrefix(w, "scripted ") || e["ev"] == "run":
		return w == g
	}
	return true
}

// Sessions that TensorFlow leaves open it cannot fail to close.
func TestASessionThatIsLeftOpenMayFailToClose(t *testing.T) {
	leaktest.Check(t)
	d := parseDocument(t, "here", []byte(`{"scenario": {
		"name": "x", "family": "session_manager", "close_faults": [{"at": 1, "kind": "internal"}],
		"checkpoint_states": [{"dir": "d", "model_checkpoint_path": "d/m-2"}], "saver": {"outcomes": ["not_found"]},
		"ops": [{"op": "prepare_session", "init_op": "init", "saver": true, "checkpoint_dir": "d"}]
	}, "trace": {"events": [
		{"ev": "open_session", "t": 0, "session": 1},
		{"ev": "restore", "t": 0, "session": 1, "path": "d/m-2", "error": {"kind": "not_found", "message": "scripted not_found"}},
		{"ev": "raise", "t": 0, "op": "prepare_session", "left_open": [1], "error": {"kind": "not_found", "message": "scripted not_found"}}
	]}}`))
	require.Equal(t, outcome{deviations: []string{"D-09"}}, replayDocument(t, d))
}
