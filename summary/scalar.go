package summary

import (
	"fmt"

	"github.com/runhook/runhook/session"
)

// ScalarValue returns a point of a curve. TensorBoard keeps scalars as float32,
// so that a value beyond its range becomes infinite; NaN and infinities are
// shown as such.
func ScalarValue(tag string, value float64) Value {
	return Value{tag: tag, metadata: scalarMetadata, scalar: float32(value)}
}

// Scalar writes a point of a curve. To a [FileWriter], without a scope, it
// allocates nothing.
func (w *Writer) Scalar(tag string, value float64, step int64) error {
	if w.scalars == nil || w.scope != "" {
		return w.Add(step, ScalarValue(tag, value))
	}
	step, err := w.stepOf(step)
	if err != nil {
		return err
	}
	return w.scalars.addScalar(w.now(), step, tag, float32(value))
}

type scalarOp struct {
	tag   string
	fetch []string
}

// Scalar returns an op that makes a point of a curve from a fetched number: a
// scalar of any numeric kind or bool, or a tensor of one element. The tag is
// name as [CleanName] gives it.
func Scalar(name, fetch string) Op {
	return &scalarOp{tag: CleanName(name), fetch: []string{fetch}}
}

func (op *scalarOp) Fetches() []string { return op.fetch }

func (op *scalarOp) check() error { return checkNames("scalar", op.tag, op.fetch[0]) }

func (op *scalarOp) AppendValues(dst []Value, fetched session.Values) ([]Value, error) {
	v, err := lookup(op.tag, op.fetch[0], fetched)
	if err != nil {
		return dst, err
	}
	number, ok := v.Number()
	if !ok {
		return dst, fmt.Errorf("summary: scalar %q: fetch %q is %s, want a number", op.tag, op.fetch[0], describe(v))
	}
	return append(dst, ScalarValue(op.tag, number)), nil
}
