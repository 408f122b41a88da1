package eventlog

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventpb"
)

// A Bucket is one row of a histogram: how many numbers lie between Left and
// Right.
type Bucket struct {
	Left, Right, Count float64
}

// Histogram returns the buckets, from left to right. Of one in the old form, as
// in TensorBoard, the empty buckets at both ends are gone and the outer edges
// are the smallest and the largest number.
func (v *Value) Histogram() ([]Bucket, error) {
	switch v.form {
	case formHistogram:
		buckets, err := parseHistogram(v.data)
		if err != nil {
			return nil, v.fault(err)
		}
		return buckets, nil
	case formTensor:
		t, err := v.Tensor()
		if err != nil {
			return nil, err
		}
		if len(t.Shape) != 2 || t.Shape[1] != 3 {
			return nil, v.fault(fmt.Errorf("tensor %v is no histogram, want [buckets, 3]", t.Shape))
		}
		rows, err := t.Float64s()
		if err != nil {
			return nil, v.fault(err)
		}
		buckets := make([]Bucket, len(rows)/3)
		for i := range buckets {
			buckets[i] = Bucket{rows[3*i], rows[3*i+1], rows[3*i+2]}
		}
		return buckets, nil
	}
	return nil, v.unfit("histogram")
}

const (
	histoMin         = 1
	histoMax         = 2
	histoBucketLimit = 6
	histoBucket      = 7
)

// parseHistogram reads an encoded HistogramProto, in which bucket i ends at
// limit i, by _migrate_histogram_value of tensorboard/data_compat.py.
func parseHistogram(b []byte) ([]Bucket, error) {
	var low, high float64
	var limits, counts []float64
	f := fields{rest: b}
	for f.next() {
		switch {
		case f.is(histoMin, protowire.Fixed64Type):
			low = math.Float64frombits(f.num)
		case f.is(histoMax, protowire.Fixed64Type):
			high = math.Float64frombits(f.num)
		case f.number == histoBucketLimit:
			limits = appendDoubles(limits, &f)
		case f.number == histoBucket:
			counts = appendDoubles(counts, &f)
		}
	}
	if f.bad {
		return nil, fmt.Errorf("no HistogramProto")
	}
	start, end := 0, len(counts)
	for start < end && !(counts[start] > 0) {
		start++
	}
	for end > start && !(counts[end-1] > 0) {
		end--
	}
	if start == end {
		return nil, nil
	}
	if len(limits) < end-1 {
		return nil, fmt.Errorf("histogram of %d buckets has %d limits", len(counts), len(limits))
	}
	buckets := make([]Bucket, 0, end-start)
	left := low
	for i := start; i < end; i++ {
		right := high
		if i < end-1 {
			right = limits[i]
		}
		buckets = append(buckets, Bucket{left, right, counts[i]})
		left = right
	}
	return buckets, nil
}

// appendDoubles appends the elements of a repeated double, packed or not.
func appendDoubles(dst []float64, f *fields) []float64 {
	switch f.wire {
	case protowire.Fixed64Type:
		return append(dst, math.Float64frombits(f.num))
	case protowire.BytesType:
		if len(f.bytes)%8 != 0 {
			f.bad = true
			return dst
		}
		for b := f.bytes; len(b) > 0; b = b[8:] {
			dst = append(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	}
	return dst
}

// bucketTensor is the histogram as the new form has it.
func bucketTensor(buckets []Bucket) Tensor {
	content := make([]byte, 0, 3*8*len(buckets))
	for _, b := range buckets {
		for _, x := range [...]float64{b.Left, b.Right, b.Count} {
			content = binary.LittleEndian.AppendUint64(content, math.Float64bits(x))
		}
	}
	n := int64(len(buckets))
	return Tensor{
		DType:  eventpb.DataType_DOUBLE,
		Shape:  []int64{n, 3},
		header: header{dtype: eventpb.DataType_DOUBLE, rank: 2, n: 3 * n, content: content},
	}
}
