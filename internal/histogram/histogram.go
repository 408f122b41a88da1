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
// 2, whose buckets are of equal width, and AppendRuleRows that of NumPy, whose
// rules tell how many.
//
// Two rules differ from TensorFlow. There a NaN or an infinity fails the whole
// run; here it is left out and counted apart. There DBL_MAX writes behind the
// last bucket; here it belongs to the last bucket. One rule is less than
// obvious: TensorFlow's threads take subnormal numbers for zero, so a negative
// one counts in the bucket above zero, adds nothing to a sum, and is neither less
// nor greater than others. Here, too.
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

// Number is any type of which a histogram can be made.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64
}

// Reset empties the histogram.
func (h *Histogram) Reset() { *h = Histogram{} }

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

// Add adds the values, each rounded to float64.
func Add[T Number](h *Histogram, values []T) {
	subnormal := subnormalOf[T]()
	if h.num == 0 {
		h.moments = noMoments
	}
	for len(values) > 0 {
		block := values[:min(len(values), blockLen)]
		values = values[len(block):]
		nearZero := h.nearZero()
		var m Moments
		if float32s, ok := any(block).([]float32); ok {
			m = h.count32(float32s, h.moments)
		} else {
			m = count(h, block, subnormal, h.moments)
		}
		if m.SumSquares-m.SumSquares != 0 {
			addFinite(h, block, subnormal)
			continue
		}
		if h.nearZero() > nearZero && (m.tiny(subnormal) || anyTiny(block, subnormal)) {
			m = h.moments
			for _, x := range block {
				m = m.withTiny(float64(x), subnormal)
			}
		}
		h.moments = m
		h.num += uint64(len(block))
	}
}

// count counts the values of a block in their buckets and returns the moments m
// with them.
func count[T Number](h *Histogram, block []T, subnormal float64, m Moments) Moments {
	for _, x := range block {
		v := float64(x)
		h.counts[bucketOf(v, subnormal)]++
		m = m.with(v)
	}
	return m
}

// nearZero is how many values are counted next to zero, where all subnormal
// numbers are, and all whose squares are.
func (h *Histogram) nearZero() uint64 { return h.counts[zero] + h.counts[zero+1] }

// addFinite adds a counted block whose squares have no finite sum: it takes
// what is not finite out of the buckets again, and the moments from the rest.
func addFinite[T Number](h *Histogram, block []T, subnormal float64) {
	for _, x := range block {
		v := float64(x)
		if v-v == 0 {
			h.moments = h.moments.withTiny(v, subnormal)
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

// tinySquare is below the least float64 whose square is not subnormal.
const tinySquare = 0x1p-511

// isTiny reports whether a number of these bits is not 0, but it or its square is
// 0 to TensorFlow. It does not branch on which of them: zeros come at random.
func isTiny(bits, limit uint64) bool { return bits<<1-1 < limit<<1 }

func tinyLimit(subnormal float64) uint64 { return math.Float64bits(max(tinySquare, subnormal)) }

func anyTiny[T Number](block []T, subnormal float64) bool {
	limit := tinyLimit(subnormal)
	for _, x := range block {
		if isTiny(math.Float64bits(float64(x)), limit) {
			return true
		}
	}
	return false
}

// tiny reports whether comparisons with the moments are others than Go's.
func (m Moments) tiny(subnormal float64) bool {
	limit := tinyLimit(subnormal)
	return isTiny(math.Float64bits(m.Min), limit) || isTiny(math.Float64bits(m.Max), limit)
}

// withTiny is with for values that may be tiny.
func (m Moments) withTiny(v, subnormal float64) Moments {
	if subnormal > subnormal64 {
		v = flush(v, subnormal) // a float32 becomes 0 when it is made a float64
	}
	f := flush(v, subnormal64)
	if f < flush(m.Min, subnormal64) {
		m.Min = v
	}
	if f > flush(m.Max, subnormal64) {
		m.Max = v
	}
	m.Sum = flush(m.Sum+f, subnormal64)
	m.SumSquares += flush(f*f, subnormal64)
	return m
}

// flush returns v, or if it is subnormal, 0 of the same sign.
func flush(v, subnormal float64) float64 {
	if math.Abs(v) <= subnormal {
		return math.Copysign(0, v)
	}
	return v
}
