package tftrace

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
)

// An event of a trace, as JSON has it: numbers are float64. The value of "error"
// is []errorPart.
type event map[string]any

// A trace is what was seen of a job.
type trace struct {
	Events []event
	Files  map[string][]event
}

// A recorder writes the events of a trace. t is counted from its making.
type recorder struct {
	start  time.Time
	events []event
	off    bool // events are thrown away
	noting bool // notes are written
}

func newRecorder() *recorder { return &recorder{start: time.Now()} }

// now is the time since the start in seconds.
func (r *recorder) now() float64 { return time.Since(r.start).Seconds() }

// add writes an event with fields given as key, value, key, value …; fields
// whose value is nil are left out. What came of it can be set later.
func (r *recorder) add(ev string, fields ...any) event {
	e := event{"ev": ev, "t": r.now()}
	for i := 0; i < len(fields); i += 2 {
		e.set(fields[i].(string), fields[i+1])
	}
	if !r.off {
		r.events = append(r.events, e)
	}
	return e
}

// note writes an event that lifecycle traces do not have: what came of something,
// when it is over.
func (r *recorder) note(ev string, fields ...any) event {
	if !r.noting {
		return event{}
	}
	return r.add(ev, fields...)
}

// set sets a field unless the value is nil, or an empty list or map.
func (e event) set(key string, value any) {
	if v := reflect.ValueOf(value); !v.IsValid() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0 {
		return
	}
	e[key] = asJSON(value)
}

func (e event) fail(err error) error {
	if err != nil {
		e["error"] = partsOf(err)
	}
	return err
}

// asJSON returns v as encoding/json would have decoded it, but for NaN and
// infinities, which are strings in documents.
func asJSON(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case float32:
		return asJSON(float64(v))
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		}
		return v
	case []string:
		return asList(v)
	case []float32:
		return asList(v)
	case []any:
		return asList(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = asJSON(value)
		}
		return out
	case session.Value:
		if t, ok := v.Tensor(); ok {
			return asJSON(t.Data)
		}
		return asJSON(v.Any())
	}
	return v
}

func asList[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = asJSON(v)
	}
	return out
}

// toValue returns what a document has for a value, as float32.
func toValue(v any) session.Value {
	if list, ok := v.([]any); ok {
		data := make([]float32, len(list))
		for i, element := range list {
			data[i] = toFloat(element)
		}
		return session.TensorOf(data)
	}
	return session.Float32(toFloat(v))
}

func toFloat(v any) float32 {
	switch v {
	case "NaN":
		return float32(math.NaN())
	case "Infinity":
		return float32(math.Inf(1))
	case "-Infinity":
		return float32(math.Inf(-1))
	}
	number, ok := v.(float64)
	if !ok {
		panic(fmt.Sprintf("value %v of type %T", v, v))
	}
	return float32(number)
}

// recorded returns TensorFlow's trace of a document.
func recorded(t *testing.T, d document) trace {
	t.Helper()
	var tr trace
	require.NoError(t, json.Unmarshal(d.Trace, &tr))
	for _, e := range tr.Events {
		if shown, ok := e["error"].(map[string]any); ok {
			message, _ := shown["message"].(string)
			e["error"] = []errorPart{{shown["kind"].(string), message}}
		}
	}
	return tr
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// sortedNames returns names in order, each once.
func sortedNames(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
