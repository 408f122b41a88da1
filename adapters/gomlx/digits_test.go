package gomlx_test

import (
	"compress/gzip"
	"encoding/csv"
	"math/rand"
	"os"
	"strconv"
	"sync"
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
)

const (
	side      = 8
	pixels    = side * side
	classes   = 10
	batchSize = 32
)

// digits are the real ones of examples/digits.
var digits = sync.OnceValues(func() (images [][]float32, err error) {
	f, err := os.Open("../../examples/digits/data/digits.csv.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(unzipped).ReadAll()
	for _, row := range rows {
		numbers := make([]float32, pixels+1)
		for i, field := range row {
			n, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			numbers[i] = float32(n) / 16
		}
		images = append(images, numbers)
	}
	return images, err
})

// newDataset returns n digits from one of them on, in batches.
func newDataset(t testing.TB, backend compute.Backend, from, n int) *dataset.InMemoryDataset {
	t.Helper()
	rows, err := digits()
	require.NoError(t, err)
	images, labels := make([]float32, 0, n*pixels), make([]int32, n)
	for i, row := range rows[from : from+n] {
		images = append(images, row[:pixels]...)
		labels[i] = int32(row[pixels] * 16)
	}
	ds, err := dataset.InMemoryFromData(backend, "digits",
		[]any{tensors.FromFlatDataAndDimensions(images, n, pixels)},
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
