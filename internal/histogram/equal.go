package histogram

import (
	"fmt"
	"math"
	"slices"
)

// MaxEqualBuckets is the greatest number of buckets of equal width.
const MaxEqualBuckets = 1 << 20

// AppendEqualRows appends three numbers, left edge, right edge and count, for
// each of as many buckets of equal width, which share the range of the values:
// what tf.summary.histogram of TensorFlow 2 writes
// (tensorboard/plugins/histogram/summary_v2.py), equal in every bit.
//
//   - Without values, all three are 0 in each row.
//   - If all values are equal, they are the edges of each bucket, and the last
//     one counts them.
//   - Subnormal numbers are 0, except a float64 that is the only value: nothing is
//     calculated with it.
//
// Two rules differ. NaN and infinities, which there leave all counts 0, are left
// out and counted apart. Values farther apart than DBL_MAX, to which that
// happens, too, are counted. No buckets make no rows; below 0 and above
// MaxEqualBuckets is an error.
func AppendEqualRows[T Number](rows []float64, values []T, buckets int) ([]float64, NonFinite, error) {
	if buckets < 0 || buckets > MaxEqualBuckets {
		return rows, NonFinite{}, fmt.Errorf("histogram: %d buckets, want 0 to %d", buckets, MaxEqualBuckets)
	}
	e := equal{subnormal: subnormalOf[T]()}
	if len(values) == 1 && e.subnormal == subnormal64 {
		e.subnormal = 0
	}
	nonFinite, count := spread(&e, values)
	before := len(rows)
	rows = slices.Grow(rows, 3*buckets)[:before+3*buckets]
	added := rows[before:]
	clear(added)
	switch {
	case count == 0 || buckets == 0:
	case e.max-e.min <= subnormal64:
		for i := range buckets {
			added[3*i], added[3*i+1] = e.min, e.min
		}
		added[len(added)-1] = float64(count)
	default:
		e.divide(added)
		countEqual(&e, values, added)
	}
	return rows, nonFinite, nil
}

// equal is a division of a range into buckets.
type equal struct {
	subnormal float64 // the greatest number that counts as 0
	min, max  float64
	unit      float64 // what edges are multiplied by so that no difference overflows
	low       float64 // min, times unit
	width     float64 // of a bucket, times unit
}

// value is v, as TensorFlow's threads take it.
func (e *equal) value(v float64) float64 {
	if math.Abs(v) <= e.subnormal {
		return v * 0 // keeps the sign
	}
	return v
}

// spread sets the range and returns the number of finite values.
func spread[T Number](e *equal, values []T) (nonFinite NonFinite, count int) {
	e.min, e.max = math.Inf(1), math.Inf(-1)
	for _, x := range values {
		v := e.value(float64(x))
		if v-v != 0 {
			nonFinite.add(v)
			continue
		}
		count++
		if v < e.min {
			e.min = v
		}
		if v > e.max {
			e.max = v
		}
	}
	return nonFinite, count
}

// scale returns what makes the range finite.
func (e *equal) scale() float64 {
	if math.IsInf(e.max-e.min, 1) {
		return 0.5
	}
	return 1
}

// divide sets the width of a bucket and the edges in rows.
func (e *equal) divide(rows []float64) {
	buckets := float64(len(rows) / 3)
	e.unit = e.scale()
	e.low = e.min * e.unit
	e.width = (e.max*e.unit - e.low) / buckets
	edge := e.min
	for i := 0; i < len(rows); i += 3 {
		rows[i] = edge
		// The conversion keeps the compiler from fusing the two operations.
		edge = (e.low + float64(e.width*float64(i/3+1))) / e.unit
		rows[i+1] = edge
	}
	rows[len(rows)-2] = e.max
}

func countEqual[T Number](e *equal, values []T, rows []float64) {
	last := len(rows)/3 - 1
	for _, x := range values {
		v := e.value(float64(x))
		if v-v == 0 {
			i := min(int((v*e.unit-e.low)/e.width), last)
			rows[3*i+2]++
		}
	}
}
