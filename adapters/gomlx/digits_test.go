package gomlx_test

import (
	"math/rand"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/dataset"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/metric"
	"github.com/gomlx/gomlx/ml/train/optimizer"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/adapters/gomlx"
	"github.com/runhook/runhook/examples/digits/data"
)

const (
	pixels    = data.Pixels
	classes   = data.Classes
	batchSize = 32
)

// newDataset returns n digits from one of them on, in batches.
func newDataset(t testing.TB, backend compute.Backend, from, n int) *dataset.InMemoryDataset {
	t.Helper()
	images, digits, err := data.Load()
	require.NoError(t, err)
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32(digits[from+i])
	}
	ds, err := dataset.InMemoryFromData(backend, "digits",
		[]any{tensors.FromFlatDataAndDimensions(images[from*pixels:(from+n)*pixels], n, pixels)},
		[]any{tensors.FromFlatDataAndDimensions(labels, n, 1)})
	require.NoError(t, err)
	return ds.BatchSize(batchSize, true)
}

// shuffled is an endless dataset in random order, always the same.
func shuffled(t testing.TB, backend compute.Backend) train.Dataset {
	return newDataset(t, backend, 0, 1280).WithRand(rand.New(rand.NewSource(1))).Shuffle().Infinite(true)
}

func newBackend(t testing.TB) compute.Backend {
	t.Helper()
	backend, err := gobackend.New("")
	require.NoError(t, err)
	t.Cleanup(backend.Finalize)
	return backend
}

// network is a hidden layer of 16.
func network(scope *model.Scope, images *graph.Node) *graph.Node {
	hidden := activation.Relu(layers.DenseWithBias(scope.In("hidden"), images, 16))
	return layers.DenseWithBias(scope.In("out"), hidden, classes)
}

// newTrainer returns a trainer of the network with Adam, whose gradients are
// watched.
func newTrainer(t testing.TB, backend compute.Backend) *train.Trainer {
	t.Helper()
	store := model.NewStore()
	store.SetParam(model.ParamInitialSeed, int64(1))
	adam, err := gomlx.WatchGradients(optimizer.Adam().LearningRate(1e-2).Done())
	require.NoError(t, err)
	return train.NewTrainer(backend, store, network, loss.SparseCategoricalCrossEntropyLogits, adam,
		[]metric.Interface{metric.NewMovingAverageSparseCategoricalAccuracy("Moving Average Accuracy", "~acc", 0.01)},
		[]metric.Interface{metric.NewSparseCategoricalAccuracy("Mean Accuracy", "#acc")})
}
