package pixels_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/pixels"
)

// FromFloat32 and FromFloat64 must agree wherever the values are the same.
func fromFloats(t *testing.T, s pixels.Shape, bad []uint8, data ...float64) []uint8 {
	t.Helper()
	narrow := make([]float32, len(data))
	for i, v := range data {
		narrow[i] = float32(v)
	}
	pix, err := pixels.FromFloat64(nil, data, s, bad)
	require.NoError(t, err)
	pix32, err := pixels.FromFloat32(nil, narrow, s, bad)
	require.NoError(t, err)
	assert.Equal(t, pix32, pix)
	return pix
}

func TestFloatsAreScaledToTheRangeOfAByte(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name     string
		channels int
		data     []float64
		want     []uint8
	}{
		{"positive", 1, []float64{0, 1, 2, 4}, []uint8{0, 63, 127, 255}},
		{"negative", 1, []float64{-4, -2, -1}, []uint8{1, 64, 96}},
		{"around zero, farther below", 1, []float64{-4, 0, 2}, []uint8{1, 128, 191}},
		{"around zero, farther above", 1, []float64{-2, 0, 4}, []uint8{64, 128, 255}},
		{"no value far from zero", 1, []float64{0, 9e-7}, []uint8{0, 0}},
		{"no value far from zero, some below", 1, []float64{-9e-7, 9e-7}, []uint8{128, 128}},
		{"nothing finite in grey", 1, []float64{nan, inf, -inf}, []uint8{255, 255, 255}},
		{"grey and alpha", 2, []float64{0, 1, nan, 1, 0.5, 1}, []uint8{0, 255, 255, 255, 127, 255}},
		{"a bad pixel's own finite values do not count", 3, []float64{100, inf, 0, 0, 0.5, 1}, []uint8{255, 0, 0, 0, 127, 255}},
		{"red, green, blue and alpha", 4, []float64{1, 1, 1, -inf, 0, 0.5, 1, 1}, []uint8{255, 0, 0, 255, 0, 127, 255, 255}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := pixels.Shape{Height: 1, Width: len(c.data) / c.channels, Channels: c.channels}
			assert.Equal(t, c.want, fromFloats(t, s, nil, c.data...))
		})
	}
}

func TestFloat64BeyondFloat32MakesTheFactorZero(t *testing.T) {
	for _, c := range []struct {
		data []float64
		want []uint8
	}{
		{[]float64{1e300, 1}, []uint8{0, 0}},
		{[]float64{-1e300, 1}, []uint8{128, 128}},
	} {
		pix, err := pixels.FromFloat64(nil, c.data, pixels.Shape{Height: 1, Width: 2, Channels: 1}, nil)
		require.NoError(t, err)
		assert.Equal(t, c.want, pix)
	}
}

func TestScaledIsAppended(t *testing.T) {
	pix, err := pixels.FromFloat32([]uint8{7}, []float32{1}, pixels.Shape{Height: 1, Width: 1, Channels: 1}, nil)
	require.NoError(t, err)
	assert.Equal(t, []uint8{7, 255}, pix)
}

func TestShapeThatDoesNotFitIsNamed(t *testing.T) {
	for _, c := range []struct {
		shape  pixels.Shape
		values int
		want   string
	}{
		{pixels.Shape{Height: 1, Width: 1, Channels: 0}, 0, "pixels: 0 channels, want 1 to 4"},
		{pixels.Shape{Height: 1, Width: 1, Channels: 5}, 5, "pixels: 5 channels, want 1 to 4"},
		{pixels.Shape{Height: 2, Width: 0, Channels: 1}, 0, "pixels: height 2 and width 0, want at least 1"},
		{pixels.Shape{Height: -1, Width: -4, Channels: 1}, 4, "pixels: height -1 and width -4, want at least 1"},
		{pixels.Shape{Height: 1 << 15, Width: 1 << 14, Channels: 1}, 1 << 29, "pixels: height 32768 × width 16384, want less than 536870912 pixels"},
		{pixels.Shape{Height: math.MaxInt, Width: math.MaxInt, Channels: 4}, 4, "want less than 536870912 pixels"},
		{pixels.Shape{Height: 2, Width: 3, Channels: 4}, 23, "pixels: 23 values, want height 2 × width 3 × 4 channels = 24"},
	} {
		assert.ErrorContains(t, c.shape.Check(c.values), c.want)
	}
	assert.NoError(t, pixels.Shape{Height: 1<<29 - 1, Width: 1, Channels: 4}.Check(1<<31-4))

	wrong := pixels.Shape{Height: 1, Width: 1, Channels: 3}
	dst := []uint8{7}
	got, err := pixels.FromFloat32(dst, []float32{1}, wrong, nil)
	assert.ErrorContains(t, err, "1 values, want")
	assert.Equal(t, dst, got)
	got, err = pixels.FromFloat64(dst, []float64{1}, wrong, nil)
	assert.ErrorContains(t, err, "1 values, want")
	assert.Equal(t, dst, got)
	got, err = pixels.EncodePNG(dst, []uint8{1}, wrong)
	assert.ErrorContains(t, err, "1 values, want")
	assert.Equal(t, dst, got)
}

func TestConversionIntoALargeEnoughSliceAllocatesNothing(t *testing.T) {
	s := pixels.Shape{Height: 4, Width: 5, Channels: 3}
	f32s, f64s := make([]float32, 60), make([]float64, 60)
	f32s[1], f64s[2] = float32(math.NaN()), -1
	dst := make([]uint8, 0, 60)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := pixels.FromFloat32(dst, f32s, s, nil); err != nil {
			t.Error(err)
		}
		if _, err := pixels.FromFloat64(dst, f64s, s, nil); err != nil {
			t.Error(err)
		}
	}))
}
