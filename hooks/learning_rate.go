package hooks

import (
	"math"
	"slices"
)

// A Schedule gives a learning rate, or another number, for a global step: that of
// the run which is about to begin.
type Schedule func(step int64) float64

// ConstantSchedule is always rate.
func ConstantSchedule(rate float64) Schedule { return func(int64) float64 { return rate } }

// ExponentialDecay is rate · decayRate^(step/decaySteps):
// tf.compat.v1.train.exponential_decay. With staircase the exponent is whole.
func ExponentialDecay(rate float64, decaySteps int64, decayRate float64, staircase bool) Schedule {
	return func(step int64) float64 {
		exponent := float64(step) / float64(decaySteps)
		if staircase {
			exponent = math.Floor(exponent)
		}
		return rate * math.Pow(decayRate, exponent)
	}
}

// CosineDecay falls from rate to alpha · rate in half a cosine of decaySteps, and
// stays there: tf.compat.v1.train.cosine_decay.
func CosineDecay(rate float64, decaySteps int64, alpha float64) Schedule {
	return func(step int64) float64 {
		done := float64(min(max(step, 0), decaySteps)) / float64(decaySteps)
		return rate * ((1-alpha)*(1+math.Cos(math.Pi*done))/2 + alpha)
	}
}

// PiecewiseConstant is values[0] up to and with step boundaries[0], then values[1]
// and so on: tf.compat.v1.train.piecewise_constant. There is one value more than
// there are boundaries, which rise; else the schedule is NaN.
func PiecewiseConstant(boundaries []int64, values []float64) Schedule {
	boundaries, values = slices.Clone(boundaries), slices.Clone(values)
	return func(step int64) float64 {
		if len(values) != len(boundaries)+1 {
			return math.NaN()
		}
		for i, boundary := range boundaries {
			if step <= boundary {
				return values[i]
			}
		}
		return values[len(boundaries)]
	}
}

// Warmup rises in a line from 0 to what next gives, in the first steps, and then
// is next; without it the schedule is NaN.
func Warmup(steps int64, next Schedule) Schedule {
	if next == nil {
		next = ConstantSchedule(math.NaN())
	}
	return func(step int64) float64 {
		if step < steps {
			return next(step) * float64(step) / float64(steps)
		}
		return next(step)
	}
}
