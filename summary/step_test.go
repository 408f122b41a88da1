package summary_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func TestAPlaceBetweenStepsIsAStepOfMany(t *testing.T) {
	for _, c := range []struct {
		place   float64
		perUnit int64
		want    int64
	}{
		{1.25, 1000, 1250}, {0.1 + 0.2, 10, 3}, {-0.5, 1000, -500}, {2, 1, 2}, {1.4996, 1000, 1500}, {0, math.MaxInt64, 0}, {9e15, 1000, 9e18},
	} {
		got, err := summary.FixedStep(c.place, c.perUnit)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%v of %d", c.place, c.perUnit)
	}
	for _, c := range []struct {
		place   float64
		perUnit int64
		want    string
	}{
		{1, 0, "0 steps a unit, want 1 or more"},
		{1, -1000, "-1000 steps a unit, want 1 or more"},
		{math.NaN(), 10, "NaN of 10 steps a unit is no step"},
		{math.Inf(-1), 10, "-Inf of 10 steps a unit is no step"},
		{1e16, 1000, "1e+16 of 1000 steps a unit is no step"},
		{-1, math.MinInt64, "-9223372036854775808 steps a unit, want 1 or more"},
		{-1 << 53, 1024, "-9.007199254740992e+15 of 1024 steps a unit is no step"}, // CurrentStep
	} {
		_, err := summary.FixedStep(c.place, c.perUnit)
		require.EqualError(t, err, "summary: FixedStep: "+c.want)
	}
}
