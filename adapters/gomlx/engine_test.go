package gomlx_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/metric"
	"github.com/gomlx/gomlx/ml/train/optimizer"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/adapters/gomlx"
	"github.com/runhook/runhook/examples/digits/data"
	"github.com/runhook/runhook/internal/leaktest"
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
	datasets := make(map[session.Engine]*endingDataset)
	sessiontest.TestEngine(t, func(t *testing.T) session.Engine {
		backend := newBackend(t)
		ds := &endingDataset{Dataset: shuffled(t, backend)}
		e, err := gomlx.New(gomlx.Config{Trainer: newTrainer(t, backend), Dataset: ds})
		require.NoError(t, err)
		datasets[e] = ds
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
		EndInput: func(e session.Engine) { datasets[e].over = true },
	})
}

func TestAnEngineGoesThroughItsDataAsOftenAsItIsTold(t *testing.T) {
	for _, epochs := range []int{0, 1, 3} {
		backend := newBackend(t)
		e, err := gomlx.New(gomlx.Config{Trainer: newTrainer(t, backend), Dataset: newDataset(t, backend, 0, 3*batchSize), Epochs: epochs})
		require.NoError(t, err)
		for i := range 2 { // sessions
			err = session.With(t.Context(), session.Config{Engine: e}, func(s *session.MonitoredSession) error {
				return s.RunUntilStop(t.Context(), session.TrainOp)
			})
			require.NoError(t, err)
			step, _ := eval(t, open(t, e), session.GlobalStepName).At(0).Int64()
			require.EqualValues(t, (i+1)*3*max(epochs, 1), step)
		}
	}
}

func TestTheBatchIsThatOfTheStep(t *testing.T) {
	backend := newBackend(t)
	e, err := gomlx.New(gomlx.Config{Trainer: newTrainer(t, backend), Dataset: newDataset(t, backend, 0, 2*batchSize)})
	require.NoError(t, err)
	s := open(t, e, "labels/0")
	_, err = session.Eval(t.Context(), s, "labels/0")
	require.ErrorIs(t, err, session.ErrNoValue)
	_, digits, err := data.Load()
	require.NoError(t, err)
	for batch := range 2 {
		values := eval(t, s, session.TrainOp, "labels/0")
		labels, _ := values.At(1).Tensor()
		require.Equal(t, []int{batchSize, 1}, labels.Shape)
		for i := range batchSize {
			require.EqualValues(t, digits[batch*batchSize+i], labels.Data.([]int32)[i])
		}
		require.Equal(t, values.At(1), eval(t, s, "labels/0").At(0), "it stays")
	}
}

