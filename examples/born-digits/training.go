package main

import (
	"context"

	"github.com/born-ml/born/autodiff"
	"github.com/born-ml/born/backend/cpu"
	"github.com/born-ml/born/optim"
	"github.com/born-ml/born/tensor"

	"github.com/runhook/runhook/examples/digits/data"
	"github.com/runhook/runhook/session"
)

const batchSize = 64

// cpuBackend is what Born computes on here.
type cpuBackend = autodiff.Backend[*cpu.Backend]

// A training is a loop's variables.
type training struct {
	backend   *cpuBackend
	model     *Net[*cpuBackend]
	optimizer optim.Optimizer
	batches   []*Batch[*cpuBackend]
	next      int
}

func newTraining() (*training, error) {
	images, labels, err := data.Load()
	if err != nil {
		return nil, err
	}
	t := &training{backend: autodiff.New(cpu.New())}
	t.model = NewNet(t.backend)
	t.optimizer = optim.NewAdam(t.model.Parameters(), optim.AdamConfig{LR: 0.01, Betas: [2]float32{0.9, 0.999}, Eps: 1e-8}, t.backend)
	t.backend.Tape().StartRecording()
	for from := 0; from+batchSize <= len(labels); from += batchSize {
		inBatch, err := tensor.NewRaw(tensor.Shape{batchSize, pixels}, tensor.Float32, t.backend.Device())
		if err != nil {
			return nil, err
		}
		copy(inBatch.AsFloat32(), images[from*pixels:])
		shown, err := tensor.NewRaw(tensor.Shape{batchSize}, tensor.Int32, t.backend.Device())
		if err != nil {
			return nil, err
		}
		for i := range batchSize {
			shown.AsInt32()[i] = int32(labels[from+i])
		}
		t.batches = append(t.batches, &Batch[*cpuBackend]{
			ImagesTensor: tensor.New[float32](inBatch, t.backend), LabelsTensor: tensor.New[int32](shown, t.backend),
		})
	}
	return t, nil
}

// step is one round of the loop.
func (t *training) step() (loss, accuracy float32) {
	batch := t.batches[t.next%len(t.batches)]
	t.next++
	return trainBatch(t.model, batch, t.optimizer, t.backend)
}

// parameterNames are those of the model's parameters in order, which Born calls
// weight, bias, weight, bias.
var parameterNames = []string{"hidden/weights", "hidden/bias", "output/weights", "output/bias"}

// engine makes an engine of the loop. The model's own memory is what is recorded,
// saved and restored.
func (t *training) engine() session.Engine {
	parameters := t.model.Parameters()
	weights := memoryOf(parameters[0].Tensor())
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		loss, accuracy := t.step()
		out[0], out[1], out[2] = session.Float32(loss), session.Float32(accuracy), weights
		return nil
	}, "loss", "accuracy", "hidden/weights")
	for i, name := range parameterNames {
		engine.Variable(name, memoryOf(parameters[i].Tensor()))
	}
	return engine
}

// memoryOf returns the memory of a tensor.
func memoryOf(t *tensor.Tensor[float32, *cpuBackend]) session.Value {
	return session.TensorOf(t.Raw().AsFloat32(), t.Shape()...)
}
