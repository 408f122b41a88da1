// Package tftrace replays what was recorded from the real TensorFlow 2.21: each
// document of testdata holds a scenario, a small training job, and the trace of
// it, every callback, run, result and event in the files. The scenario is played
// on this library and the traces are compared, event by event.
//
// A document is identical, or deviates as documented, or is different, which
// fails the test, as does one that is not yet run because it needs what nobody
// here knows.
// A deviation counts as documented only if the trace is, to the event, what
// TensorFlow's becomes when the mistake of that number is mended; what a
// document is labelled with does not matter.
//
// For scenarios with monitored sessions a model of TensorFlow tells what that
// is. It makes TensorFlow's mistakes, each of which can be mended:
//
//	            ┌▶ library ─────────────────────▶ trace ──┐
//	scenario ───┼▶ model, all mistakes mended ──▶ trace ──┴─ the same
//	            └▶ model, as TensorFlow ────────▶ trace ──┬─ the same
//	document ───────────────────────── recorded ▶ trace ──┘
//
// A hook that is new here gets an entry in libraryHooks and one in modelHooks.
//
// RUNHOOK_TRACES, a list like PATH, names more files and folders to replay.
package tftrace

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
)

// A document is one scenario with its trace, both still encoded: each family
// has its own form.
type document struct {
	Scenario json.RawMessage `json:"scenario"`
	Trace    json.RawMessage `json:"trace"`

	name, family string
}

// An outcome is what came of replaying a document. The zero outcome is
// identical.
type outcome struct {
	deviations []string // numbers, such as "D-01"; sorted
	different  string   // the first difference, expected beside got
	notRun     string   // what it needs that is not there
}

// replayers play the documents of a family. A family without one is not run yet.
// Each file registers its own, in an init function.
var replayers = map[string]func(t *testing.T, d document) outcome{}

func TestEveryTestChecksForLeaks(t *testing.T) {
	leaktest.Check(t)
	leaktest.InEveryTest(t)
}

func TestReplay(t *testing.T) {
	leaktest.Check(t)
	paths := []string{"testdata"}
	if more := os.Getenv("RUNHOOK_TRACES"); more != "" {
		paths = append(paths, filepath.SplitList(more)...)
	}
	var total tally
	for _, path := range paths {
		for _, d := range readDocuments(t, path) {
			t.Run(d.family+"/"+d.name, func(t *testing.T) {
				o := outcome{different: "the replay was given up"} // by require, which has said why
				defer func() { total.add(o) }()
				o = replayDocument(t, d)
				if wrong := cmp.Or(o.notRun, o.different); wrong != "" {
					t.Error(wrong)
				}
			})
		}
	}
	t.Log(total.String())
}

// replayDocument plays d. A document that the replay cannot cope with is
// different, and does not keep the others from being played.
func replayDocument(t *testing.T, d document) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o = outcome{different: fmt.Sprintf("the replay panics: %v", p)}
		}
	}()
	replay, ok := replayers[d.family]
	if !ok {
		return unknown("family " + d.family)
	}
	return replay(t, d)
}

// unknown is the outcome of a document that needs what is not there.
func unknown(what string) outcome { return outcome{notRun: "nobody knows the " + what} }

// inBubble calls f in a bubble of time. If f panics, so does inBubble, where
// replayDocument can see it.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	var failed any
	synctest.Test(t, func(t *testing.T) {
		defer func() { failed = recover() }()
		f(t)
	})
	if failed != nil {
		panic(failed)
	}
}

func TestWhatNobodyKnowsIsNotRun(t *testing.T) {
	leaktest.Check(t)
	require.Equal(t, outcome{notRun: "nobody knows the family chekpoints"}, replayDocument(t, document{family: "chekpoints"}))
}

func TestAReplayThatPanicsIsDifferent(t *testing.T) {
	leaktest.Check(t)
	replayers["broken"] = func(*testing.T, document) outcome { panic("index out of range") }
	defer delete(replayers, "broken")
	require.Equal(t, outcome{different: "the replay panics: index out of range"}, replayDocument(t, document{family: "broken"}))
}

func TestAnArgumentThatNobodyKnowsIsDifferent(t *testing.T) {
	leaktest.Check(t)
	d := parseDocument(t, "here", []byte(`{"scenario": {
		"name": "x", "family": "lifecycle", "hooks": [{"type": "stop_at_step", "name": "stop", "last_step": 3, "grace": 1}]
	}, "trace": {}}`))
	require.Equal(t, outcome{different: `the replay panics: hook "stop": json: unknown field "grace"`}, replayDocument(t, d))
}

// A tally counts outcomes.
type tally struct {
	identical, deviating, notRun, different int
	deviations                              map[string]int
}

func (n *tally) add(o outcome) {
	switch {
	case o.notRun != "":
		n.notRun++
	case o.different != "":
		n.different++
	case len(o.deviations) > 0:
		n.deviating++
		for _, d := range o.deviations {
			if n.deviations == nil {
				n.deviations = make(map[string]int)
			}
			n.deviations[d]++
		}
	default:
		n.identical++
	}
}

// String is the closing line of the test.
func (n *tally) String() string {
	return fmt.Sprintf("traces: %d identical, %d deviate as documented%s, %d not yet run, %d different",
		n.identical, n.deviating, listed(n.deviations), n.notRun, n.different)
}

func listed(counts map[string]int) string {
	if len(counts) == 0 {
		return ""
	}
	var parts []string
	for _, key := range slices.SortedFunc(maps.Keys(counts), cmp.Compare[string]) {
		parts = append(parts, fmt.Sprintf("%s: %d", key, counts[key]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// readDocuments reads a file, or all below a folder in the order of their names:
// *.json holds one document, *.jsonl and *.jsonl.gz one a line.
func readDocuments(t *testing.T, path string) []document {
	t.Helper()
	var documents []document
	err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		switch {
		case strings.HasSuffix(path, ".json"):
			documents = append(documents, parseDocument(t, path, content))
		case strings.HasSuffix(path, ".jsonl.gz"):
			unzipped, err := gzip.NewReader(bytes.NewReader(content))
			require.NoError(t, err, path)
			documents = append(documents, parseLines(t, path, unzipped)...)
		case strings.HasSuffix(path, ".jsonl"):
			documents = append(documents, parseLines(t, path, bytes.NewReader(content))...)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, documents, "no documents in %s", path)
	return documents
}

func parseLines(t *testing.T, path string, r io.Reader) []document {
	t.Helper()
	var documents []document
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		documents = append(documents, parseDocument(t, path, bytes.Clone(lines.Bytes())))
	}
	require.NoError(t, lines.Err(), path)
	return documents
}

func parseDocument(t *testing.T, path string, content []byte) document {
	t.Helper()
	var d document
	require.NoError(t, json.Unmarshal(content, &d), path)
	var head struct{ Name, Family string }
	require.NoError(t, json.Unmarshal(d.Scenario, &head), path)
	require.NotEmpty(t, head.Family, path)
	d.name, d.family = head.Name, head.Family
	return d
}

func TestTallyClosesWithOneLine(t *testing.T) {
	leaktest.Check(t)
	var n tally
	for _, o := range []outcome{{}, {}, {deviations: []string{"D-01", "N-13"}}, {notRun: "x"}, {different: "x"}, {different: "y"}} {
		n.add(o)
	}
	require.Equal(t, "traces: 2 identical, 1 deviate as documented (D-01: 1, N-13: 1), 1 not yet run, 2 different", n.String())
}
