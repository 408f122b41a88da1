// Copyright 2025 Born ML Framework. All rights reserved.
// Use of this source code is governed by an Apache 2.0 license.

package main

// This is the model of examples/mnist of Born v0.8.0, for pictures of 8 by 8
// pixels, and the body of the loop in its trainEpoch. Nothing in it knows of
// runhook.

import (
	"github.com/born-ml/born/autodiff"
	"github.com/born-ml/born/nn"
	"github.com/born-ml/born/optim"
	"github.com/born-ml/born/tensor"
)

const (
	pixels  = 64
	hidden  = 32
	classes = 10
)

// Net is a simple fully-connected neural network.
type Net[B tensor.Backend] struct {
	fc1  *nn.Linear[B] // 64 → 32
	relu *nn.ReLU[B]   // ReLU activation
	fc2  *nn.Linear[B] // 32 → 10
}

// NewNet creates a new network.
func NewNet[B tensor.Backend](backend B) *Net[B] {
	return &Net[B]{
		fc1:  nn.NewLinear(pixels, hidden, backend),
		relu: nn.NewReLU[B](),
		fc2:  nn.NewLinear(hidden, classes, backend),
	}
}

// Forward performs forward pass through the network.
func (m *Net[B]) Forward(input *tensor.Tensor[float32, B]) *tensor.Tensor[float32, B] {
	x := m.fc1.Forward(input)
	x = m.relu.Forward(x)
	return m.fc2.Forward(x)
}

// Parameters returns all trainable parameters of the network.
func (m *Net[B]) Parameters() []*nn.Parameter[B] {
	return append(m.fc1.Parameters(), m.fc2.Parameters()...)
}

// Batch is some pictures and what they show.
type Batch[B tensor.Backend] struct {
	ImagesTensor *tensor.Tensor[float32, B]
	LabelsTensor *tensor.Tensor[int32, B]
}

// trainBatch is the body of the training loop.
func trainBatch[B tensor.Backend](
	model *Net[*autodiff.Backend[B]],
	batch *Batch[*autodiff.Backend[B]],
	optimizer optim.Optimizer,
	backend *autodiff.Backend[B],
) (lossValue, acc float32) {
	// Zero gradients
	optimizer.ZeroGrad()

	// Forward pass
	logits := model.Forward(batch.ImagesTensor)

	// Compute loss using autodiff backend (records on tape)
	lossRaw := backend.CrossEntropy(
		logits.Raw(),
		batch.LabelsTensor.Raw(),
	)

	loss := tensor.New[float32](lossRaw, backend)
	lossValue = loss.Raw().AsFloat32()[0]

	// Backward pass (automatic differentiation!)
	// Create output gradient of ones for scalar loss
	outputGrad, err := tensor.NewRaw(loss.Shape(), loss.DType(), backend.Device())
	if err != nil {
		panic(err)
	}
	outputGrad.AsFloat32()[0] = 1.0

	grads := backend.Tape().Backward(outputGrad, backend)

	// Update parameters
	optimizer.Step(grads)

	// Track metrics
	acc = nn.Accuracy(logits, batch.LabelsTensor)

	// Clear tape for next iteration
	backend.Tape().Clear()
	return lossValue, acc
}
