package chart

import (
	"math"
	"strconv"
)

// ticks returns at most n+1 round numbers from low to high, with equal distances.
func ticks(low, high float64, n int) []float64 {
	if n < 1 || !(high > low) {
		return nil
	}
	step := min(roundUp(high/float64(n)-low/float64(n)), 1e308)
	var out []float64
	for k := math.Ceil(low / step); k*step <= high && len(out) <= n; k++ {
		out = append(out, k*step+0) // + 0 makes 0 of -0.
	}
	return out
}

// roundUp returns the next 1, 2 or 5 times a power of ten.
func roundUp(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if x <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// logTicks returns at most n round numbers from low to high, which are positive
// and far from each other: powers of ten if there are two, with their 2 and 5 if
// there is room.
func logTicks(low, high float64, n int) []float64 {
	first, last := math.Floor(math.Log10(low)), math.Floor(math.Log10(high))
	step := max(1, math.Ceil((last-first+1)/float64(n)))
	var tens, all []float64
	for e := first; e <= last; e += step {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow(10, e)
			if v < low || v > high {
				continue
			}
			all = append(all, v)
			if m == 1 {
				tens = append(tens, v)
			}
		}
	}
	switch {
	case step == 1 && len(all) >= 2 && len(all) <= n:
		return all
	case len(tens) >= 2:
		return tens
	}
	return ticks(low, high, n)
}

// label writes a tick: round, so six digits are plenty for all but large steps.
func label(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e9 {
		return strconv.FormatInt(int64(x), 10)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}