func TestAFedRateIsThatOfOneStep(t *testing.T) {
	s := open(t, newEngine(t), gomlx.LearningRate)
	eval(t, s, session.TrainOp)
	before := eval(t, s, weights)
	_, err := session.EvalFed(t.Context(), s, session.Feeds{gomlx.LearningRate: session.Float64(0)}, session.TrainOp)
	require.NoError(t, err)
	require.Equal(t, before.At(0), eval(t, s, weights).At(0), "a rate of 0 changes no weight")
	eval(t, s, session.TrainOp)
	require.NotEqual(t, before.At(0), eval(t, s, weights).At(0))
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	e := newEngine(t)
	err := e.Resolve("/hidden/dense/wieghts")
	require.ErrorIs(t, err, session.ErrUnknownName)
	require.ErrorContains(t, err, weights, "close names are told")
	s := open(t, e)
	for name, c := range map[string]struct {
		feed string
		v    session.Value
		want string
	}{
		"a metric":           {"loss", session.Float64(1), `gomlx: "loss" is computed and cannot be fed`},
		"a trained variable": {weights, session.Float64(1), `gomlx: "/hidden/dense/weights" cannot be fed: a step changes it`},
		"no number":          {gomlx.LearningRate, session.String("fast"), `gomlx: feed "learning_rate": got a string, want a number or a tensor`},
		"too many numbers":   {gomlx.LearningRate, session.TensorOf([]float32{1, 2}), `gomlx: feed "learning_rate": got a float32 tensor of shape [2], want Float32 of shape []`},
		"an integer":         {gomlx.LearningRate, session.Int64(1), `gomlx: feed "learning_rate": got 1, want Float32`},
		"another type":       {"inputs/0", session.TensorOf([]int64{1}), `gomlx: feed "inputs/0": got int64[1][1], want Float32`},
		"no tensor":          {"inputs/0", session.Float64(1), `gomlx: feed "inputs/0": got a float64, want a tensor`},
		"another batch":      {"inputs/1", session.Float64(1), `unknown name "inputs/1"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := session.EvalFed(t.Context(), s, session.Feeds{c.feed: c.v}, session.TrainOp)
			require.ErrorContains(t, err, c.want)
			require.Zero(t, eval(t, s, session.GlobalStepName).At(0).Any())
		})
	}
	_, err = session.EvalFed(t.Context(), s, session.Feeds{"inputs/0": session.TensorOf(make([]float32, 6), 2, 3)}, session.TrainOp)
	require.ErrorContains(t, err, "gomlx", "a shape that the model does not take")
	eval(t, s, session.TrainOp)
}

// A brokenDataset fails behind its first batch.
type brokenDataset struct {
	train.Dataset
	fail func() error
}

func (d brokenDataset) Iter() iter.Seq2[train.Batch, error] {
	return func(yield func(train.Batch, error) bool) {
		for batch, err := range d.Dataset.Iter() {
			if yield(batch, err) {
				yield(train.Batch{}, d.fail())
			}
			return
		}
	}
}

func TestAFailingDataset(t *testing.T) {
	errBroken := errors.New("broken")
	for name, c := range map[string]struct {
		fail func() error
		want string
	}{
		"with an error":     {func() error { return errBroken }, `gomlx: dataset "digits": broken`},
		"with a panic":      {func() error { panic(errBroken) }, "gomlx: a run: panic: broken"},
		"with a bare panic": {func() error { panic("so broken") }, "gomlx: a run: panic: so broken"},
		"with its end":      {func() error { return io.EOF }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			backend := newBackend(t)
			e, err := gomlx.New(gomlx.Config{Trainer: newTrainer(t, backend), Dataset: brokenDataset{newDataset(t, backend, 0, 2*batchSize), c.fail}})
			require.NoError(t, err)
			s := open(t, e)
			eval(t, s, session.TrainOp)
			_, err = session.Eval(t.Context(), s, session.TrainOp)
			require.EqualError(t, err, c.want)
			require.EqualValues(t, 1, eval(t, s, session.GlobalStepName).At(0).Any())
		})
	}
}

func TestConfigsThatCannotWork(t *testing.T) {
	_, err := gomlx.New(gomlx.Config{Epochs: -1})
	require.EqualError(t, err, "gomlx: the trainer is nil\ngomlx: Config: Dataset is nil\ngomlx: Config: Epochs is -1, want a positive number or 0 (1)")

	backend := newBackend(t)
	named := func(short string) metric.Interface {
		return metric.NewBaseMetric("A metric", short, metric.LossMetricType, nil, nil)
	}
	trainer := train.NewTrainer(backend, model.NewStore(), network, nil, optimizer.Adam().Done(),
		[]metric.Interface{named(""), named("loss"), named("/loss"), named(session.TrainOp)}, nil)
	_, err = gomlx.New(gomlx.Config{Trainer: trainer, Dataset: shuffled(t, backend)})
	require.EqualError(t, err, `gomlx: train metric 2, "A metric", has no short name
gomlx: train metric 3, "A metric", has the short name "loss", which is taken
gomlx: train metric 4, "A metric", has the short name "/loss", which is taken
gomlx: train metric 5, "A metric", has the short name "train", which is taken`)

	e, err := gomlx.New(gomlx.Config{Trainer: newTrainer(t, backend), Dataset: newDataset(t, backend, 0, 1)})
	require.NoError(t, err)
	_, err = e.NewSession(t.Context())
	require.EqualError(t, err, `gomlx: dataset "digits" has no batches`)
}

func TestAnEngineThatIsNotUsedIsClosed(t *testing.T) {
	leaktest.Check(t)
	e := newEngine(t)
	require.NoError(t, e.Resolve(weights))
	require.NoError(t, e.Close())
}

func TestAnEvaluation(t *testing.T) {
	backend := newBackend(t)
	trainer := newTrainer(t, backend)
	e, err := gomlx.New(gomlx.Config{Trainer: trainer, Dataset: shuffled(t, backend)})
	require.NoError(t, err)
	s := open(t, e)
	judge := open(t, gomlx.Evaluation(trainer, newDataset(t, backend, 1280, 512)))
	var accuracies []float64
	for range 2 {
		values := eval(t, judge, session.TrainOp, "#loss", "#acc")
		accuracy, ok := values.At(2).Float64()
		require.True(t, ok)
		accuracies = append(accuracies, accuracy)
		for range 200 {
			eval(t, s, session.TrainOp)
		}
	}
	require.Less(t, accuracies[0], 0.4)
	require.Greater(t, accuracies[1], 0.85)
}

func TestOnlyOptimizersThatTakeGradientsCanBeWatched(t *testing.T) {
	_, err := gomlx.WatchGradients(opaque{})
	require.EqualError(t, err, "gomlx: WatchGradients: optimizer gomlx_test.opaque takes no gradients (UpdateGraphWithGradients)")
}

type opaque struct{ optimizer.Interface }

func TestTheGraphIsDescribed(t *testing.T) {
	e := newEngine(t)
	require.Empty(t, e.DescribeGraph())
	open(t, e)
	names := make(map[string]string)
	for _, n := range e.DescribeGraph() {
		require.NotContains(t, names, n.Name)
		names[n.Name] = fmt.Sprint(n.Outputs)
		require.NotEmpty(t, n.Op)
	}
	require.Equal(t, "[float32[64, 16]]", names["hidden/dense/weights"])
	for _, n := range e.DescribeGraph() {
		for _, in := range n.Inputs {
			require.Contains(t, names, in)
		}
	}
}
