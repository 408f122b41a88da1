package summary_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// bucketsOf is how many buckets there are of values, by the op.
func bucketsOf(t *testing.T, b summary.Buckets, values session.Value) int {
	t.Helper()
	v := written(t, summary.HistogramBuckets("w", "x", b), fetchedX(t, values))
	require.Len(t, v, 1)
	return int(v[0].GetTensor().GetTensorShape().GetDim()[0].GetSize())
}

// The numbers are NumPy's: len(numpy.histogram(numpy.arange(1000) ** 2 / 7, rule)[0]).
func TestRulesTellTheNumberOfBuckets(t *testing.T) {
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(i*i) / 7
	}
	for b, want := range map[summary.Buckets]int{
		summary.BucketsAuto: 11, summary.BucketsFD: 10, summary.BucketsDoane: 15, summary.BucketsScott: 10,
		summary.BucketsStone: 94, summary.BucketsRice: 20, summary.BucketsSturges: 11, summary.BucketsSqrt: 32,
	} {
		assert.Equal(t, want, bucketsOf(t, b, session.TensorOf(values)), b)
		assert.Equal(t, want, bucketsOf(t, b.AtMost(100), session.TensorOf(values)), b)
		assert.Equal(t, 4, bucketsOf(t, b.AtMost(4), session.TensorOf(values)), b)
		assert.Equal(t, 3, bucketsOf(t, b.AtMost(4).AtMost(3), session.TensorOf(values)), b)
		assert.Equal(t, 3, bucketsOf(t, b.AtMost(3).AtMost(4), session.TensorOf(values)), b)
		assert.Equal(t, 1, bucketsOf(t, b.AtMost(-1), session.TensorOf(values)), b)
	}
	assert.Equal(t, summary.Buckets(20), summary.Buckets(30).AtMost(20))
	assert.Equal(t, summary.Buckets(10), summary.Buckets(10).AtMost(20))
}

func TestIntegersGetNoBucketsNarrowerThanOne(t *testing.T) {
	ints := make([]int32, 1000)
	floats := make([]float32, 1000)
	for i := range ints {
		ints[i] = int32(i % 5)
		floats[i] = float32(i % 5)
	}
	assert.Equal(t, 4, bucketsOf(t, summary.BucketsSqrt, session.TensorOf(ints)))
	assert.Equal(t, 32, bucketsOf(t, summary.BucketsSqrt, session.TensorOf(floats)))
	assert.Zero(t, bucketsOf(t, 0, session.TensorOf(floats)))
}

func TestBucketsThatAreNoneAreRefused(t *testing.T) {
	for _, b := range []summary.Buckets{-1, -100, summary.BucketsAuto - 1, summary.BucketsSqrt + 1, math.MinInt, math.MaxInt, 1<<20 + 1} {
		_, err := summary.HistogramBucketsValue("w", []float64{1, 2}, b)
		assert.ErrorContains(t, err, `summary: histogram "w": histogram: `, b)
		_, err = summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
			SaveSteps: 1, OutputDir: t.TempDir(), SummaryOp: summary.HistogramBuckets("w", "x", b),
		})
		assert.ErrorContains(t, err, `histogram "w": histogram: `, b)
	}
}
