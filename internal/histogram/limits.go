package histogram

import "math"

// Buckets is the number of buckets, and so the most entries that AppendBuckets
// or rows that AppendRows can add.
const Buckets = 1551

const (
	side = 774      // limits above zero that are not DBL_MAX, and as many below
	zero = side + 1 // index of the limit 0
)

// limits are the upper, exclusive edges of the buckets. TensorFlow multiplies,
// so the products carry its rounding errors.
var limits = makeLimits()

func makeLimits() (l [Buckets]float64) {
	l[0], l[Buckets-1] = -math.MaxFloat64, math.MaxFloat64
	v := 1e-12
	for i := 1; i <= side; i++ {
		l[zero-i], l[zero+i] = -v, v
		v *= 1.1
	}
	return l
}

// A cell is a range of positive floats with the same bits above cellBits: the
// exponent and the top 4 bits of the mantissa. Its ends are at most a factor of
// 17/16 apart and the limits 11/10, so a cell holds one limit at most. For a
// float in it, m bits above lowest,
//
//	(cells[m>>cellBits] + m) >> cellBits
//
// is its rank, the number of positive limits that are not greater: the entry is
// the rank at the cell's start, shifted, plus what makes the bits below
// cellBits carry from the limit on, minus the number of the cell, which m
// brings along.
const (
	cellBits = 48
	lowCell  = (1023 - 40) << 4 // at 2^-40, the last power of two below 1e-12
	highCell = (1023 + 67) << 4 // at 2^67, the first power of two above 9.92e19
	lowest   = lowCell << cellBits
	highest  = highCell << cellBits
)

var cells = makeCells()

func makeCells() (c [highCell - lowCell + 1]uint64) {
	rank := uint64(0)
	for i := range c {
		number := uint64(i)
		c[i] = (rank - number) << cellBits
		if rank == side {
			continue
		}
		if limit := math.Float64bits(limits[zero+1+rank]) - lowest; limit>>cellBits == number {
			c[i] += (number+1)<<cellBits - limit
			rank++
		}
	}
	return c
}

// The greatest subnormal numbers. They and what lies between them and zero
// count as 0.
const (
	subnormal32 = 0x1p-126 - math.SmallestNonzeroFloat32
	subnormal64 = 0x1p-1022 - math.SmallestNonzeroFloat64
)

// subnormalOf is that of a type; an integer is none.
func subnormalOf[T Number]() float64 {
	one, least := T(1), math.SmallestNonzeroFloat64
	if isFloat := one/2 != 0; isFloat && T(least) == 0 {
		return subnormal32
	}
	return subnormal64
}

// bucketOf returns the index of the first limit greater than v, for DBL_MAX
// that of the last. NaN and infinities get the bucket of the greatest or the
// least finite value. It does not branch on v: weights are random, and a wrong
// guess costs more than all of it.
func bucketOf(v, subnormal float64) int {
	// Not below zero if v counts as 0; else the same bucket, the sum being rounded
	// to v.
	b := int64(math.Float64bits(v + subnormal))
	sign := b >> 63 // -1 below zero, else 0
	// The limits are exclusive on the right. Below zero that is the side of zero,
	// where only limits less than |v| count: one bit less.
	m := b&math.MaxInt64 + sign
	m = highest - notNegative(highest-m)
	m = notNegative(m - lowest)
	rank := int64((cells[m>>cellBits] + uint64(m)) >> cellBits)
	return zero + 1 + int(rank^sign) // rank^-1 is -1-rank
}

// notNegative is max(i, 0). The builtin would branch here: Go makes no
// conditional move for the address of a load.
func notNegative(i int64) int64 { return i &^ (i >> 63) }
