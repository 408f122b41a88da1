package histogram

import (
	"fmt"
	"math"
	"slices"
)

// A Rule tells how many buckets of equal width suit a distribution. The rules are
// those of numpy.histogram_bin_edges, of the same names
// (numpy/lib/_histograms_impl.py).
type Rule int

const (
	Auto Rule = iota + 1
	FD
	Doane
	Scott
	Stone
	Rice
	Sturges
	Sqrt
)

// AppendRuleRows appends three numbers, left edge, right edge and count, for each
// of as many buckets of equal width as the rule makes of the values, but no more
// than most: what numpy.histogram makes of them as float64s, equal in every bit.
//
//   - Without values, there is one bucket from 0 to 1.
//   - If all values are equal, one bucket reaches from 0.5 below them to 0.5 above.
//   - Buckets of integers are not narrower than 1.
//
// Where NumPy fails, this does not: NaN and infinities are left out and counted
// apart; there is always a bucket; values may be farther apart than DBL_MAX, and so
// close together that some edges are equal. A rule that does not exist is an error,
// and so is a most that is not from 1 to MaxEqualBuckets.
//
// It takes a copy of the values and a time that is linear in their number, for
// Stone that of sorting them.
func AppendRuleRows[T Number](rows []float64, values []T, rule Rule, most int) ([]float64, NonFinite, error) {
	if rule < Auto || rule > Sqrt {
		return rows, NonFinite{}, fmt.Errorf("histogram: rule %d, want %d to %d", rule, Auto, Sqrt)
	}
	if most < 1 || most > MaxEqualBuckets {
		return rows, NonFinite{}, fmt.Errorf("histogram: at most %d buckets, want 1 to %d", most, MaxEqualBuckets)
	}
	var e equal
	nonFinite, count := spread(&e, values)
	buckets := 1
	switch {
	case count == 0:
		e.min, e.max = 0, 1
	case e.min == e.max:
		e.min, e.max = e.min-0.5, e.max+0.5
	default:
		one := T(1)
		isInteger := one/2 == 0
		buckets = rule.buckets(sampleOf(&e, values, count), isInteger, most)
	}
	before := len(rows)
	rows = slices.Grow(rows, 3*buckets)[:before+3*buckets]
	added := rows[before:]
	clear(added)
	e.divide(added)
	if buckets == 1 {
		added[2] = float64(count)
	} else {
		countBetween(&e, values, added)
	}
	return rows, nonFinite, nil
}

// countBetween counts values between the edges in rows, which rounding may have
// put to the other side of one than their share of the range says.
func countBetween[T Number](e *equal, values []T, rows []float64) {
	buckets := len(rows) / 3
	reach := e.max*e.unit - e.low
	for _, x := range values {
		v := float64(x)
		if v-v != 0 {
			continue
		}
		i := min(int((v*e.unit-e.low)/reach*float64(buckets)), buckets-1)
		if v < rows[3*i] {
			i--
		} else if i < buckets-1 && v >= rows[3*i+1] {
			i++
		}
		rows[3*i+2]++
	}
}

// A sample is at least two different finite values, times what keeps their range
// finite.
type sample struct {
	values []float64
	low    float64
	reach  float64 // from the least to the greatest
}

func sampleOf[T Number](e *equal, values []T, count int) sample {
	unit := e.scale()
	s := sample{values: make([]float64, 0, count), low: e.min * unit, reach: e.max*unit - e.min*unit}
	for _, x := range values {
		if v := float64(x); v-v == 0 {
			s.values = append(s.values, v*unit)
		}
	}
	return s
}

// buckets returns the number of buckets, which is from 1 to most.
func (r Rule) buckets(s sample, integers bool, most int) int {
	width := r.width(s)
	if width == 0 {
		return 1
	}
	if integers {
		width = max(width, 1)
	}
	n := math.Ceil(s.reach / width)
	if !(n >= 1) { // a width that overflowed
		return 1
	}
	return int(min(n, float64(most)))
}

// width returns about how wide a bucket should be.
func (r Rule) width(s sample) float64 {
	n := float64(len(s.values))
	switch r {
	case FD:
		return 2 * s.interquartile() * minusThirdPower(n)
	case Doane:
		return s.doane()
	case Scott:
		return thirdPower(24*math.Sqrt(math.Pi)/n) * s.deviation(s.mean())
	case Stone:
		return s.stone()
	case Rice:
		return s.reach / (2 * thirdPower(n))
	case Sturges:
		return s.reach / (math.Log2(n) + 1)
	case Sqrt:
		return s.reach / math.Sqrt(n)
	default:
		return min(max(FD.width(s), Sqrt.width(s)/2), Sturges.width(s))
	}
}

// doane is Sturges's rule with more buckets for what is askew.
func (s sample) doane() float64 {
	n := float64(len(s.values))
	mean := s.mean()
	deviation := s.deviation(mean)
	if n <= 2 || !(deviation > 0) {
		return 0
	}
	skewness := sum(s.values, func(v float64) float64 { return cube((v - mean) / deviation) }) / n
	expected := math.Sqrt(6 * (n - 2) / ((n + 1) * (n + 3)))
	return s.reach / (1 + math.Log2(n) + math.Log2(1+math.Abs(skewness)/expected))
}

// stone finds the number of buckets with the least estimate of the squared error.
// The counts come from sorted values, so that many numbers can be tried.
func (s sample) stone() float64 {
	slices.Sort(s.values)
	n := float64(len(s.values))
	best, least := 1, math.Inf(1)
	for buckets := 1; buckets <= max(100, int(math.Sqrt(n))); buckets++ {
		width := s.reach / float64(buckets)
		squares, start := 0.0, 0
		for i := 1; start < len(s.values); i++ {
			end := len(s.values)
			if i < buckets {
				more, _ := slices.BinarySearch(s.values[start:], s.low+float64(width*float64(i)))
				end = start + more
			}
			share := float64(end-start) / n
			squares += float64(share * share)
			start = end
		}
		if loss := (2 - float64((n+1)*squares)) / width; loss < least {
			best, least = buckets, loss
		}
	}
	return s.reach / float64(best)
}
