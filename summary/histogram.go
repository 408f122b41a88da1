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
	return distribution(tag, values, encodeRows)
}

// distribution gathers values and encodes what they come to.
func distribution[T Number](tag string, values []T, encode func(tag string, h *histogram.Histogram) Value) Value {
	h := accumulators.Get().(*histogram.Histogram)
	defer accumulators.Put(h)
	h.Reset()
	addNumbers(h, values)
	return encode(tag, h)
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

func encodeRows(tag string, h *histogram.Histogram) Value { return rowsValue(tag, h.AppendRows(nil)) }

// rowsValue encodes rows of left edge, right edge and count as a DT_DOUBLE tensor
// of shape [rows, 3].
func rowsValue(tag string, rows []float64) Value {
	content := make([]byte, 0, 8*len(rows))
	for _, x := range rows {
		content = binary.LittleEndian.AppendUint64(content, math.Float64bits(x))
	}
	return Value{tag: tag, metadata: histogramMetadata, body: contentField(typeDouble, content, len(rows)/3, 3)}
}

// Histogram writes the distribution of values, a slice of a [Number] or a
// [session.Tensor] of numbers.
func (w *Writer) Histogram(tag string, values any, step int64) error {
	v, err := distributionOf(tag, values, encodeRows)
	return w.add(step, v, err)
}

// distributionOf is distribution of a slice or tensor of numbers.
func distributionOf(tag string, values any, encode func(string, *histogram.Histogram) Value) (Value, error) {
	switch values := values.(type) {
	case []float32:
		return distribution(tag, values, encode), nil
	case []float64:
		return distribution(tag, values, encode), nil
	case []int:
		return distribution(tag, values, encode), nil
	case []int32:
		return distribution(tag, values, encode), nil
	case []int64:
		return distribution(tag, values, encode), nil
	case []uint8:
		return distribution(tag, values, encode), nil
	case session.Tensor:
		data, err := numbersIn(tag, values)
		if err != nil {
			return Value{}, err
		}
		return distributionOf(tag, data, encode)
	}
	return Value{}, fmt.Errorf("summary: histogram %q: values are a %T, want a slice of numbers or a tensor", tag, values)
}

// numbersIn returns the data of a tensor of numbers.
func numbersIn(tag string, t session.Tensor) (any, error) {
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("summary: histogram %q: %w", tag, err)
	}
	if d := t.DType(); d == session.BoolType || d == session.StringType {
		return nil, fmt.Errorf("summary: histogram %q: a tensor of %s, want numbers", tag, d)
	}
	return t.Data, nil
}

// Histogram returns an op that makes the distribution of a fetched tensor of
// numbers, or of a single number; see [HistogramValue]. The tag is name as
// [CleanName] gives it.
func Histogram(name, fetch string) Op { return distributionOp(name, fetch, encodeRows) }

func distributionOp(name, fetch string, encode func(string, *histogram.Histogram) Value) Op {
	return opOf("histogram", CleanName(name), fetch, func(tag string, v session.Value) (Value, error) {
		if number, ok := v.Number(); ok && v.Kind() != session.KindTensor && v.Kind() != session.KindBool {
			return distribution(tag, []float64{number}, encode), nil
		}
		value, err := distributionOf(tag, v.Any(), encode)
		if err != nil {
			return Value{}, fmt.Errorf("%w (fetch %q)", err, fetch)
		}
		return value, nil
	})
}
