package session_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestAValueTellsWhatItHolds(t *testing.T) {
	leaktest.Check(t)
	tensor := session.Tensor{Shape: []int{1}, Data: []float32{2.5}}
	for _, c := range []struct {
		name   string
		value  session.Value
		kind   session.Kind
		any    any
		text   string
		number float64 // NaN: none
	}{
		{"none", session.Value{}, session.KindNone, nil, "<none>", math.NaN()},
		{"float32", session.Float32(0.1), session.KindFloat32, float32(0.1), "0.1", float64(float32(0.1))},
		{"float64", session.Float64(-0.1), session.KindFloat64, -0.1, "-0.1", -0.1},
		{"infinite", session.Float64(math.Inf(1)), session.KindFloat64, math.Inf(1), "+Inf", math.Inf(1)},
		{"int64", session.Int64(math.MinInt64), session.KindInt64, int64(math.MinInt64), "-9223372036854775808", math.MinInt64},
		{"true", session.Bool(true), session.KindBool, true, "true", 1},
		{"false", session.Bool(false), session.KindBool, false, "false", 0},
		{"string", session.String("1"), session.KindString, "1", "1", math.NaN()},
		{"tensor of one element", session.TensorValue(tensor), session.KindTensor, tensor, "float32[1][2.5]", 2.5},
		{"tensor of two elements", session.TensorOf([]int64{1, 2}), session.KindTensor, session.Tensor{Shape: []int{2}, Data: []int64{1, 2}}, "int64[2][1 2]", math.NaN()},
		{"any", session.Any(time.Second), session.KindAny, time.Second, "1s", math.NaN()},
		{"any of nil", session.Any(nil), session.KindNone, nil, "<none>", math.NaN()},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := c.value
			require.Equal(t, c.kind, v.Kind())
			require.Equal(t, c.kind == session.KindNone, v.IsNone())
			require.Equal(t, c.any, v.Any())
			require.Equal(t, c.text, v.String())
			number, ok := v.Number()
			require.Equal(t, !math.IsNaN(c.number), ok)
			if ok {
				require.Equal(t, c.number, number)
			}
			for _, as := range []struct {
				get  func() (any, bool)
				want bool
			}{
				{func() (any, bool) { v, ok := v.Float64(); return v, ok }, c.kind == session.KindFloat64 || c.kind == session.KindFloat32},
				{func() (any, bool) { v, ok := v.Float32(); return v, ok }, c.kind == session.KindFloat32},
				{func() (any, bool) { v, ok := v.Int64(); return v, ok }, c.kind == session.KindInt64},
				{func() (any, bool) { v, ok := v.Bool(); return v, ok }, c.kind == session.KindBool},
				{func() (any, bool) { v, ok := v.Text(); return v, ok }, c.kind == session.KindString},
				{func() (any, bool) { v, ok := v.Tensor(); return v, ok }, c.kind == session.KindTensor},
			} {
				got, ok := as.get()
				require.Equal(t, as.want, ok, "as %T", got)
				if ok {
					require.EqualValues(t, c.any, got)
				} else {
					require.Zero(t, got, "what is no %T is the zero one", got)
				}
			}
		})
	}
}

func TestNaNKeepsItsBits(t *testing.T) {
	leaktest.Check(t)
	f, ok := session.Float64(math.NaN()).Float64()
	require.True(t, ok)
	require.True(t, math.IsNaN(f))
	number, ok := session.Float32(float32(math.NaN())).Number()
	require.True(t, ok)
	require.True(t, math.IsNaN(number))
}

func TestAnAnyThatHoldsAStringIsNoString(t *testing.T) {
	leaktest.Check(t)
	text, ok := session.Any("x").Text()
	require.False(t, ok)
	require.Empty(t, text)
}

func TestKindsHaveNames(t *testing.T) {
	leaktest.Check(t)
	for k, want := range map[session.Kind]string{
		session.KindNone: "none", session.KindFloat32: "float32", session.KindFloat64: "float64", session.KindInt64: "int64",
		session.KindBool: "bool", session.KindString: "string", session.KindTensor: "tensor", session.KindAny: "any", 200: "Kind(200)",
	} {
		require.Equal(t, want, k.String())
	}
}

func TestACloneOfAValueSharesNoData(t *testing.T) {
	leaktest.Check(t)
	data := []float64{1, 2}
	v := session.TensorOf(data)
	shared, clone := v, v.Clone()
	data[0] = 9
	require.Equal(t, "float64[2][9 2]", shared.String())
	require.Equal(t, "float64[2][1 2]", clone.String())
	require.Equal(t, session.Int64(3), session.Int64(3).Clone())
}
