package hooks_test

import (
	"fmt"

	"github.com/runhook/runhook/hooks"
)

// rates prints what a schedule gives for every hundredth step.
func rates(s hooks.Schedule) {
	for step := int64(0); step <= 400; step += 100 {
		fmt.Printf("%.3g ", s(step))
	}
}

func ExampleConstantSchedule() {
	rates(hooks.ConstantSchedule(0.1))
	// Output: 0.1 0.1 0.1 0.1 0.1
}

func ExamplePiecewiseConstant() {
	rates(hooks.PiecewiseConstant([]int64{100, 300}, []float64{0.1, 0.01, 0.001}))
	// Output: 0.1 0.1 0.01 0.01 0.001
}

func ExampleExponentialDecay() {
	rates(hooks.ExponentialDecay(0.1, 100, 0.5, false))
	// Output: 0.1 0.05 0.025 0.0125 0.00625
}

func ExampleCosineDecay() {
	rates(hooks.CosineDecay(0.1, 400, 0))
	// Output: 0.1 0.0854 0.05 0.0146 0
}

// The rate of a schedule is reached in 200 steps.
func ExampleWarmup() {
	rates(hooks.Warmup(200, hooks.ConstantSchedule(0.1)))
	// Output: 0 0.05 0.1 0.1 0.1
}
