package histogram_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/histogram"
)

// requireBuckets adds each value, all finite, alone.
func requireBuckets(t *testing.T, f64s []float64, f32s []float32) {
	t.Helper()
	var h histogram.Histogram
	upper, counts := make([]float64, 3), make([]float64, 3)
	p64, p32 := newPlain(normal64), newPlain(normal32)
	check := func(p *plain, v float64) {
		upper, counts = h.AppendBuckets(upper[:0], counts[:0])
		i := p.bucket(v)
		if upper[0] != p.limits[i-1] || upper[1] != p.limits[i] || counts[0] != 0 || counts[1] != 1 {
			require.FailNow(t, "wrong bucket", "of %v (%#x): %v %v, want the one from %v to %v",
				v, math.Float64bits(v), upper, counts, p.limits[i-1], p.limits[i])
		}
		h.Reset()
	}
	for i, v := range f64s {
		histogram.Add(&h, f64s[i:i+1])
		check(p64, v)
	}
	for i, v := range f32s {
		histogram.Add(&h, f32s[i:i+1])
		check(p32, float64(v))
	}
}

func TestBucketsAtEveryLimitAndItsNeighbours(t *testing.T) {
	f64s := []float64{math.Copysign(0, -1), math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64}
	f32s := []float32{float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, math.MaxFloat32, -math.MaxFloat32}
	for _, limit := range newPlain(normal64).limits {
		for _, v := range []float64{math.Nextafter(limit, math.Inf(-1)), limit, math.Nextafter(limit, math.Inf(1))} {
			if !math.IsInf(v, 0) {
				f64s = append(f64s, v)
			}
		}
		if f := float32(limit); !math.IsInf(float64(f), 0) {
			f32s = append(f32s, math.Nextafter32(f, float32(math.Inf(-1))), f, math.Nextafter32(f, float32(math.Inf(1))))
		}
	}
	requireBuckets(t, f64s, f32s)
}

func TestBucketsAtEveryExponentAndItsNeighbours(t *testing.T) {
	var f64s []float64
	var f32s []float32
	for e := -1074; e <= 1023; e++ {
		for _, sign := range []float64{-1, 1} {
			v := sign * math.Ldexp(1, e)
			f64s = append(f64s, math.Nextafter(v, math.Inf(-1)), v, math.Nextafter(v, math.Inf(1)))
			if f := float32(v); !math.IsInf(float64(f), 0) {
				f32s = append(f32s, math.Nextafter32(f, float32(math.Inf(-1))), f, math.Nextafter32(f, float32(math.Inf(1))))
			}
		}
	}
	requireBuckets(t, f64s, f32s)
}

func TestBucketsOfRandomBitPatterns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var f64s []float64
	var f32s []float32
	for range 1 << 18 {
		if v := math.Float64frombits(r.Uint64()); v-v == 0 {
			f64s = append(f64s, v)
		}
		// Where the limits are.
		if v := math.Ldexp(r.Float64(), r.IntN(112)-41); r.IntN(2) == 0 {
			f64s = append(f64s, v, -v)
		}
		if v := math.Float32frombits(r.Uint32()); v-v == 0 {
			f32s = append(f32s, v)
		}
	}
	requireBuckets(t, f64s, f32s)
}

func TestManyValuesGiveThePlainHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(math.NaN(), -1), math.MaxFloat64, -math.MaxFloat64, 0, math.Copysign(0, -1)}
	kinds := map[string]func() float64{
		"normal":                     r.NormFloat64,
		"half of them zero":          func() float64 { return max(r.NormFloat64(), 0) },
		"zeros of both signs":        func() float64 { return math.Copysign(0, r.NormFloat64()) },
		"any bits":                   func() float64 { return math.Float64frombits(r.Uint64()) },
		"subnormal":                  func() float64 { return 1e-310 * r.NormFloat64() },
		"subnormal in float32":       func() float64 { return 1e-39 * r.NormFloat64() },
		"squares that are subnormal": func() float64 { return 1e-157 * r.NormFloat64() },
		"some subnormal":             func() float64 { return pick(r, 3, []float64{1e-310, -1e-310, 1e-40, 0, 1e-160}, r.NormFloat64()) },
		"hardly any subnormal":       func() float64 { return pick(r, 700, []float64{-5e-324, 1e-39}, max(r.NormFloat64(), 0)) },
		"squares that overflow":      func() float64 { return 1e200 * r.NormFloat64() },
		"few that are not finite":    func() float64 { return pick(r, 1000, odd, r.NormFloat64()) },
		"many that are not finite":   func() float64 { return pick(r, 3, odd, r.NormFloat64()) },
		"nothing finite":             func() float64 { return odd[r.IntN(4)] },
		"from less to more than all": func() float64 { return math.Copysign(math.Exp(r.Float64()*130-65), r.NormFloat64()) },
	}
	var h histogram.Histogram
	for name, next := range kinds {
		t.Run(name, func(t *testing.T) {
			h.Reset()
			p, p32 := newPlain(normal64), newPlain(normal32)
			var h32 histogram.Histogram
			for _, n := range []int{0, 1, 511, 512, 513, 2000, 1} {
				values, narrow := make([]float64, n), make([]float32, n)
				for i := range values {
					values[i] = next()
					narrow[i] = float32(values[i])
					p.add(values[i])
					p32.add(float64(narrow[i]))
				}
				histogram.Add(&h, values)
				histogram.Add(&h32, narrow)
				requireSame(t, p.contents(), contents(&h))
				requireSame(t, p32.contents(), contents(&h32))
			}
		})
	}
}

// pick returns v or, one time in n, one of odd.
func pick(r *rand.Rand, n int, odd []float64, v float64) float64 {
	if r.IntN(n) == 0 {
		return odd[r.IntN(len(odd))]
	}
	return v
}

func TestIntegersCountAsFloat64s(t *testing.T) {
	var h histogram.Histogram
	histogram.Add(&h, []uint8{0, 255})
	histogram.Add(&h, []int16{math.MinInt16})
	histogram.Add(&h, []uint64{math.MaxUint64})
	requireSame(t, histogramOf(t, 0, 255, math.MinInt16, math.MaxUint64), contents(&h))
}

func TestZeroValueIsAnEmptyHistogram(t *testing.T) {
	var h histogram.Histogram
	requireSame(t, histogramOf(t), contents(&h))
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	var h histogram.Histogram
	histogram.Add(&h, []float64{1, 2})
	upper, counts := h.AppendBuckets([]float64{7}, []float64{8, 9})
	want := contents(&h)
	assert.Equal(t, append([]float64{7}, want.upper...), upper)
	assert.Equal(t, append([]float64{8, 9}, want.counts...), counts)
	assert.Equal(t, append([]float64{7}, want.rows...), h.AppendRows([]float64{7}))
}

func TestReusedHistogramAllocatesNothing(t *testing.T) {
	var h histogram.Histogram
	f32s, f64s, ints := make([]float32, 1000), []float64{1, 2, math.NaN()}, []int{1, 2, 3}
	var upper, counts, rows []float64
	use := func() {
		h.Reset()
		histogram.Add(&h, f32s)
		histogram.Add(&h, f64s)
		histogram.Add(&h, ints)
		upper, counts = h.AppendBuckets(upper[:0], counts[:0])
		rows = h.AppendRows(rows[:0])
	}
	use()
	assert.Zero(t, testing.AllocsPerRun(100, use))
}
