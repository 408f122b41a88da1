package session

import (
	"iter"
	"slices"
)

// Values are fetched values with the names that they were fetched by, in the
// order asked for. They are read-only.
//
// What a run hands out, to its caller as to its hooks, lives in buffers of the
// session and the engine: it is valid until the next run of that session
// begins. To keep it longer, [Values.Clone] it. Goroutines that share a session
// read values inside a step function ([MonitoredSession.RunStepFn]), which
// holds the session meanwhile.
type Values struct {
	names []string
	at    []int // where values has the value of each name; nil: in order
	vals  []Value
}

// Len is the number of fetches.
func (v Values) Len() int { return len(v.names) }

// Name returns the name of fetch i, which is at least 0 and below Len.
func (v Values) Name(i int) string { return v.names[i] }

// At returns the value of fetch i, which is at least 0 and below Len.
func (v Values) At(i int) Value {
	if v.at != nil {
		i = v.at[i]
	}
	return v.vals[i]
}

// Lookup returns the value that was fetched by name. ok is false if it was not
// fetched; an op without a value was, and gives the zero Value.
func (v Values) Lookup(name string) (value Value, ok bool) {
	for i, n := range v.names {
		if n == name {
			return v.At(i), true
		}
	}
	return Value{}, false
}

// All iterates over names and values in the order asked for.
func (v Values) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i, name := range v.names {
			if !yield(name, v.At(i)) {
				return
			}
		}
	}
}

// Clone returns a copy that stays as it is for good: tensors are copied, too.
// What was wrapped by [Any] is shared.
func (v Values) Clone() Values {
	vals := make([]Value, len(v.names))
	for i := range vals {
		vals[i] = v.At(i).Clone()
	}
	return Values{names: slices.Clone(v.names), vals: vals}
}
