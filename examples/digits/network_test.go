package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	testBatch    = 64
	testPeakRate = 0.1
	testMomentum = 0.9
)

// trainer joins the pieces as a program would.
type trainer struct {
	feed                    *batches
	weights, grad, velocity params
	act                     *activations
	total                   int64
}

func newTrainer(tb testing.TB, seed uint64, total int64) (*trainer, examples) {
	tb.Helper()
	all, err := loadDigits()
	require.NoError(tb, err)
	train, test, err := all.split(trainSize, seed)
	require.NoError(tb, err)
	feed, err := newBatches(train, testBatch, seed)
	require.NoError(tb, err)
	return &trainer{
		feed:     feed,
		weights:  initParams(seed),
		grad:     zeroParams(),
		velocity: zeroParams(),
		act:      newActivations(testBatch),
		total:    total,
	}, test
}

func (tr *trainer) step(step int64) float32 {
	batch := tr.feed.at(step)
	forward(tr.weights, batch.images, tr.act)
	loss := meanLoss(tr.act, batch.labels)
	backward(tr.weights, batch, tr.act, tr.grad)
	rate := learningRate(step, tr.total, testPeakRate)
	grads, velocities := tr.grad.tensors(), tr.velocity.tensors()
	for i, tensor := range tr.weights.tensors() {
		applyMomentum(tensor, grads[i], velocities[i], rate, testMomentum)
	}
	return loss
}

func TestTrainingReadsNineteenOfTwentyDigits(t *testing.T) {
	const total = 600
	for seed := uint64(1); seed <= 5; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			tr, test := newTrainer(t, seed, total)
			before := evaluate(tr.weights, test, tr.act)
			for step := range int64(total) {
				tr.step(step)
			}
			after := evaluate(tr.weights, test, tr.act)
			t.Logf("accuracy %.4f, loss %.4f", after.accuracy, after.loss)
			require.Less(t, before.accuracy, float32(0.4), "good before it learned")
			require.GreaterOrEqual(t, after.accuracy, float32(0.95))
			require.Less(t, after.loss, float32(0.2))
		})
	}
}

func TestTrainingRepeatsBitForBit(t *testing.T) {
	run := func(seed uint64) params {
		tr, _ := newTrainer(t, seed, 50)
		for step := range int64(50) {
			tr.step(step)
		}
		return tr.weights
	}
	require.Equal(t, run(1), run(1))
	require.NotEqual(t, run(1), run(2))
}

func TestTrainingAllocatesNothing(t *testing.T) {
	tr, _ := newTrainer(t, 1, 2000)
	var step int64
	// AllocsPerRun rounds down, so one run is more than an epoch and must include
	// a reshuffle.
	require.Zero(t, testing.AllocsPerRun(5, func() {
		for range tr.feed.perEpoch + 1 {
			tr.step(step)
			step++
		}
	}))
}

// referenceLoss is the mean cross entropy in float64, written from the formula.
func referenceLoss(tensors [4][]float64, batch examples) float64 {
	w1, b1, w2, b2 := tensors[0], tensors[1], tensors[2], tensors[3]
	var total float64
	for n := range batch.len() {
		hidden := make([]float64, hiddenUnits)
		for j := range hidden {
			sum := b1[j]
			for i, x := range batch.image(n) {
				sum += float64(x) * w1[i*hiddenUnits+j]
			}
			hidden[j] = math.Max(sum, 0)
		}
		var logits [classes]float64
		var norm float64
		for k := range logits {
			logits[k] = b2[k]
			for j, h := range hidden {
				logits[k] += h * w2[j*classes+k]
			}
			norm += math.Exp(logits[k])
		}
		total -= math.Log(math.Exp(logits[batch.labels[n]]) / norm)
	}
	return total / float64(batch.len())
}

