package main

import (
	"math"
	"math/rand/v2"
)

// The network is a multi-layer perceptron with one hidden layer:
//
//	image [64] → dense [64, 48] → ReLU → dense [48, 10] → log-softmax
//
// All tensors are flat and row-major. No function here keeps a slice it was
// given, and a training step (forward, meanLoss, backward, applyMomentum)
// allocates nothing. Results repeat bit for bit on one architecture.
const hiddenUnits = 48

// params holds one slice for each trainable tensor: weights, their gradients or
// their velocities. The caller owns the slices and may swap them between calls.
type params struct {
	hiddenWeights []float32 // [pixels, hiddenUnits]
	hiddenBias    []float32 // [hiddenUnits]
	outputWeights []float32 // [hiddenUnits, classes]
	outputBias    []float32 // [classes]
}

// initParams returns freshly drawn weights and zero biases. Equal seeds give
// equal values.
func initParams(seed uint64) params {
	rng := rand.New(rand.NewPCG(seed, weightStream))
	return params{
		hiddenWeights: initWeights(rng, pixels, hiddenUnits),
		hiddenBias:    make([]float32, hiddenUnits),
		outputWeights: initWeights(rng, hiddenUnits, classes),
		outputBias:    make([]float32, classes),
	}
}

// zeroParams returns tensors of zeros, for gradients and velocities.
func zeroParams() params {
	return params{
		hiddenWeights: make([]float32, pixels*hiddenUnits),
		hiddenBias:    make([]float32, hiddenUnits),
		outputWeights: make([]float32, hiddenUnits*classes),
		outputBias:    make([]float32, classes),
	}
}

// initWeights draws an [in, out] matrix from a normal distribution of variance
// 2/in, which keeps the scale of the signal through ReLU layers (He et al.
// 2015, arXiv:1502.01852).
func initWeights(rng *rand.Rand, in, out int) []float32 {
	weights := make([]float32, in*out)
	deviation := math.Sqrt(2 / float64(in))
	for i := range weights {
		weights[i] = float32(rng.NormFloat64() * deviation)
	}
	return weights
}

// tensors returns the four slices in the order of the fields.
func (p params) tensors() [4][]float32 {
	return [4][]float32{p.hiddenWeights, p.hiddenBias, p.outputWeights, p.outputBias}
}

// activations is the scratch memory of a pass over at most capacity images.
type activations struct {
	capacity int

	// What the last forward computed, [n, …] for its n images.
	hidden []float32 // after ReLU, [n, hiddenUnits]
	// Natural logarithms of the class probabilities, [n, classes].
	logProbs []float32

	hiddenGrad []float32
	outputGrad []float32
}

func newActivations(capacity int) *activations {
	return &activations{
		capacity:   capacity,
		hidden:     make([]float32, 0, capacity*hiddenUnits),
		logProbs:   make([]float32, 0, capacity*classes),
		hiddenGrad: make([]float32, capacity*hiddenUnits),
		outputGrad: make([]float32, capacity*classes),
	}
}

// forward runs images, [n, pixels] with n at most act.capacity, through the
// network and leaves the result in act.
func forward(p params, images []float32, act *activations) {
	n := len(images) / pixels
	act.hidden = act.hidden[:n*hiddenUnits]
	act.logProbs = act.logProbs[:n*classes]

	dense(act.hidden, images, p.hiddenWeights, p.hiddenBias)
	for i, v := range act.hidden {
		// Unlike a comparison, max lets NaN through to the loss.
		act.hidden[i] = max(v, 0)
	}
	dense(act.logProbs, act.hidden, p.outputWeights, p.outputBias)
	for i := 0; i < len(act.logProbs); i += classes {
		logSoftmax(act.logProbs[i : i+classes])
	}
}

// meanLoss returns the mean cross entropy, in nats, of the last forward against
// its labels.
func meanLoss(act *activations, labels []uint8) float32 {
	var sum float64
	for i, label := range labels {
		sum -= float64(act.logProbs[i*classes+int(label)])
	}
	return float32(sum / float64(len(labels)))
}

// backward overwrites grad with the gradient of meanLoss for the batch that the
// last forward ran.
func backward(p params, batch examples, act *activations, grad params) {
	n := batch.len()
	outputGrad := act.outputGrad[:n*classes]
	hiddenGrad := act.hiddenGrad[:n*hiddenUnits]

	scale := 1 / float32(n)
	for i, logProb := range act.logProbs {
		outputGrad[i] = float32(math.Exp(float64(logProb))) * scale
	}
	for i, label := range batch.labels {
		outputGrad[i*classes+int(label)] -= scale
	}
	denseGrad(grad.outputWeights, grad.outputBias, act.hidden, outputGrad)

	denseInputGrad(hiddenGrad, outputGrad, p.outputWeights, classes)
	for i, v := range act.hidden {
		if v == 0 {
			hiddenGrad[i] = 0
		}
	}
	denseGrad(grad.hiddenWeights, grad.hiddenBias, batch.images, hiddenGrad)
}

