package summary

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/runhook/runhook/internal/histogram"
	"github.com/runhook/runhook/session"
)

// A Number is an element type of which a histogram can be made.
type Number interface {
	float32 | float64 | int | int32 | int64 | uint8
}

// accumulators holds histograms for use: they are large.
var accumulators = sync.Pool{New: func() any { return new(histogram.Histogram) }}

// HistogramValue returns the distribution of values, in the buckets of
// TensorFlow's histogram summary that are not empty, as rows of left edge, right
// edge and count: the form that looks the same in all readers. NaN and
// infinities are left out. Without values it is empty.
func HistogramValue[T Number](tag string, values []T) Value {
	h := accumulators.Get().(*histogram.Histogram)
	defer accumulators.Put(h)
	h.Reset()
	addNumbers(h, values)
	return histogramValue(tag, h)
}

func addNumbers[T Number](h *histogram.Histogram, values []T) {
	switch values := any(values).(type) {
	case []float32:
		h.AddFloat32s(values)
	case []float64:
		h.AddFloat64s(values)
	case []int:
		histogram.AddIntegers(h, values)
	case []int32:
		histogram.AddIntegers(h, values)
	case []int64:
		histogram.AddIntegers(h, values)
	case []uint8:
		histogram.AddIntegers(h, values)
	}
}

// histogramValue encodes h as a DT_DOUBLE tensor of shape [rows, 3].
func histogramValue(tag string, h *histogram.Histogram) Value {
	rows := h.AppendRows(nil)
	content := make([]byte, 0, 8*len(rows))
	for _, x := range rows {
		content = binary.LittleEndian.AppendUint64(content, math.Float64bits(x))
	}
	return Value{tag: tag, metadata: histogramMetadata, body: contentField(typeDouble, content, len(rows)/3, 3)}
}

// Histogram writes the distribution of values, a slice of a [Number] or a
// [session.Tensor] of numbers.
func (w *Writer) Histogram(tag string, values any, step int64) error {
	v, err := histogramOf(tag, values)
	return w.add(step, v, err)
}

func histogramOf(tag string, values any) (Value, error) {
	switch values := values.(type) {
	case []float32:
		return HistogramValue(tag, values), nil
	case []float64:
		return HistogramValue(tag, values), nil
	case []int:
		return HistogramValue(tag, values), nil
	case []int32:
		return HistogramValue(tag, values), nil
	case []int64:
		return HistogramValue(tag, values), nil
	case []uint8:
		return HistogramValue(tag, values), nil
	case session.Tensor:
		if err := values.Validate(); err != nil {
			return Value{}, fmt.Errorf("summary: histogram %q: %w", tag, err)
		}
		if t := values.DType(); t == session.BoolType || t == session.StringType {
			return Value{}, fmt.Errorf("summary: histogram %q: a tensor of %s, want numbers", tag, t)
		}
		return histogramOf(tag, values.Data)
	}
	return Value{}, fmt.Errorf("summary: histogram %q: values are a %T, want a slice of numbers or a tensor", tag, values)
}

type histogramOp struct {
	tag   string
	fetch []string
}

// Histogram returns an op that makes the distribution of a fetched tensor of
// numbers, or of a single number; see [HistogramValue]. The tag is name as
// [CleanName] gives it.
func Histogram(name, fetch string) Op {
	return &histogramOp{tag: CleanName(name), fetch: []string{fetch}}
}

func (op *histogramOp) Fetches() []string { return op.fetch }

func (op *histogramOp) check() error { return checkNames("histogram", op.tag, op.fetch[0]) }

func (op *histogramOp) AppendValues(dst []Value, fetched session.Values) ([]Value, error) {
	v, err := lookup(op.tag, op.fetch[0], fetched)
	if err != nil {
		return dst, err
	}
	var value Value
	switch v.Kind() {
	case session.KindFloat32, session.KindFloat64, session.KindInt64:
		number, _ := v.Number()
		value = HistogramValue(op.tag, []float64{number})
	default:
		if value, err = histogramOf(op.tag, v.Any()); err != nil {
			return dst, fmt.Errorf("%w (fetch %q)", err, op.fetch[0])
		}
	}
	return append(dst, value), nil
}
