// Package histogram counts values in the buckets of TensorFlow's histogram
// summary.
//
// The buckets have 1551 upper limits, exclusive, at fixed places:
//
//	-DBL_MAX  -9.92e19 … -1.1e-12  -1e-12  0  1e-12  1.1e-12 … 9.92e19  DBL_MAX
//
// On each side of zero they grow by a factor of 1.1, as products of 1e-12,
// equal in every bit to tensorflow/core/lib/histogram/histogram.cc.
// AppendBuckets gives what that file's EncodeToProto puts into a
// HistogramProto. AppendRows gives the rows left, right, count of a histogram
// tensor, as tensorboard/data_compat.py, _migrate_histogram_value, makes them
// of that proto, but as float64 instead of float32: the form which every reader
// of TensorBoard shows alike. AppendEqualRows makes the histogram of TensorFlow
// 2, whose buckets are of equal width.
//
// Two rules differ from TensorFlow. There a NaN or an infinity fails the whole
// run; here it is left out and counted apart. There DBL_MAX writes behind the
// last bucket; here it belongs to the last bucket. One rule is less than
// obvious: TensorFlow's threads take subnormal numbers for zero, so a negative
// one counts in the bucket above zero. Here, too, but the moments take it as it
// is.
package histogram

import "math"

// Histogram accumulates values. The zero value is empty and ready. It holds
// 12 KB, allocates nothing, and is meant to be reused with Reset. One goroutine
// at a time may use it.
type Histogram struct {
	NonFinite

	num     uint64
	moments Moments // unset while num is 0
	counts  [Buckets]uint64
}

// NonFinite counts the values that were left out: they are in no bucket and no
// moment.
type NonFinite struct {
	NaNs, PosInfs, NegInfs uint64
}

func (n *NonFinite) add(v float64) {
	switch {
	case v > 0:
		n.PosInfs++
	case v < 0:
		n.NegInfs++
	default:
		n.NaNs++
	}
}

// Moments describes the finite values of a histogram by the fields of the same
// names in HistogramProto.
type Moments struct {
	Min, Max float64 // DBL_MAX and -DBL_MAX in an empty histogram
	// Added in the order of the values, as TensorFlow does, so equal in every bit.
	Sum        float64
	SumSquares float64 // likewise; +Inf if it overflows
}

// Integer is any integer type.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

// Number is any type of which a histogram can be made.
type Number interface {
	Integer | ~float32 | ~float64
}

// Reset empties the histogram.
func (h *Histogram) Reset() { *h = Histogram{} }

// AddFloat32s adds the values, each as a float64.
func (h *Histogram) AddFloat32s(values []float32) { add(h, values, subnormal32) }

// AddFloat64s adds the values.
func (h *Histogram) AddFloat64s(values []float64) { add(h, values, subnormal64) }

// AddIntegers adds the values, each rounded to float64.
func AddIntegers[T Integer](h *Histogram, values []T) { add(h, values, subnormal64) }

// Add adds values of any number type, each as a float64.
func Add[T Number](h *Histogram, values []T) { add(h, values, subnormalOf[T]()) }

// Moments returns the moments of the values added since the last Reset.
func (h *Histogram) Moments() Moments {
	if h.num == 0 {
		return noMoments
	}
	return h.moments
}

// Num returns the number of finite values added since the last Reset.
func (h *Histogram) Num() uint64 { return h.num }

var noMoments = Moments{Min: math.MaxFloat64, Max: -math.MaxFloat64}

// blockLen is small enough for a block to stay in the nearest cache until it is
// looked at again, and large enough to make the check of a block cost nothing.
const blockLen = 512

func add[T Number](h *Histogram, values []T, subnormal float64) {
	if h.num == 0 {
		h.moments = noMoments
	}
	for len(values) > 0 {
		block := values[:min(len(values), blockLen)]
		values = values[len(block):]
		m := h.moments
		for _, x := range block {
			v := float64(x)
			h.counts[bucketOf(v, subnormal)]++
			m = m.with(v)
		}
		if m.SumSquares-m.SumSquares != 0 {
			addFinite(h, block, subnormal)
			continue
		}
		h.moments = m
		h.num += uint64(len(block))
	}
}

// addFinite adds a counted block whose squares have no finite sum: it takes
// what is not finite out of the buckets again, and the moments from the rest.
func addFinite[T Number](h *Histogram, block []T, subnormal float64) {
	for _, x := range block {
		v := float64(x)
		if v-v == 0 {
			h.moments = h.moments.with(v)
			h.num++
			continue
		}
		h.counts[bucketOf(v, subnormal)]--
		h.NonFinite.add(v)
	}
}

// with returns the moments after one more value. (A method on a pointer would
// keep them out of registers.)
func (m Moments) with(v float64) Moments {
	// Comparisons keep the first of 0 and -0, as TensorFlow does; the builtins min
	// and max would not.
	if v < m.Min {
		m.Min = v
	}
	if v > m.Max {
		m.Max = v
	}
	m.Sum += v
	// The conversion keeps the compiler from fusing the two operations.
	m.SumSquares += float64(v * v)
	return m
}