func TestGradientMatchesFiniteDifferences(t *testing.T) {
	tr, _ := newTrainer(t, 1, 1)
	weights := tr.weights
	for i := range weights.hiddenBias {
		weights.hiddenBias[i] = float32(i%7-3) / 20
	}
	for i := range weights.outputBias {
		weights.outputBias[i] = float32(i%3-1) / 10
	}
	whole := tr.feed.at(0)
	batch := examples{images: whole.images[:12*pixels], labels: whole.labels[:12]}

	var wide [4][]float64
	for i, tensor := range weights.tensors() {
		for _, v := range tensor {
			wide[i] = append(wide[i], float64(v))
		}
		// backward overwrites; what was there must not matter.
		for j := range tr.grad.tensors()[i] {
			tr.grad.tensors()[i][j] = 99
		}
	}
	forward(weights, batch.images, tr.act)
	require.InDelta(t, referenceLoss(wide, batch), meanLoss(tr.act, batch.labels), 1e-6)
	backward(weights, batch, tr.act, tr.grad)

	names := [4]string{"hiddenWeights", "hiddenBias", "outputWeights", "outputBias"}
	const step = 1e-6
	for i, tensor := range tr.grad.tensors() {
		largest := 0.0
		for j, got := range tensor {
			centre := wide[i][j]
			wide[i][j] = centre + step
			above := referenceLoss(wide, batch)
			wide[i][j] = centre - step
			below := referenceLoss(wide, batch)
			wide[i][j] = centre
			want := (above - below) / (2 * step)
			largest = max(largest, math.Abs(want))
			require.InDeltaf(t, want, got, 1e-6, "%s[%d]", names[i], j)
		}
		require.Greaterf(t, largest, 0.01, "%s has no gradient to check", names[i])
	}
}

func TestANaNWeightReachesTheLoss(t *testing.T) {
	for i := range 4 {
		tr, test := newTrainer(t, 1, 1)
		tensor := tr.weights.tensors()[i]
		for j := range tensor {
			tensor[j] = float32(math.NaN())
		}
		require.True(t, math.IsNaN(float64(evaluate(tr.weights, test, tr.act).loss)))
	}
}

func TestLargeLogitsKeepTheLossFinite(t *testing.T) {
	logits := []float32{1000, 0, -1000}
	logSoftmax(logits)
	require.Equal(t, []float32{0, -1000, -2000}, logits)
}

func TestEvaluateDoesNotDependOnThePieceSize(t *testing.T) {
	tr, test := newTrainer(t, 1, 1)
	inPieces := evaluate(tr.weights, test, newActivations(7))
	atOnce := evaluate(tr.weights, test, newActivations(test.len()))
	require.Equal(t, atOnce.predictions, inPieces.predictions)
	require.Equal(t, atOnce.accuracy, inPieces.accuracy)
	require.InDelta(t, atOnce.loss, inPieces.loss, 1e-6)

	correct := 0
	for i, predicted := range atOnce.predictions {
		if predicted == test.labels[i] {
			correct++
		}
	}
	require.Len(t, atOnce.predictions, test.len())
	require.InDelta(t, float64(correct)/float64(test.len()), atOnce.accuracy, 1e-7)
}

func TestMomentumFollowsTheRuleOverTwoSteps(t *testing.T) {
	param, velocity := []float32{1, -1}, []float32{0, 0}
	applyMomentum(param, []float32{2, 4}, velocity, 0.5, 0.5)
	require.Equal(t, []float32{2, 4}, velocity)
	require.Equal(t, []float32{0, -3}, param)
	applyMomentum(param, []float32{1, 0}, velocity, 0.5, 0.5)
	require.Equal(t, []float32{2, 2}, velocity)
	require.Equal(t, []float32{-1, -4}, param)
}

func TestLearningRate(t *testing.T) {
	tests := []struct {
		name        string
		step, total int64
		want        float64
	}{
		{"starts low", 0, 2000, 0.001},
		{"rises linearly", 49, 2000, 0.05},
		{"reaches the peak after a twentieth", 99, 2000, 0.1},
		{"stays at the peak where the cosine starts", 100, 2000, 0.1},
		{"is half way down in the middle of the cosine", 1050, 2000, 0.055},
		{"ends at a tenth", 2000, 2000, 0.01},
		{"keeps the tenth afterwards", 5000, 2000, 0.01},
		{"starts at the peak when total is too short for a rise", 0, 10, 0.1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.InDelta(t, test.want, learningRate(test.step, test.total, 0.1), 1e-7)
		})
	}
}

func TestInitialWeightsHaveTheVarianceOfHe(t *testing.T) {
	weights := initParams(1).hiddenWeights
	var sum, squares float64
	for _, w := range weights {
		sum += float64(w)
		squares += float64(w) * float64(w)
	}
	n := float64(len(weights))
	require.InDelta(t, 0, sum/n, 0.01)
	require.InEpsilon(t, 2.0/pixels, squares/n, 0.1)
}

func BenchmarkStep(b *testing.B) {
	tr, _ := newTrainer(b, 1, 2000)
	b.ReportAllocs()
	var step int64
	for b.Loop() {
		tr.step(step)
		step++
	}
}
