package gomlx_test

import (
	"iter"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/dataset"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/adapters/gomlx"
	"github.com/runhook/runhook/hooks/hookstest"
)

// The network is that of examples/gomlx-fashion, on pictures of nothing.
func BenchmarkOverhead(b *testing.B) {
	const n, width, size = 640, 784, 64
	backend := newBackend(b)
	data := func() train.Dataset {
		ds, err := dataset.InMemoryFromData(backend, "nothing",
			[]any{tensors.FromFlatDataAndDimensions(make([]float32, n*width), n, width)},
			[]any{tensors.FromFlatDataAndDimensions(make([]int32, n), n, 1)})
		require.NoError(b, err)
		return ds.BatchSize(size, true).Infinite(true)
	}
	trainer := train.NewTrainer(backend, model.NewStore(), func(scope *model.Scope, images *graph.Node) *graph.Node {
		hidden := activation.Relu(layers.DenseWithBias(scope.In("hidden"), images, 128))
		return layers.DenseWithBias(scope.In("out"), hidden, classes)
	}, loss.SparseCategoricalCrossEntropyLogits, optimizer.Adam().LearningRate(1e-3).Done(), nil, nil)
	engine, err := gomlx.New(gomlx.Config{Trainer: trainer, Dataset: data()})
	require.NoError(b, err)
	next, stop := iter.Pull2(data().Iter())
	defer stop()
	var metrics []*tensors.Tensor
	plain := func() error { // as train.Loop makes its steps
		batch, err, _ := next()
		for _, m := range metrics {
			m.MustFinalizeAll()
		}
		if err == nil {
			metrics, err = trainer.TrainStep(batch)
		}
		return err
	}
	hookstest.BenchmarkOverhead(b, plain, engine, hookstest.Options{Loss: "loss", Tensors: []string{weights}})
}
