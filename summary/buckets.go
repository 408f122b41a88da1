package summary

import "github.com/runhook/runhook/internal/histogram"

// Buckets tells in how many buckets of equal width values are counted, which share
// the range from the least to the greatest: a number, or one of the rules by which
// the values themselves tell. There are 1,048,576 at most.
type Buckets int

// DefaultBuckets is how many buckets tf.summary.histogram makes.
const DefaultBuckets = 30

// byRule is so far from 0 that no count that went wrong is one of the rules.
const byRule Buckets = -1 << 30

// The rules are those of numpy.histogram (NumPy 2.4), with which PyTorch and
// tensorboardX count: from the same values, as float64s, they make the same buckets.
// Integers get none narrower than 1. If all values are equal there is one, from 0.5
// below them to 0.5 above; without values one from 0 to 1, which is empty. Where
// NumPy fails for too many buckets, there are as many as there can be.
//
// A rule takes a copy of the n values, and a time that is linear in n, for
// BucketsStone that of sorting them.
const (
	// BucketsAuto makes as many as BucketsFD, but no fewer than BucketsSturges, and no
	// more than twice as many as BucketsSqrt: good for most distributions.
	BucketsAuto Buckets = byRule + 1 + iota
	// BucketsFD makes them as wide as twice the distance of the quartiles, divided by
	// the cube root of n (Freedman and Diaconis). Few values far out make very many.
	BucketsFD
	// BucketsDoane makes as many as BucketsSturges, and more if the values are askew.
	BucketsDoane
	// BucketsScott makes them 3.49 standard deviations wide, divided by the cube root
	// of n.
	BucketsScott
	// BucketsStone makes the number, up to 100 or the square root of n, of which the
	// estimated error is least.
	BucketsStone
	// BucketsRice makes twice the cube root of n.
	BucketsRice
	// BucketsSturges makes one more than the binary logarithm of n.
	BucketsSturges
	// BucketsSqrt makes the square root of n.
	BucketsSqrt
)

// mostUnit is what a limit is multiplied by to stand beside a rule.
const mostUnit = 16

// AtMost returns b with a limit: where b makes more than n buckets, there are n. A
// limit below 1 is 1.
func (b Buckets) AtMost(n int) Buckets {
	most := Buckets(min(max(n, 1), histogram.MaxEqualBuckets))
	rule, before, ok := b.rule()
	if !ok {
		return min(b, most)
	}
	return byRule + Buckets(rule) + mostUnit*min(most, Buckets(before))
}

// rule takes b apart; ok is false if it is a number.
func (b Buckets) rule() (rule histogram.Rule, most int, ok bool) {
	if b > byRule/2 {
		return 0, 0, false
	}
	rule, most = histogram.Rule((b-byRule)%mostUnit), int((b-byRule)/mostUnit)
	if most == 0 {
		most = histogram.MaxEqualBuckets
	}
	return rule, most, true
}

// bucketRows counts values as b tells.
func bucketRows[T Number](values []T, b Buckets) (rows []float64, err error) {
	if rule, most, ok := b.rule(); ok {
		rows, _, err = histogram.AppendRuleRows(nil, values, rule, most)
	} else {
		rows, _, err = histogram.AppendEqualRows(nil, values, int(b))
	}
	return rows, err
}
