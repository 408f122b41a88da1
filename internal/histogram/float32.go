package histogram

import (
	"math"
	"slices"
)

// A place32 is a float32 as an integer of the same order: -NaN, -Inf … -0, 0 …
// Inf, NaN. Most weights are float32, and by their places they take half the time
// of float64s, for the bucket and for the extremes.
type place32 uint32

func placeOf(v float32) place32 {
	b := math.Float32bits(v)
	return place32(b ^ (uint32(int32(b)>>31) | 1<<31))
}

func (p place32) float64() float64 {
	b := uint32(p) ^ (uint32(int32(^p)>>31) | 1<<31)
	return float64(math.Float32frombits(b))
}

// Cells of places are like those of floats, but there is one for all places with
// the same sign, exponent and top 4 bits of the mantissa, so that no place has
// to be moved into range: (cells32[p>>cellBits32] + p) >> cellBits32 is the
// bucket.
const cellBits32 = 19

var cells32 = makeCells32()

func makeCells32() (c [1 << (32 - cellBits32)]place32) {
	// -Inf counts as the least finite value, and so do NaNs with a sign, which are
	// below it; the others are above Inf.
	bucket := 1
	for i := range c {
		number := place32(i)
		c[i] = (place32(bucket) - number) << cellBits32
		if bucket == Buckets-1 {
			continue
		}
		if limit := firstPlace(limits[bucket]); limit>>cellBits32 == number {
			c[i] += (number+1)<<cellBits32 - limit
			bucket++
		}
	}
	return c
}

// firstPlace is that of the least float32 which is not less than the limit.
func firstPlace(limit float64) place32 {
	if limit == 0 {
		return placeOf(-subnormal32) // counts as 0
	}
	v := float32(limit)
	if float64(v) < limit {
		v = math.Nextafter32(v, float32(math.Inf(1)))
	}
	return placeOf(v)
}

// count32 is count for float32s.
func (h *Histogram) count32(block []float32, m Moments) Moments {
	least, greatest := place32(math.MaxUint32), place32(0)
	for _, x := range block {
		p := placeOf(x)
		h.counts[(cells32[p>>cellBits32]+p)>>cellBits32]++
		least, greatest = min(least, p), max(greatest, p)
		v := float64(x)
		m.Sum += v
		// The conversion keeps the compiler from fusing the two operations.
		m.SumSquares += float64(v * v)
	}
	if v := least.float64(); v < m.Min {
		m.Min = firstEqual(block, v)
	}
	if v := greatest.float64(); v > m.Max {
		m.Max = firstEqual(block, v)
	}
	return m
}

// firstEqual returns the first value equal to v: 0 is equal to -0, which has
// another place.
func firstEqual(block []float32, v float64) float64 {
	if v != 0 {
		return v
	}
	return float64(block[slices.Index(block, 0)])
}
