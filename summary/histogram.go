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
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
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
	histogram.Add(h, values)
	return encode(tag, h)
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

// Histogram writes the distribution of values, a slice of one of Go's number types
// or a [session.Tensor] of numbers.
func (w *Writer) Histogram(tag string, values any, step int64) error {
	v, err := distributionOf(tag, values, encodeRows)
	return w.add(step, v, err)
}

// distributionOf is distribution of a slice or tensor of numbers.
func distributionOf(tag string, values any, encode func(string, *histogram.Histogram) Value) (Value, error) {
	numbers, err := numbersOf(tag, values)
	if err != nil {
		return Value{}, err
	}
	h := accumulators.Get().(*histogram.Histogram)
	defer accumulators.Put(h)
	h.Reset()
	numbers.addTo(h)
	return encode(tag, h), nil
}

// numbers is a slice of numbers of some type.
type numbers interface {
	addTo(h *histogram.Histogram)
	bucketRows(buckets Buckets) ([]float64, error)
}

type numberSlice[T Number] []T

func (s numberSlice[T]) addTo(h *histogram.Histogram) { histogram.Add(h, s) }

func (s numberSlice[T]) bucketRows(buckets Buckets) ([]float64, error) { return bucketRows(s, buckets) }

// numbersOf returns the numbers of a slice or a tensor.
func numbersOf(tag string, values any) (numbers, error) {
	switch values := values.(type) {
	case []float32:
		return numberSlice[float32](values), nil
	case []float64:
		return numberSlice[float64](values), nil
	case []int:
		return numberSlice[int](values), nil
	case []int8:
		return numberSlice[int8](values), nil
	case []int16:
		return numberSlice[int16](values), nil
	case []int32:
		return numberSlice[int32](values), nil
	case []int64:
		return numberSlice[int64](values), nil
	case []uint:
		return numberSlice[uint](values), nil
	case []uint8:
		return numberSlice[uint8](values), nil
	case []uint16:
		return numberSlice[uint16](values), nil
	case []uint32:
		return numberSlice[uint32](values), nil
	case []uint64:
		return numberSlice[uint64](values), nil
	case session.Tensor:
		if err := values.Validate(); err != nil {
			return nil, fmt.Errorf("summary: histogram %q: %w", tag, err)
		}
		if d := values.DType(); d == session.BoolType || d == session.StringType {
			return nil, fmt.Errorf("summary: histogram %q: a tensor of %s, want numbers", tag, d)
		}
		return numbersOf(tag, values.Data)
	}
	return nil, fmt.Errorf("summary: histogram %q: values are a %T, want a slice of numbers or a tensor", tag, values)
}

// Histogram returns an op that makes the distribution of a fetched tensor of
// numbers, or of a single number, or of a slice of numbers by [session.Any]; see
// [HistogramValue]. The tag is name as [CleanName] gives it.
func Histogram(name, fetch string) Op { return distributionOp(name, fetch, encodeRows) }

func distributionOp(name, fetch string, encode func(string, *histogram.Histogram) Value) Op {
	return opOf("histogram", name, fetch, func(tag string, in input) (Value, error) {
		value, err := distributionOf(tag, in.numbers(), encode)
		if err != nil {
			return Value{}, fmt.Errorf("%w (fetch %q)", err, in.fetch)
		}
		return value, nil
	})
}

// numbers is what may be numbers of an input: a single one as a slice.
func (in input) numbers() any {
	if number, ok := in.Number(); ok && in.Kind() != session.KindTensor && in.Kind() != session.KindBool {
		return []float64{number}
	}
	return in.Any()
}