// dense sets y = x·w + bias, for x [n, in], w [in, out] and y [n, out].
func dense(y, x, w, bias []float32) {
	out := len(bias)
	in := len(w) / out
	for len(x) > 0 {
		copy(y, bias)
		for i, v := range x[:in] {
			addScaled(y[:out], w[i*out:], v)
		}
		x, y = x[in:], y[out:]
	}
}

// denseGrad overwrites wGrad with xᵀ·yGrad and biasGrad with the column sums of
// yGrad.
func denseGrad(wGrad, biasGrad, x, yGrad []float32) {
	clear(wGrad)
	clear(biasGrad)
	out := len(biasGrad)
	in := len(wGrad) / out
	for len(x) > 0 {
		addScaled(biasGrad, yGrad, 1)
		for i, v := range x[:in] {
			addScaled(wGrad[i*out:][:out], yGrad, v)
		}
		x, yGrad = x[in:], yGrad[out:]
	}
}

// denseInputGrad sets xGrad = yGrad·wᵀ, for yGrad [n, out].
func denseInputGrad(xGrad, yGrad, w []float32, out int) {
	in := len(w) / out
	for len(xGrad) > 0 {
		for i := range in {
			xGrad[i] = dot(w[i*out:][:out], yGrad)
		}
		xGrad, yGrad = xGrad[in:], yGrad[out:]
	}
}

// addScaled adds scale·x to dst; x may be longer. A zero scale is skipped: half
// of all pixels and hidden units are.
func addScaled(dst, x []float32, scale float32) {
	if scale == 0 {
		return
	}
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] += scale * v
	}
}

// dot returns the inner product of a and the first len(a) numbers of b.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var sum float32
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// logSoftmax turns logits into log probabilities in place. The largest logit is
// taken off first, so exp cannot overflow.
func logSoftmax(logits []float32) {
	top := logits[argmax(logits)]
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v - top))
	}
	norm := top + float32(math.Log(sum))
	for i := range logits {
		logits[i] -= norm
	}
}

// argmax returns the index of the largest value, the first of equals.
func argmax(values []float32) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// applyMomentum moves one tensor a step downhill: velocity =
// momentum·velocity + grad, param -= rate·velocity, the rule of TensorFlow's
// MomentumOptimizer.
func applyMomentum(param, grad, velocity []float32, rate, momentum float32) {
	for i, g := range grad {
		velocity[i] = momentum*velocity[i] + g
		param[i] -= rate * velocity[i]
	}
}

// learningRate returns the rate of a step, counted from 0: a linear rise to
// peak over the first twentieth of total, then half a cosine down to peak/10,
// which it keeps from total on.
func learningRate(step, total int64, peak float32) float32 {
	const floor = 0.1
	warmup := total / 20
	if step < warmup {
		return peak * float32(step+1) / float32(warmup)
	}
	done := min(float64(step-warmup)/float64(max(total-warmup, 1)), 1)
	return peak * float32(floor+(1-floor)*(1+math.Cos(math.Pi*done))/2)
}

// evaluation tells how well a network does on a set.
type evaluation struct {
	loss     float32 // mean cross entropy in nats
	accuracy float32 // 0 to 1
	// The likeliest class of each example; the caller's to keep.
	predictions []uint8
}

// accuracy returns the share of the last forward's images, 0 to 1, whose
// likeliest class is their label.
func accuracy(act *activations, labels []uint8) float32 {
	correct := 0
	for i, label := range labels {
		if argmax(act.logProbs[i*classes:(i+1)*classes]) == int(label) {
			correct++
		}
	}
	return float32(correct) / float32(len(labels))
}

// evaluate runs set through the network in pieces of act.capacity images and
// leaves p as it is.
func evaluate(p params, set examples, act *activations) evaluation {
	result := evaluation{predictions: make([]uint8, 0, set.len())}
	var loss float64
	correct := 0
	for start := 0; start < set.len(); start += act.capacity {
		end := min(start+act.capacity, set.len())
		labels := set.labels[start:end]
		forward(p, set.images[start*pixels:end*pixels], act)
		loss += float64(meanLoss(act, labels)) * float64(len(labels))
		for i, label := range labels {
			predicted := uint8(argmax(act.logProbs[i*classes : (i+1)*classes]))
			result.predictions = append(result.predictions, predicted)
			if predicted == label {
				correct++
			}
		}
	}
	result.loss = float32(loss / float64(set.len()))
	result.accuracy = float32(correct) / float32(set.len())
	return result
}
