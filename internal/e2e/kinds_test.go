package e2e

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

// TestEveryKindInEveryReader has the readers show what is awkward about each kind.
// The gallery, which has every kind, too, is among the examples.
func TestEveryKindInEveryReader(t *testing.T) {
	pythonOf(t)
	dir := t.TempDir()
	writeAwkward(t, dir)
	requireHeld(t, dir)
}

// requireHeld fails the test unless all readers show what the files of a log
// directory hold, the same tags, steps, values and plugins, nothing less, and
// nothing besides. With -v it prints a table.
func requireHeld(t *testing.T, dir string) {
	t.Helper()
	answer := requireAgreement(t, dir)
	files := filesHold(t, dir)
	require.NotEmpty(t, files.kinds)
	table := newTable(files)
	for _, name := range readerNames {
		require.Empty(t, answer.Readers[name].Warnings, name)
		require.Empty(t, answer.Readers[name].Errors, name)
		table.compare(name, entriesOf(t, name, answer.Readers[name]), files.of(name))
	}
	t.Log("\n" + table.String())
	require.Empty(t, table.faults)
}

var readerNames = []string{eventAccumulator, pythonServer, rustServer}

func (h held) of(reader string) entries {
	if reader == eventAccumulator {
		return h.accumulator
	}
	return h.servers
}

// A table says for each kind how many tags and steps each reader shows as the
// files hold them.
type table struct {
	kinds  map[string]map[string]string // of what the files hold
	cells  map[string]map[string]*cell  // by kind and reader
	faults []string
}

type cell struct{ tags, steps, different int }

func newTable(h held) *table { return &table{kinds: h.kinds, cells: make(map[string]map[string]*cell)} }

// compare fills a column.
func (tb *table) compare(reader string, got, want entries) {
	runs := maps.Clone(got)
	maps.Copy(runs, want)
	for _, run := range slices.Sorted(maps.Keys(runs)) {
		for tag, w := range want[run] {
			c := tb.cell(tb.kinds[run][tag], reader)
			c.tags++
			c.steps += len(w.steps)
			if len(faults(map[string]entry{tag: got[run][tag]}, map[string]entry{tag: w})) > 0 {
				c.different++
			}
		}
		for _, f := range faults(got[run], want[run]) {
			tb.faults = append(tb.faults, fmt.Sprintf("%s: run %q: %s", reader, run, f))
		}
	}
}

func (tb *table) cell(kind, reader string) *cell {
	if tb.cells[kind] == nil {
		tb.cells[kind] = make(map[string]*cell)
		for _, name := range readerNames {
			tb.cells[kind][name] = new(cell)
		}
	}
	return tb.cells[kind][reader]
}

func (tb *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "kind\tEventAccumulator\tPython server\tdata server")
	for _, kind := range slices.Sorted(maps.Keys(tb.cells)) {
		fmt.Fprint(w, kind)
		for _, name := range readerNames {
			fmt.Fprintf(w, "\t%v", tb.cells[kind][name])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return b.String()
}

func (c *cell) String() string {
	switch {
	case c.tags == 0:
		return "no page of its own"
	case c.different > 0:
		return fmt.Sprintf("tags: %d, DIFFERENT: %d", c.tags, c.different)
	case c.steps == 0:
		return fmt.Sprintf("tags: %d, the same", c.tags)
	}
	return fmt.Sprintf("tags: %d, steps: %d, the same", c.tags, c.steps)
}

func TestFaultsOfAReaderAreFound(t *testing.T) {
	loss := map[string]entry{"loss": {"scalars", []int64{1, 2}, []any{0.5, math.NaN()}}}
	require.Empty(t, faults(loss, loss))
	require.Empty(t, faults(loss, map[string]entry{"loss": {plugin: "scalars"}}))
	for _, test := range []struct {
		got  map[string]entry
		want string
	}{
		{nil, `"loss" is not shown`},
		{map[string]entry{"loss": {"text", []int64{1, 2}, []any{0.5, math.NaN()}}}, `"loss": plugin: got "text", want "scalars"`},
		{map[string]entry{"loss": {"scalars", []int64{1, 3}, []any{0.5, math.NaN()}}}, `"loss": steps: got [1,3], want [1,2]`},
		{map[string]entry{"loss": {"scalars", []int64{1, 2}, []any{0.5, 0.0}}}, `"loss": values: got [0.5,0], want [0.5,"NaN"]`},
		{map[string]entry{"loss": loss["loss"], "cost": {}}, `"cost" should not be shown`},
	} {
		require.Equal(t, []string{test.want}, faults(test.got, loss))
	}

	held := held{kinds: map[string]map[string]string{"a": {"loss": "scalar"}}}
	tb := newTable(held)
	tb.compare(rustServer, entries{"b": loss}, entries{"a": loss})
	require.Equal(t, []string{`rb: run "a": "loss" is not shown`, `rb: run "b": "loss" should not be shown`}, tb.faults)
	require.Contains(t, tb.String(), "tags: 1, DIFFERENT: 1")
}
