package pixels

import (
	"fmt"
	"math"
	"slices"
)

// FromFloat32 appends the picture of data to dst: the values scaled by one
// factor so that they make use of the range of a byte, and cut to integers.
// Without values below 0 the greatest becomes 255. Otherwise 0 becomes 128 and
// the one farthest from it 1 or 255. The factor is 0 if no value is 1e-6 or
// more away from 0.
//
// A pixel of which any channel is NaN or infinite has no part in this and gets
// the colour bad. That has at least as many channels as the picture, of which
// the first count; nil is opaque white for one or two channels and opaque red
// for three or four.
func FromFloat32(dst []uint8, data []float32, s Shape, bad []uint8) ([]uint8, error) {
	return fromFloats(dst, data, s, bad, convert)
}

// FromHalf is FromFloat32 for values of float16: TensorFlow scales those in float16.
func FromHalf(dst []uint8, data []float32, s Shape, bad []uint8) ([]uint8, error) {
	return fromFloats(dst, data, s, bad, convertHalf)
}

// FromFloat64 is FromFloat32 for float64. The factor is a float32, too, and 0
// if a value is beyond the range of float32.
func FromFloat64(dst []uint8, data []float64, s Shape, bad []uint8) ([]uint8, error) {
	return fromFloats(dst, data, s, bad, convert)
}

// FromUnit appends the picture of data to dst, values from 0 to 1 as
// tf.summary.image takes them: 255 is what is at or near 1 or beyond, 0 what is
// below 0 or NaN.
func FromUnit[T float32 | float64](dst []uint8, data []T, s Shape) ([]uint8, error) {
	return fromUnit(dst, data, s, func(v T) T { return v })
}

// FromUnitHalf is FromUnit for values of float16.
func FromUnitHalf(dst []uint8, data []float32, s Shape) ([]uint8, error) {
	return fromUnit(dst, data, s, half)
}

func fromUnit[T float32 | float64](dst []uint8, data []T, s Shape, round func(T) T) ([]uint8, error) {
	const one = 255.5 // what 1 becomes, before it is cut off
	if err := s.Check(len(data)); err != nil {
		return dst, err
	}
	dst = slices.Grow(dst, len(data))
	for _, v := range data {
		b := uint8(0)
		if v > 0 {
			b = uint8(min(round(v*one), 255))
		}
		dst = append(dst, b)
	}
	return dst, nil
}

func fromFloats[T float32 | float64](dst []uint8, data []T, s Shape, bad []uint8, convert func(dst []uint8, pixel []T, factor, zero T)) ([]uint8, error) {
	if err := s.Check(len(data)); err != nil {
		return dst, err
	}
	if bad == nil {
		bad = badColors[s.Channels]
	}
	if len(bad) < s.Channels {
		return dst, fmt.Errorf("pixels: bad color of %d channels, want at least the picture's %d", len(bad), s.Channels)
	}
	size := s.Channels
	if finite(data) {
		size = len(data) // as one pixel: long loops are faster
	}
	factor, zero := scale(data, size)
	dst = slices.Grow(dst, len(data))
	pix := dst[len(dst) : len(dst)+len(data)]
	for i := 0; i < len(data); i += size {
		if pixel := data[i : i+size]; finite(pixel) {
			convert(pix[i:], pixel, T(factor), T(zero))
		} else {
			copy(pix[i:], bad[:size])
		}
	}
	return dst[:len(dst)+len(data)], nil
}

var badColors = [...][]uint8{1: {255}, 2: {255, 255}, 3: {255, 0, 0}, 4: {255, 0, 0, 255}}

// scale returns the factor and what becomes of 0. TensorFlow's documentation
// says 127 for the latter, but it is 128.
func scale[T float32 | float64](data []T, size int) (factor, zero float32) {
	const (
		least  = 1e-6
		normal = 0x1p-126 // what is nearer to 0 is 0 to TensorFlow's threads
	)
	var lowest, highest T
	for i := 0; i < len(data); i += size {
		pixel := data[i : i+size]
		if !finite(pixel) {
			continue
		}
		for _, v := range pixel {
			if v < lowest {
				lowest = v
			}
			if v > highest {
				highest = v
			}
		}
	}
	span, farthest := float32(255), float32(max(-lowest, highest))
	if float32(lowest) <= -normal {
		span, zero = 127, 128
	}
	if farthest < least {
		return 0, zero
	}
	return span / farthest, zero
}

func convert[T float32 | float64](dst []uint8, pixel []T, factor, zero T) {
	for i, v := range pixel {
		// T(…) keeps the compiler from fusing the two operations.
		dst[i] = uint8(T(v*factor) + zero)
	}
}

func convertHalf(dst []uint8, pixel []float32, factor, zero float32) {
	factor = half(factor)
	for i, v := range pixel {
		dst[i] = 0 // what an infinite factor comes to
		if factor-factor == 0 {
			dst[i] = uint8(half(half(v*factor) + zero))
		}
	}
}

// half rounds to float16, to even.
func half(x float32) float32 {
	const greatest = 65504
	_, exponent := math.Frexp(float64(x))
	unit := math.Ldexp(1, max(exponent, -13)-11) // of the last bit
	rounded := math.RoundToEven(float64(x)/unit) * unit
	if math.Abs(rounded) > greatest {
		return float32(math.Inf(int(math.Copysign(1, rounded))))
	}
	return float32(rounded)
}

func finite[T float32 | float64](pixel []T) bool {
	for _, v := range pixel {
		if v-v != 0 {
			return false
		}
	}
	return true
}
