package histogram_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/histogram"
)

func equalRows[T histogram.Number](t *testing.T, values []T, buckets int) ([]float64, histogram.NonFinite) {
	t.Helper()
	rows, nonFinite, err := histogram.AppendEqualRows([]float64{7}, values, buckets)
	require.NoError(t, err)
	require.Equal(t, 7.0, rows[0])
	require.Len(t, rows, 1+3*buckets)
	return rows[1:], nonFinite
}

// equalRows makes the rows by the function for the golden's type.
func (g golden) equalRows(t *testing.T, buckets int) ([]float64, histogram.NonFinite) {
	t.Helper()
	values := floats(t, g.Input.Data)
	if g.Input.DType != "float32" && g.Input.DType != "bfloat16" {
		return equalRows(t, values, buckets)
	}
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	return equalRows(t, narrow, buckets)
}

func TestGoldensOfEqualBuckets(t *testing.T) {
	for name, g := range readGoldens(t) {
		t.Run(name, func(t *testing.T) {
			lowest, highest, finite := math.Inf(1), math.Inf(-1), 0
			for _, v := range floats(t, g.Input.Data) {
				if v-v == 0 {
					finite++
					lowest, highest = min(lowest, v), max(highest, v)
				}
			}
			for buckets, want := range map[int][][]number{30: g.TF2, 1: g.TF21, 3: g.TF23, 10: g.TF2X} {
				rows, nonFinite := g.equalRows(t, buckets)
				count := 0.0
				for i := 2; i < len(rows); i += 3 {
					count += rows[i]
				}
				assert.EqualValues(t, finite, count)
				assert.EqualValues(t, len(g.Input.Data)-finite, nonFinite.NaNs+nonFinite.PosInfs+nonFinite.NegInfs)
				if finite < len(g.Input.Data) || math.IsInf(highest-lowest, 1) && finite > 0 || g.TF1.Signal != 0 {
					continue // TensorFlow counts none of them, or did not survive
				}
				var all []float64
				for i, row := range want {
					all = append(all, floats(t, row)...)
					for j := range row { // which of several that are 0 to TensorFlow comes first is chance
						if at := 3*i + j; len(g.Input.Data) > 1 && math.Abs(all[at]) < 0x1p-1022 && math.Abs(rows[at]) < 0x1p-1022 {
							all[at] = rows[at]
						}
					}
				}
				requireBits(t, all, rows)
			}
		})
	}
}

func TestEqualBucketsAreThoseOfTheFiniteValues(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	rows, nonFinite := equalRows(t, []float64{nan, 1, inf, 2, 5, -inf, nan}, 2)
	assert.Equal(t, []float64{1, 3, 2, 3, 5, 1}, rows)
	assert.Equal(t, histogram.NonFinite{NaNs: 2, PosInfs: 1, NegInfs: 1}, nonFinite)
}

func TestEqualBucketsOfASubnormalNumber(t *testing.T) {
	const least = math.SmallestNonzeroFloat64
	alone, _ := equalRows(t, []float64{-least}, 1)
	assert.Equal(t, []float64{-least, -least, 1}, alone)
	twice, _ := equalRows(t, []float64{least, least}, 1)
	assert.Equal(t, []float64{0, 0, 2}, twice)
	narrow, _ := equalRows(t, []float32{math.SmallestNonzeroFloat32}, 1)
	assert.Equal(t, []float64{0, 0, 1}, narrow, "it is 0 once it is a float64")
}

func TestEqualBucketsOfARangeBeyondDBLMax(t *testing.T) {
	const most = 0x1p1023
	rows, _ := equalRows(t, []float64{-most, -most / 2, 0, most}, 4)
	assert.Equal(t, []float64{-most, -most / 2, 1, -most / 2, 0, 1, 0, most / 2, 1, most / 2, most, 1}, rows)
	rows, _ = equalRows(t, []float64{-math.MaxFloat64, math.MaxFloat64}, 1)
	assert.Equal(t, []float64{-math.MaxFloat64, math.MaxFloat64, 2}, rows)
}

func TestSubnormalNumbersAreZeroToEqualBuckets(t *testing.T) {
	const least, normal = math.SmallestNonzeroFloat32, 0x1p-126
	rows, _ := equalRows(t, []float32{-least, least}, 1)
	assert.Equal(t, []float64{0, 0, 2}, rows)
	rows, _ = equalRows(t, []float32{normal, least}, 1)
	assert.Equal(t, []float64{0, normal, 2}, rows)
	rows, _ = equalRows(t, []float64{least, -least}, 1)
	assert.Equal(t, []float64{-least, least, 2}, rows)
	// Their difference is one, too.
	rows, _ = equalRows(t, []float64{0x1p-1022, math.Nextafter(0x1p-1022, 1)}, 2)
	assert.Equal(t, []float64{0x1p-1022, 0x1p-1022, 0, 0x1p-1022, 0x1p-1022, 2}, rows)
}

func TestEqualBucketsOfIntegers(t *testing.T) {
	rows, _ := equalRows(t, []uint8{0, 1, 2, 255}, 3)
	assert.Equal(t, []float64{0, 85, 3, 85, 170, 0, 170, 255, 1}, rows)
	rows, _ = equalRows(t, []int32{-1, 1}, 2)
	assert.Equal(t, []float64{-1, 0, 1, 0, 1, 1}, rows)
}

func TestNumberOfEqualBucketsIsLimited(t *testing.T) {
	rows, _ := equalRows(t, []float64{1, 2}, 0)
	assert.Empty(t, rows)
	for _, buckets := range []int{-1, histogram.MaxEqualBuckets + 1, math.MaxInt} {
		dst := []float64{7}
		rows, _, err := histogram.AppendEqualRows(dst, []float64{1}, buckets)
		assert.ErrorContains(t, err, "buckets, want 0 to 1048576")
		assert.Equal(t, dst, rows)
	}
}

func FuzzAppendEqualRows(f *testing.F) {
	f.Add(1.0, 2.0, 3.0, 5)
	f.Add(-math.MaxFloat64, math.MaxFloat64, 0.5, 7)
	f.Add(0x1p-1022, 0x1p-1021, math.SmallestNonzeroFloat64, 3)
	f.Fuzz(func(t *testing.T, a, b, c float64, buckets int) {
		buckets &= 0xfff
		rows, nonFinite, err := histogram.AppendEqualRows(nil, []float64{a, b, c}, buckets)
		require.NoError(t, err)
		count := float64(nonFinite.NaNs + nonFinite.PosInfs + nonFinite.NegInfs)
		for i := 0; i < len(rows); i += 3 {
			require.LessOrEqual(t, rows[i], rows[i+1])
			require.True(t, i == 0 || rows[i] == rows[i-2], "a gap before %v", rows[i])
			count += rows[i+2]
		}
		require.True(t, buckets == 0 || count == 3, "%v counted", count)
	})
}
