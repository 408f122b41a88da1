package gomlx_test

import (
	"iter"
	"testing"

	"github.com/gomlx/gomlx/ml/train"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/adapters/gomlx"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

const weights = "/hidden/dense/weights"

// An endingDataset ends when it is told to.
type endingDataset struct {
	train.Dataset
	over bool
}

func (d *endingDataset) Iter() iter.Seq2[train.Batch, error] {
	return func(yield func(train.Batch, error) bool) {
		for batch, err := range d.Dataset.Iter() {
			if d.over || !yield(batch, err) {
				return
			}
		}
	}
}

func newEngine(t testing.TB) *gomlx.Engine {
	t.Helper()
	backend := newBackend(t)
	e, err := gomlx.New(gomlx.Config{Trainer: newTrainer(t, backend), Dataset: shuffled(t, backend)})
	require.NoError(t, err)
	return e
}

func open(t testing.TB, e session.Engine, names ...string) session.Session {
	t.Helper()
	for _, name := range names {
		require.NoError(t, e.Resolve(name))
	}
	s, err := e.NewSession(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func eval(t testing.TB, s session.Session, names ...string) session.Values {
	t.Helper()
	values, err := session.Eval(t.Context(), s, names...)
	require.NoError(t, err)
	return values
}

func TestATrainerIsAnEngine(t *testing.T) {
	data := make(map[session.Engine]*endingDataset)
	sessiontest.TestEngine(t, func(t *testing.T) session.Engine {
		backend := newBackend(t)
		ds := &endingDataset{Dataset: shuffled(t, backend)}
		e, err := gomlx.New(gomlx.Config{Trainer: newTrainer(t, backend), Dataset: ds})
		require.NoError(t, err)
		data[e] = ds
		return e
	}, sessiontest.EngineOptions{
		Fetches: map[string]session.Kind{
			"loss": session.KindFloat32, "~loss": session.KindFloat32, "~acc": session.KindFloat32,
			weights: session.KindTensor, "/out/dense/biases": session.KindTensor, "grad:" + weights: session.KindTensor,
			gomlx.LearningRate: session.KindFloat32, "inputs/0": session.KindTensor, "labels/0": session.KindTensor,
		},
		Feeds: session.Feeds{
			gomlx.LearningRate: session.Float32(0.5),
			"inputs/0":         session.TensorOf(make([]float32, batchSize*pixels), batchSize, pixels),
		},
		EndInput: func(e session.Engine) { data[e].over = true },
	})
}
