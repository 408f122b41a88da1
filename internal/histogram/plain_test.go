package histogram_test

import (
	"math"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/histogram"
)

// content is all that a histogram gives.
type content struct {
	nans, posInfs, negInfs, num uint64
	moments                     histogram.Moments
	upper, counts, rows         []float64
}

func contents(h *histogram.Histogram) content {
	c := content{nans: h.NaNs, posInfs: h.PosInfs, negInfs: h.NegInfs, num: h.Num(), moments: h.Moments()}
	c.upper, c.counts = h.AppendBuckets(nil, nil)
	c.rows = h.AppendRows(nil)
	return c
}

// plain is the histogram as TensorFlow and TensorBoard spell it out, with our
// two rules, to compare with.
type plain struct {
	normal float64 // the least positive normal number of the values' type
	limits []float64
	counts []float64
	content
}

const (
	normal32 = 0x1p-126
	normal64 = 0x1p-1022
)

func newPlain(normal float64) *plain {
	p := &plain{normal: normal, limits: []float64{0}}
	p.moments.Min, p.moments.Max = math.MaxFloat64, -math.MaxFloat64
	for v := 1e-12; v < 1e20; v *= 1.1 {
		p.limits = append(p.limits, v, -v)
	}
	p.limits = append(p.limits, -math.MaxFloat64, math.MaxFloat64)
	sort.Float64s(p.limits)
	p.counts = make([]float64, len(p.limits))
	return p
}

// flushed is v as TensorFlow's threads take it.
func flushed(v, normal float64) float64 {
	if math.Abs(v) < normal {
		return math.Copysign(0, v)
	}
	return v
}

func (p *plain) bucket(v float64) int {
	v = flushed(v, p.normal)
	return min(sort.Search(len(p.limits), func(i int) bool { return p.limits[i] > v }), len(p.limits)-1)
}

func (p *plain) add(v float64) {
	switch {
	case math.IsNaN(v):
		p.nans++
	case math.IsInf(v, 1):
		p.posInfs++
	case math.IsInf(v, -1):
		p.negInfs++
	default:
		p.counts[p.bucket(v)]++
		if p.normal == normal32 { // what a float32 becomes as a float64
			v = flushed(v, normal32)
		}
		f := flushed(v, normal64)
		if flushed(p.moments.Min, normal64) > f {
			p.moments.Min = v
		}
		if flushed(p.moments.Max, normal64) < f {
			p.moments.Max = v
		}
		p.num++
		p.moments.Sum = flushed(p.moments.Sum+f, normal64)
		p.moments.SumSquares += flushed(f*f, normal64)
	}
}

func (p *plain) contents() content {
	c := p.content
	for i := 0; i < len(p.counts); {
		end, count := p.limits[i], p.counts[i]
		i++
		for count == 0 && i < len(p.counts) && p.counts[i] == 0 {
			end = p.limits[i]
			i++
		}
		c.upper, c.counts = append(c.upper, end), append(c.counts, count)
	}
	start, end := 0, len(c.counts)-1
	for start < len(c.counts) && c.counts[start] == 0 {
		start++
	}
	for end >= start && c.counts[end] == 0 {
		end--
	}
	for i := start; i <= end; i++ {
		left, right := c.moments.Min, c.moments.Max
		if i > start {
			left = c.upper[i-1]
		}
		if i < end {
			right = c.upper[i]
		}
		c.rows = append(c.rows, left, right, c.counts[i])
	}
	return c
}

// histogramOf returns what a histogram of the values must contain.
func histogramOf(t *testing.T, values ...float64) content {
	t.Helper()
	p := newPlain(normal64)
	require.Len(t, p.limits, histogram.Buckets)
	for _, v := range values {
		p.add(v)
	}
	return p.contents()
}

func requireSame(t *testing.T, want, got content) {
	t.Helper()
	require.Equal(t, []uint64{want.nans, want.posInfs, want.negInfs, want.num}, []uint64{got.nans, got.posInfs, got.negInfs, got.num})
	requireBits(t, []float64{want.moments.Min, want.moments.Max, want.moments.Sum, want.moments.SumSquares},
		[]float64{got.moments.Min, got.moments.Max, got.moments.Sum, got.moments.SumSquares})
	requireBits(t, want.upper, got.upper)
	requireBits(t, want.counts, got.counts)
	requireBits(t, want.rows, got.rows)
}

// requireBits tells 0 from -0; any NaN is like another.
func requireBits(t *testing.T, want, got []float64) {
	t.Helper()
	bits := func(values []float64) []uint64 {
		all := make([]uint64, len(values))
		for i, v := range values {
			all[i] = math.Float64bits(v)
			if math.IsNaN(v) {
				all[i] = math.Float64bits(math.NaN())
			}
		}
		return all
	}
	require.Equal(t, bits(want), bits(got), "want %v\n got %v", want, got)
}
