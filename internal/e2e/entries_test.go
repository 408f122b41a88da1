package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// An entry is what a reader shows under one tag of one run.
type entry struct {
	plugin string
	steps  []int64
	values any // one a step, in the plugin's form; nil: the readers need only agree
}

// entries are all of a log directory, by run and tag.
type entries map[string]map[string]entry

func (e entries) put(run, tag string, what entry) {
	if e[run] == nil {
		e[run] = make(map[string]entry)
	}
	e[run][tag] = what
}

// allRuns is where entries stand that are not of one run.
const allRuns = "all runs"

// entriesOf returns what a reader shows: all of its series and, of a server, what
// its pages for hyperparameters, custom scalars and embeddings show, under the
// tags that the files have it at.
func entriesOf(t *testing.T, name string, r reader) entries {
	t.Helper()
	all := make(entries)
	for _, part := range []map[string]map[string]series{r.Runs, r.Other} {
		for run, tags := range part {
			for tag, s := range tags {
				all.put(run, tag, entry{s.Plugin, s.Steps, plainValues(s)})
			}
		}
	}
	if name == eventAccumulator {
		return all
	}

	var others map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(r.OtherPlugins, &others))
	delete(others, "listed")
	for plugin, text := range others {
		var runs map[string]map[string]series
		require.NoError(t, json.Unmarshal(text, &runs))
		for run, tags := range runs {
			for tag, s := range tags {
				all.put(run, tag, entry{plugin, s.Steps, s.Values})
			}
		}
	}
	putHParams(t, all, r.HParams)
	putLayout(t, all, r.CustomScalars)
	putEmbeddings(t, all, r.Projector)
	return all
}

// plainValues are the values of a series without what a page adds to them, and
// of a graph how many nodes it has. The shape of a part of a mesh is that of the
// tag's first.
func plainValues(s series) any {
	if s.Nodes > 0 {
		return s.Nodes
	}
	if s.Values == nil {
		return nil
	}
	for i, v := range s.Values {
		v, ok := v.(map[string]any)
		if !ok {
			continue
		}
		delete(v, "thresholds")
		if part, ok := v["part"]; ok {
			s.Values[i] = map[string]any{"step": v["step"], "part": part, "data": v["data"]}
		}
	}
	return s.Values
}

func putHParams(t *testing.T, all entries, text json.RawMessage) {
	t.Helper()
	var page struct {
		Groups struct {
			All []struct {
				HParams  map[string]any `json:"hparams"`
				Sessions []struct {
					Name, Status string
				} `json:"sessions"`
			} `json:"sessionGroups"`
		} `json:"session_groups"`
	}
	require.NoError(t, json.Unmarshal(text, &page))
	for _, group := range page.Groups.All {
		for _, s := range group.Sessions {
			all.put(s.Name, sessionStartTag, entry{plugin: "hparams", values: group.HParams})
			all.put(s.Name, sessionEndTag, entry{plugin: "hparams", values: s.Status})
		}
	}
}

func putLayout(t *testing.T, all entries, text json.RawMessage) {
	t.Helper()
	var page struct {
		Layout struct {
			Category []struct {
				Title string
				Chart []struct{ Title string }
			}
		}
		Drawn map[string]any
	}
	require.NoError(t, json.Unmarshal(text, &page))
	var titles [][]string
	for _, category := range page.Layout.Category {
		row := []string{category.Title}
		for _, chart := range category.Chart {
			row = append(row, chart.Title)
		}
		titles = append(titles, row)
	}
	if len(page.Drawn) > 0 { // in any run: a layout is for all of them
		all.put(allRuns, layoutTag, entry{plugin: "custom_scalars", values: titles})
	}
}

func putEmbeddings(t *testing.T, all entries, text json.RawMessage) {
	t.Helper()
	var page struct {
		Runs map[string]struct {
			Files map[string]struct {
				HTTP int
				Data string
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &page))
	for run, r := range page.Runs {
		files := make(map[string]string)
		for name, f := range r.Files {
			files[name] = f.Data
			if f.HTTP != 200 {
				files[name] = fmt.Sprintf("HTTP %d", f.HTTP)
			}
		}
		all.put(run, projectorFile, entry{plugin: "projector", values: files})
	}
}

// faults says where a reader shows something else than what the files hold.
func faults(got, want map[string]entry) []string {
	var out []string
	for _, tag := range slices.Sorted(maps.Keys(want)) {
		g, ok := got[tag]
		if !ok {
			out = append(out, fmt.Sprintf("%q is not shown", tag))
			continue
		}
		w := want[tag]
		compare := func(what string, got, want any) {
			if g, w := plain(got), plain(want); g != w {
				out = append(out, fmt.Sprintf("%q: %s: got %.400s, want %.400s", tag, what, g, w))
			}
		}
		compare("plugin", g.plugin, w.plugin)
		if w.steps != nil {
			compare("steps", g.steps, w.steps)
		}
		if w.values != nil {
			compare("values", g.values, w.values)
		}
	}
	for _, tag := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[tag]; !ok {
			out = append(out, fmt.Sprintf("%q should not be shown", tag))
		}
	}
	return out
}
