package tftrace

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
)

// binding returns what of a trace an implementation has to match.
func (tr trace) binding(isProbe func(hook string) bool) trace {
	out := trace{Files: make(map[string][]event)}
	for _, e := range tr.Events {
		if e["ev"] == "raw_run" && rereadsStep(e) && e["by"] != "caller" && !isProbe(e["by"].(string)) {
			continue
		}
		e = maps.Clone(e)
		maps.DeleteFunc(e, func(key string, value any) bool {
			empty, ok := value.(map[string]any)
			return value == nil || key == "text" || ok && len(empty) == 0
		})
		if e["error"] != nil {
			delete(e, "asks_stop") // the format does not say that it is noted of a callback that fails
		}
		if request, ok := e["request"].(map[string]any); ok {
			if fetches, ok := request["fetches"].([]any); ok && len(fetches) == 0 {
				request = maps.Clone(request)
				delete(request, "fetches") // it asks for nothing
				e["request"] = request
			}
		}
		out.Events = append(out.Events, e)
	}
	for folder, events := range tr.Files {
		events = slices.DeleteFunc(slices.Clone(events), func(e event) bool {
			return e["event"] == "graph_def" || e["event"] == "meta_graph_def"
		})
		if len(events) > 0 {
			out.Files[folder] = events
		}
	}
	return out
}

// rereadsStep reports whether a raw run is how a hook re-reads the global step.
func rereadsStep(e event) bool {
	return reflect.DeepEqual(e["fetches"], []any{"global_step"})
}

// An errorRule says when two errors are the same.
type errorRule func(want, got []errorPart, e event) bool

// exactly wants the same errors, joined in any order.
func exactly(want, got []errorPart, _ event) bool {
	return slices.EqualFunc(distinct(want), distinct(got), errorPart.same)
}

// lastOfJoined lets an implementation join what meets when a session is closed,
// where TensorFlow raises the later error.
func lastOfJoined(want, got []errorPart, e event) bool {
	if len(want) == 1 && e["ev"] == "raise" && (e["op"] == "exit" || e["op"] == "close") {
		return slices.ContainsFunc(got, want[0].same)
	}
	return exactly(want, got, e)
}

// difference describes the first event in which two traces, or their files,
// differ; "" if they are the same.
func difference(want, got trace, same errorRule) string {
	if at := firstDifference(want.Events, got.Events, same); at >= 0 {
		return fmt.Sprintf("event %d\n\twant %s\n\tgot  %s", at, at.of(want.Events), at.of(got.Events))
	}
	folders := make(map[string]bool)
	for _, files := range []map[string][]event{want.Files, got.Files} {
		for folder := range files {
			folders[folder] = true
		}
	}
	for _, folder := range sortedKeys(folders) {
		w, g := want.Files[folder], got.Files[folder]
		if at := firstDifference(w, g, same); at >= 0 {
			return fmt.Sprintf("folder %q, event %d\n\twant %s\n\tgot  %s", folder, at, at.of(w), at.of(g))
		}
	}
	return ""
}

// A place in a list of events; -1 is none.
type place int

func (at place) of(events []event) string {
	if int(at) >= len(events) {
		return "nothing"
	}
	e := maps.Clone(events[at])
	if parts, ok := e["error"].([]errorPart); ok {
		e["error"] = fmt.Sprint(parts)
	}
	shown, err := json.Marshal(e)
	if err != nil {
		return fmt.Sprint(e)
	}
	return string(shown)
}

func firstDifference(want, got []event, same errorRule) place {
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || !want[i].same(got[i], same) {
			return place(i)
		}
	}
	return -1
}

func (e event) same(got event, sameError errorRule) bool {
	w, g := maps.Clone(e), maps.Clone(got)
	wantErr, _ := w["error"].([]errorPart)
	gotErr, _ := g["error"].([]errorPart)
	delete(w, "error")
	delete(g, "error")
	return reflect.DeepEqual(w, g) && (len(wantErr) == 0) == (len(gotErr) == 0) && (len(wantErr) == 0 || sameError(wantErr, gotErr, e))
}

func TestEveryFieldOfAnEventCounts(t *testing.T) {
	leaktest.Check(t)
	internal, unknown := errorPart{"internal", "scripted internal"}, errorPart{"unknown", "scripted unknown"}
	of := func(events ...event) trace { return trace{Events: events} }
	exit := func(parts ...errorPart) event { return event{"ev": "raise", "op": "exit", "error": parts} }
	run := func(parts ...errorPart) event { return event{"ev": "raise", "op": "run", "error": parts} }
	for name, c := range map[string]struct {
		want, got trace
		rule      errorRule
		same      bool
	}{
		"the same":                         {of(event{"t": 1.0}), of(event{"t": 1.0}), exactly, true},
		"a value":                          {of(event{"t": 1.0}), of(event{"t": 1.5}), exactly, false},
		"a field more":                     {of(event{"t": 1.0}), of(event{"t": 1.0, "stop": true}), exactly, false},
		"an event more":                    {of(), of(event{"t": 1.0}), exactly, false},
		"an event less":                    {of(event{"t": 1.0}), of(), exactly, false},
		"an error more":                    {of(event{"ev": "raise"}), of(exit(internal)), lastOfJoined, false},
		"an error of another kind":         {of(exit(internal)), of(exit(unknown)), lastOfJoined, false},
		"another text that was scripted":   {of(run(internal)), of(run(errorPart{"internal", "x"})), exactly, false},
		"another text of the library's":    {of(run(errorPart{"internal", "x"})), of(run(errorPart{"internal", "y"})), exactly, true},
		"an error joined to that of exit":  {of(exit(internal)), of(exit(unknown, internal)), lastOfJoined, true},
		"joined errors, all of them":       {of(exit(internal, unknown)), of(exit(unknown, internal)), lastOfJoined, true},
		"one of several joined errors":     {of(exit(internal, unknown)), of(exit(unknown)), lastOfJoined, false},
		"the same, where all are expected": {of(exit(internal)), of(exit(unknown, internal)), exactly, false},
		"an error joined to that of a run": {of(run(internal)), of(run(unknown, internal)), lastOfJoined, false},
		"the order of joined errors":       {of(exit(internal, unknown)), of(exit(unknown, internal)), exactly, true},
		"an event in a file": {
			trace{Files: map[string][]event{"logs": {{"t": 1.0}}}}, trace{Files: map[string][]event{}}, exactly, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			diff := difference(c.want, c.got, c.rule)
			require.Equal(t, c.same, diff == "", diff)
		})
	}
}
