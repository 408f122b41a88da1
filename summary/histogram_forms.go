package summary

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/internal/histogram"
)

// Fields of HistogramProto. They are the wire format and cannot change.
const (
	histoMin         = 1
	histoMax         = 2
	histoNum         = 3
	histoSum         = 4
	histoSumSquares  = 5
	histoBucketLimit = 6
	histoBucket      = 7
)

// A Bucket is one of a histogram: how many values are from Left to Right.
type Bucket struct{ Left, Right, Count float64 }

// HistogramBucketsValue returns a distribution in buckets of equal width: of a number
// of them what tf.summary.histogram makes, 0 making no rows; of a rule what
// numpy.histogram does. NaN and infinities are left out.
func HistogramBucketsValue[T Number](tag string, values []T, buckets Buckets) (Value, error) {
	return equalBuckets(tag, numberSlice[T](values), buckets)
}

func equalBuckets(tag string, values numbers, buckets Buckets) (Value, error) {
	rows, err := values.bucketRows(buckets)
	if err != nil {
		return Value{}, fmt.Errorf("summary: histogram %q: %w", tag, err)
	}
	return rowsValue(tag, rows), nil
}

// HistogramRawValue returns a distribution that was counted elsewhere. The edges
// are finite, buckets follow each other, and counts are not negative.
func HistogramRawValue(tag string, buckets []Bucket) (Value, error) {
	rows := make([]float64, 0, 3*len(buckets))
	for i, b := range buckets {
		switch {
		case math.IsNaN(b.Left) || math.IsInf(b.Left, 0) || math.IsNaN(b.Right) || math.IsInf(b.Right, 0) || b.Left > b.Right:
			return Value{}, fmt.Errorf("summary: histogram %q: bucket %d is from %v to %v, want finite edges in order", tag, i, b.Left, b.Right)
		case i > 0 && b.Left < buckets[i-1].Right:
			return Value{}, fmt.Errorf("summary: histogram %q: bucket %d begins at %v, before the one before it ends (%v)", tag, i, b.Left, buckets[i-1].Right)
		case !(b.Count >= 0) || math.IsInf(b.Count, 0):
			return Value{}, fmt.Errorf("summary: histogram %q: bucket %d counts %v, want a finite number of 0 or more", tag, i, b.Count)
		}
		rows = append(rows, b.Left, b.Right, b.Count)
	}
	return rowsValue(tag, rows), nil
}

// HistogramV1Value returns the distribution of values in the form of
// tf.compat.v1.summary.histogram, which looks different from reader to reader; see
// [HistogramValue].
func HistogramV1Value[T Number](tag string, values []T) Value {
	return distribution(tag, values, encodeV1)
}

// encodeV1 encodes h as a HistogramProto.
func encodeV1(tag string, h *histogram.Histogram) Value {
	moments := h.Moments()
	limits, counts := h.AppendBuckets(nil, nil)
	message := make([]byte, 0, 64+16*len(limits))
	for _, field := range []struct {
		number protowire.Number
		value  float64
	}{
		{histoMin, moments.Min}, {histoMax, moments.Max}, {histoNum, float64(h.Num())}, {histoSum, moments.Sum}, {histoSumSquares, moments.SumSquares},
	} {
		if bits := math.Float64bits(field.value); bits != 0 { // which is what a field is without
			message = protowire.AppendTag(message, field.number, protowire.Fixed64Type)
			message = binary.LittleEndian.AppendUint64(message, bits)
		}
	}
	message = appendDoubles(message, histoBucketLimit, limits)
	message = appendDoubles(message, histoBucket, counts)
	return Value{tag: tag, body: bytesField(valueHisto, message)}
}

// appendDoubles appends a packed field.
func appendDoubles(b []byte, field protowire.Number, values []float64) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(8*len(values)))
	for _, x := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// NonFiniteValue returns how many values are NaN or infinite, which is what
// histograms leave out, as a point of a curve.
func NonFiniteValue[T Number](tag string, values []T) Value {
	return distribution(tag, values, encodeNonFinite)
}

func encodeNonFinite(tag string, h *histogram.Histogram) Value {
	return ScalarValue(tag, float64(h.NaNs+h.PosInfs+h.NegInfs))
}

// HistogramBuckets writes the distribution of values, as [Writer.Histogram] takes
// them, in buckets of equal width; see [HistogramBucketsValue].
func (w *Writer) HistogramBuckets(tag string, values any, buckets Buckets, step int64) error {
	v, err := equalBucketsOf(tag, values, buckets)
	return w.add(step, v, err)
}

func equalBucketsOf(tag string, values any, buckets Buckets) (Value, error) {
	numbers, err := numbersOf(tag, values)
	if err != nil {
		return Value{}, err
	}
	return equalBuckets(tag, numbers, buckets)
}

// HistogramRaw writes a distribution that was counted elsewhere; see
// [HistogramRawValue].
func (w *Writer) HistogramRaw(tag string, buckets []Bucket, step int64) error {
	v, err := HistogramRawValue(tag, buckets)
	return w.add(step, v, err)
}

// HistogramV1 writes the distribution of values, as [Writer.Histogram] takes them,
// in the form of [HistogramV1Value].
func (w *Writer) HistogramV1(tag string, values any, step int64) error {
	v, err := distributionOf(tag, values, encodeV1)
	return w.add(step, v, err)
}

// NonFinite writes how many values, as [Writer.Histogram] takes them, are NaN or
// infinite.
func (w *Writer) NonFinite(tag string, values any, step int64) error {
	v, err := distributionOf(tag, values, encodeNonFinite)
	return w.add(step, v, err)
}

// HistogramBuckets is [Histogram] with buckets of equal width; see
// [HistogramBucketsValue].
func HistogramBuckets(name, fetch string, buckets Buckets) Op {
	op := opOf("histogram", name, fetch, func(tag string, in input) (Value, error) {
		value, err := equalBucketsOf(tag, in.numbers(), buckets)
		if err != nil {
			return Value{}, fmt.Errorf("%w (fetch %q)", err, in.fetch)
		}
		return value, nil
	})
	_, op.fault = bucketRows[float64](nil, buckets)
	return op
}

// HistogramRaw returns an op that makes a distribution of a fetched []Bucket, by
// [session.Any]; see [HistogramRawValue].
func HistogramRaw(name, fetch string) Op {
	return opOfAny("histogram", name, fetch, HistogramRawValue)
}

// HistogramV1 is [Histogram] in the form of [HistogramV1Value].
func HistogramV1(name, fetch string) Op { return distributionOp(name, fetch, encodeV1) }

// NonFinite returns an op that makes a scalar of how many values of what
// [Histogram] takes are NaN or infinite: what histograms leave out. The tag is
// name as [CleanName] gives it, "weights/non_finite" for example.
func NonFinite(name, fetch string) Op { return distributionOp(name, fetch, encodeNonFinite) }
