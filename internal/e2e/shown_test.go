package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shown is one series that every reader must show. Of fields that are nil the
// readers need only agree.
type shown struct {
	run    string // "" is the log directory itself
	tag    string
	plugin string
	steps  []int64
	// values is a slice with one value a step: []float64 for scalars, []string
	// for text (HTML), [][][3]float64 for histograms (left edge, right edge,
	// count), [][]string for images and audio (blob of each sample).
	values any
	// wallTimes are in seconds.
	wallTimes []float64
	// description is the HTML of the series' description, "" for none.
	description string
}

// blob is how an answer names the bytes of a picture or a clip.
func blob(b []byte) string {
	digest := sha256.Sum256(b)
	return fmt.Sprintf("%d bytes, sha256 %x", len(b), digest[:8])
}

// requireShown fails the test unless all readers show want of the log directory
// dir, without differences, warnings, and anything besides.
func requireShown(t *testing.T, dir string, want []shown) {
	t.Helper()
	require.Empty(t, differences(requireAgreement(t, dir), want))
}

// serverPlugins are those whose series EventAccumulator has in parts only.
var serverPlugins = []string{"mesh", "graph tag"}

// differences says where a reader shows something else than want.
func differences(answer readersAnswer, want []shown) []string {
	var out []string
	for _, name := range []string{eventAccumulator, pythonServer, rustServer} {
		r := answer.Readers[name]
		say := func(format string, args ...any) {
			out = append(out, name+": "+fmt.Sprintf(format, args...))
		}
		for _, w := range r.Warnings {
			if !strings.Contains(w, "Purging") { // a restart, which shows in the steps
				say("warns: %s", w)
			}
		}
		for _, e := range r.Errors {
			say("error: %s", e)
		}
		type key struct{ run, tag string }
		expected := make(map[key]bool)
		for _, w := range want {
			if name == eventAccumulator && slices.Contains(serverPlugins, w.plugin) {
				continue
			}
			if w.run == "" {
				w.run = "."
			}
			expected[key{w.run, w.tag}] = true
			got, ok := r.Runs[w.run][w.tag]
			if !ok {
				say("run %q tag %q is not there", w.run, w.tag)
				continue
			}
			for _, d := range seriesDifferences(name, got, w) {
				say("run %q tag %q: %s", w.run, w.tag, d)
			}
		}
		for _, run := range slices.Sorted(maps.Keys(r.Runs)) {
			if len(r.Runs[run]) == 0 {
				say("run %q is empty", run)
			}
			for _, tag := range slices.Sorted(maps.Keys(r.Runs[run])) {
				if !expected[key{run, tag}] {
					say("run %q tag %q should not be there", run, tag)
				}
			}
		}
	}
	return out
}

func seriesDifferences(reader string, got series, want shown) []string {
	var out []string
	compare := func(what string, got, want any) {
		if g, w := plain(got), plain(want); g != w {
			out = append(out, fmt.Sprintf("%s: got %s, want %s", what, g, w))
		}
	}
	if got.Error != nil {
		out = append(out, fmt.Sprintf("error: %s", got.Error))
	}
	compare("plugin", got.Plugin, want.plugin)
	if want.steps != nil {
		compare("steps", got.Steps, want.steps)
	}
	if want.wallTimes != nil {
		compare("wall times", got.WallTimes, want.wallTimes)
	}
	if want.values != nil && !(reader == eventAccumulator && want.plugin == "pr_curves") {
		values := want.values
		if scalars, ok := values.([]float64); ok {
			values = asFloat32(scalars)
		}
		compare("values", got.Values, values)
	}
	if reader != eventAccumulator { // which has its Markdown
		compare("description", got.Description, want.description)
	}
	return out
}

// asFloat32 rounds, since a scalar that every reader shows is a float32.
func asFloat32(xs []float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = float64(float32(x))
	}
	return out
}

// plain returns v as JSON, with a name for every number that JSON has not, so
// that what was decoded and what a test says can be compared.
func plain(v any) string {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(named(reflect.ValueOf(v))); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func named(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Interface:
		return named(v.Elem())
	case reflect.Slice, reflect.Array:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = named(v.Index(i))
		}
		return out
	case reflect.Float64:
		switch x := v.Float(); {
		case math.IsNaN(x):
			return "NaN"
		case math.IsInf(x, 1):
			return "Infinity"
		case math.IsInf(x, -1):
			return "-Infinity"
		}
	case reflect.Invalid:
		return nil
	}
	return v.Interface()
}
