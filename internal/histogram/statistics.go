package histogram

import (
	"math"
	"math/bits"
	"slices"
)

// The sums here are NumPy's in every bit: a bit more or less makes another number
// of buckets where a rule comes to a whole number. Conversions of products keep
// the compiler from fusing two operations.

func (s sample) mean() float64 {
	return sum(s.values, func(v float64) float64 { return v }) / float64(len(s.values))
}

// deviation is the standard deviation of the values as a population.
func (s sample) deviation(mean float64) float64 {
	squares := sum(s.values, func(v float64) float64 { return float64((v - mean) * (v - mean)) })
	return math.Sqrt(squares / float64(len(s.values)))
}

// sum adds f of the values by halves, as NumPy does
// (numpy/_core/src/umath/loops_utils.h.src).
func sum(values []float64, f func(float64) float64) float64 {
	const lanes, block = 8, 128
	if len(values) > block {
		half := len(values) / 2
		half -= half % lanes
		return sum(values[:half], f) + sum(values[half:], f)
	}
	total := 0.0
	if len(values) >= lanes {
		var a [lanes]float64
		for i := range a {
			a[i] = f(values[i])
		}
		for values = values[lanes:]; len(values) >= lanes; values = values[lanes:] {
			for i := range a {
				a[i] += f(values[i])
			}
		}
		total = ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]))
	}
	for _, v := range values {
		total += f(v)
	}
	return total
}

// interquartile is the distance of the quartiles, between which values are taken
// as on a straight line. It changes the order of the values.
func (s sample) interquartile() float64 { return s.quantile(0.75) - s.quantile(0.25) }

func (s sample) quantile(q float64) float64 {
	at := q * float64(len(s.values)-1)
	k := int(at)
	a, b := ranked(s.values, k)
	t := at - float64(k)
	if t >= 0.5 {
		return b - float64((b-a)*(1-t))
	}
	return a + float64((b-a)*t)
}

// ranked returns the k-th least of the values, from 0, and the next, which is the
// same one for the last. It changes the order of the values.
func ranked(values []float64, k int) (at, next float64) {
	low, high := 0, len(values) // what is before low is not greater than the k-th, what is from high on not less
	for steps := 2 * bits.Len(uint(len(values))); high-low > 16 && steps > 0; steps-- {
		pivot := median(values[low], values[low+(high-low)/2], values[high-1])
		i, j := low, high-1
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			high = j + 1
		case k >= i:
			low = i
		default:
			low, high = k, k+1
		}
	}
	slices.Sort(values[low:high])
	if k == len(values)-1 {
		return values[k], values[k]
	}
	return values[k], slices.Min(values[k+1:])
}

func median(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }

// thirdPower is x to the power of float64(1.0/3), rounded as C's pow does it;
// math.Pow misses the last bit.
func thirdPower(x float64) float64 {
	root, rest := thirdRoot(x)
	return root + rest
}

// minusThirdPower is x to the power of float64(-1.0/3), likewise.
func minusThirdPower(x float64) float64 {
	root, rest := thirdRoot(x)
	inverse := 1 / root
	return inverse + inverse*(math.FMA(-inverse, root, 1)-inverse*rest)
}

// thirdRoot returns x to the power of float64(1.0/3) as a sum.
func thirdRoot(x float64) (root, rest float64) {
	const missing = 0x1p-54 / 3 // from the float64 to 1/3
	root = math.Cbrt(x)
	square := root * root
	third := square * root
	rounding := math.FMA(square, root, -third) + math.FMA(root, root, -square)*root
	return root, (x-third-rounding)/(3*square) - root*missing*math.Log(x)
}

// cube is v to the power of 3, rounded once.
func cube(v float64) float64 {
	square := v * v
	third := square * v
	return third + (math.FMA(square, v, -third) + math.FMA(v, v, -square)*v)
}
