package histogram_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/runhook/runhook/internal/histogram"
)

func BenchmarkAdd(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	f32s := func(next func() float64) []float32 {
		values := make([]float32, 1<<20)
		for i := range values {
			values[i] = float32(next())
		}
		return values
	}
	normal := f32s(r.NormFloat64)
	f64s := make([]float64, len(normal))
	i64s, u8s := make([]int64, len(normal)), make([]uint8, len(normal))
	for i, v := range normal {
		f64s[i] = float64(v)
		i64s[i] = int64(1000 * v)
		u8s[i] = uint8(r.Uint32())
	}
	var h histogram.Histogram
	perValue := func(b *testing.B, add func()) {
		for b.Loop() {
			add()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(normal)), "ns/value")
	}
	for _, kind := range []struct {
		name string
		next func() float64
	}{
		{"normal", r.NormFloat64},
		{"half zero", func() float64 { return max(r.NormFloat64(), 0) }},
		{"all equal", func() float64 { return 1 }},
		{"50 decades", func() float64 { return math.Copysign(math.Exp(r.Float64()*115-57), r.NormFloat64()) }},
		{"1 in 1000 NaN", func() float64 { return pick(r, 1000, []float64{math.NaN()}, r.NormFloat64()) }},
	} {
		values := f32s(kind.next)
		b.Run("float32 "+kind.name, func(b *testing.B) { perValue(b, func() { histogram.Add(&h, values) }) })
	}
	b.Run("float64 normal", func(b *testing.B) { perValue(b, func() { histogram.Add(&h, f64s) }) })
	b.Run("int64 normal", func(b *testing.B) { perValue(b, func() { histogram.Add(&h, i64s) }) })
	b.Run("uint8 uniform", func(b *testing.B) { perValue(b, func() { histogram.Add(&h, u8s) }) })
	b.Run("float32 normal, 30 equal buckets", func(b *testing.B) {
		perValue(b, func() {
			if _, _, err := histogram.AppendEqualRows(nil, normal, 30); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("float32 normal with sort.Search", func(b *testing.B) {
		p := newPlain(normal32)
		perValue(b, func() {
			for _, v := range normal {
				p.add(float64(v))
			}
		})
	})
}

func BenchmarkAppend(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var h histogram.Histogram
	for range 1 << 16 {
		histogram.Add(&h, []float64{r.NormFloat64()})
	}
	var upper, counts, rows []float64
	b.Run("buckets", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			upper, counts = h.AppendBuckets(upper[:0], counts[:0])
		}
	})
	b.Run("rows", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			rows = h.AppendRows(rows[:0])
		}
	})
}

func BenchmarkRules(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	normal := make([]float32, 1<<20)
	for i := range normal {
		normal[i] = float32(r.NormFloat64())
	}
	var rows []float64
	for name, rule := range rules {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var err error
				if rows, _, err = histogram.AppendRuleRows(rows[:0], normal, rule, histogram.MaxEqualBuckets); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(normal)), "ns/value")
		})
	}
}
