package summary

import (
	"maps"
	"slices"

	"github.com/runhook/runhook/session"
)

// exactPlugin is the name under which exact scalars are kept beside those that
// TensorBoard draws.
const exactPlugin = "runhook_float64"

// ExactScalarValues returns a point of a curve twice, for one event: as TensorBoard
// draws it, in float32, and, under the tag with "/float64" behind, as a float64
// tensor of a plugin that no page shows but every reader keeps. A float64 tensor
// alone would be dropped by TensorBoard's data server.
func ExactScalarValues(tag string, value float64) ([]Value, error) {
	exact, err := TensorValue(tag+"/float64", Plugin{Name: exactPlugin}, session.Tensor{Data: []float64{value}})
	if err != nil {
		return nil, err
	}
	return []Value{ScalarValue(tag, value), exact}, nil
}

// ExactScalar writes a point of a curve without loss; see [ExactScalarValues].
func (w *Writer) ExactScalar(tag string, value float64, step int64) error {
	values, err := ExactScalarValues(tag, value)
	if err != nil {
		return err
	}
	return w.Add(step, values...)
}

// ExactScalar returns an op that makes a point of a curve without loss, of what
// [Scalar] takes; see [ExactScalarValues].
func ExactScalar(name, fetch string) Op {
	op := opOf("scalar", name, fetch, nil)
	op.values = func(dst []Value, tag string, in []input) ([]Value, error) {
		number, ok := in[0].Number()
		if !ok {
			return dst, in[0].want("a number")
		}
		values, err := ExactScalarValues(tag, number)
		return append(dst, values...), err
	}
	return op
}

// Scalars writes a point of a curve for each tag, all in one event.
func (w *Writer) Scalars(values map[string]float64, step int64) error {
	scalars := make([]Value, 0, len(values))
	for _, tag := range slices.Sorted(maps.Keys(values)) {
		scalars = append(scalars, ScalarValue(tag, values[tag]))
	}
	return w.Add(step, scalars...)
}
