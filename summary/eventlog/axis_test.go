package eventlog_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog"
)

func TestAnAxisTellsWhereStepsAre(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	axis := eventlog.NewAxis(&eventlog.Curve{ // unordered, as after a restart, and with steps that come again
		Steps:  []int64{0, 30, 10, 20, 10, 50, 40, math.MaxInt64, math.MinInt64},
		Values: []float64{0, 3, 7, inf, 1, -math.MaxFloat64, math.MaxFloat64, 0, 0},
	})
	for step, want := range map[int64]float64{
		math.MinInt64: 0, -1: 0, 0: 0, 1: 0.1, 9: 0.9, 10: 1, 11: nan, 20: inf, 25: nan, 30: 3, 45: 0, 50: -math.MaxFloat64,
		math.MaxInt64: 0,
	} {
		if got := axis.At(step); math.IsNaN(want) {
			require.True(t, math.IsNaN(got), "%d: %v", step, got)
		} else {
			require.InDelta(t, want, got, 1e-12, "%d", step)
		}
	}
	short := eventlog.NewAxis(&eventlog.Curve{Steps: []int64{5}, Values: []float64{1}})
	require.Equal(t, 1., short.At(5))
	for _, step := range []int64{math.MinInt64, 4, 6, math.MaxInt64} {
		require.True(t, math.IsNaN(short.At(step)), "%d", step)
	}
	require.True(t, math.IsNaN(eventlog.NewAxis(&eventlog.Curve{}).At(0)))
	require.True(t, math.IsNaN(new(eventlog.Axis).At(0)))
}
