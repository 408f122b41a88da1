package main

import (
	"math/rand"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/dataset"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	gomodel "github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/metric"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"github.com/runhook/runhook/adapters/gomlx"
)

const (
	batchSize = 64
	hidden    = 128
	rate      = 1e-3
)

// A model is what GoMLX needs to train and to test.
type model struct {
	backend  compute.Backend
	trainer  *train.Trainer
	training train.Dataset // without end, in random order
	testing  train.Dataset
}

func newModel(trainSet, testSet pictures, seed int64) (*model, error) {
	backend, err := gobackend.New("")
	if err != nil {
		return nil, err
	}
	m := &model{backend: backend}
	training, err := newDataset(backend, "training", trainSet)
	if err != nil {
		return nil, err
	}
	m.training = training.WithRand(rand.New(rand.NewSource(seed))).Shuffle().BatchSize(batchSize, true).Infinite(true)
	testing, err := newDataset(backend, "testing", testSet)
	if err != nil {
		return nil, err
	}
	m.testing = testing.BatchSize(min(1000, testSet.len()), false)
	adam, err := gomlx.WatchGradients(optimizer.Adam().LearningRate(rate).Done())
	if err != nil {
		return nil, err
	}
	store := gomodel.NewStore()
	store.SetParam(gomodel.ParamInitialSeed, seed)
	m.trainer = train.NewTrainer(backend, store, network, loss.SparseCategoricalCrossEntropyLogits, adam,
		[]metric.Interface{metric.NewMovingAverageSparseCategoricalAccuracy("Moving Average Accuracy", "~acc", 0.01)},
		[]metric.Interface{metric.NewSparseCategoricalAccuracy("Mean Accuracy", "#acc")})
	return m, nil
}

// network returns the logits of pictures of shape [batch, side, side, 1].
func network(scope *gomodel.Scope, images *graph.Node) *graph.Node {
	flat := graph.Reshape(images, -1, pixels)
	inner := activation.Relu(layers.DenseWithBias(scope.In("hidden"), flat, hidden))
	return layers.DenseWithBias(scope.In("out"), inner, classes)
}

func newDataset(backend compute.Backend, name string, p pictures) (*dataset.InMemoryDataset, error) {
	return dataset.InMemoryFromData(backend, name,
		[]any{tensors.FromFlatDataAndDimensions(p.images, p.len(), side, side, 1)},
		[]any{tensors.FromFlatDataAndDimensions(p.labels, p.len(), 1)})
}
