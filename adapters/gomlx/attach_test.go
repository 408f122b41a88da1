package gomlx_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/adapters/gomlx"
	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventlog/readers"
)

// steps is how many steps the trainings of these tests make.
const steps = 60

// savers record scalars, every step, and histograms of weights and gradients.
func savers(t testing.TB, dir string) []session.SessionRunHook {
	t.Helper()
	op := summary.Merge(
		summary.Scalar("loss", "loss"), summary.Scalar("mean loss", "~loss"), summary.Scalar("accuracy", "~acc"),
		summary.Scalar("rate", gomlx.LearningRate),
		summary.Histogram("weights", weights), summary.Histogram("gradients", "grad:"+weights),
	)
	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{SaveSteps: 7, OutputDir: dir, SummaryOp: op})
	require.NoError(t, err)
	return []session.SessionRunHook{saver}
}

// run trains with a session that owns the loop.
func run(t testing.TB, engine session.Engine, attached ...session.SessionRunHook) {
	t.Helper()
	err := session.With(t.Context(), session.Config{Engine: engine, Hooks: attached}, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(t.Context(), session.TrainOp)
	})
	require.NoError(t, err)
}

// newLoop returns a loop, its data, and an engine for it whose model is built.
func newLoop(t testing.TB) (*train.Loop, train.Dataset, *gomlx.Engine) {
	t.Helper()
	backend := newBackend(t)
	loop := train.NewLoop(newTrainer(t, backend))
	engine, err := gomlx.LoopEngine(loop)
	require.NoError(t, err)
	require.NoError(t, engine.Build(example()))
	return loop, shuffled(t, backend), engine
}

// example is a batch like those of the dataset.
func example() train.Batch {
	return train.Batch{
		Inputs: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(make([]float32, batchSize*pixels), batchSize, pixels)},
		Labels: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(make([]int32, batchSize), batchSize, 1)},
	}
}

// moments are the events in dir but for their times.
func moments(t testing.TB, dir string) (all []string) {
	t.Helper()
	for e, err := range eventlog.Events(t.Context(), dir, eventlog.Config{}) {
		require.NoError(t, err)
		message, err := e.Proto()
		require.NoError(t, err)
		message.WallTime = 0
		all = append(all, message.String())
	}
	return all
}

func TestALoopAndASessionRecordTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		accumulate int
		built      bool
	}{
		"built before":               {built: true},
		"built in the first step":    {},
		"with gradients that add up": {accumulate: 3, built: true},
	} {
		t.Run(name, func(t *testing.T) {
			owned, looped := t.TempDir(), t.TempDir()
			trainer := func() *train.Trainer {
				trainer := newTrainer(t, newBackend(t))
				if c.accumulate > 0 {
					require.NoError(t, trainer.AccumulateGradients(c.accumulate))
				}
				return trainer
			}
			made := 0
			count := &session.HookFuncs{OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
				if made++; made == steps {
					rc.RequestStop()
				}
				return nil
			}}
			own := trainer()
			engine, err := gomlx.New(gomlx.Config{Trainer: own, Dataset: shuffled(t, own.Backend())})
			require.NoError(t, err)
			run(t, engine, append(savers(t, owned), count)...)

			loop := train.NewLoop(trainer())
			engine, err = gomlx.LoopEngine(loop)
			require.NoError(t, err)
			if c.built {
				require.NoError(t, engine.Build(example()))
			}
			a, err := gomlx.Attach(t.Context(), loop, session.Config{Engine: engine, Hooks: savers(t, looped)})
			require.NoError(t, err)
			_, err = loop.RunSteps(shuffled(t, loop.Trainer.Backend()), steps)
			require.NoError(t, a.Close(err))

			require.Greater(t, len(moments(t, owned)), steps/7/max(c.accumulate, 1))
			require.Equal(t, moments(t, owned), moments(t, looped))
			requireSameCurves(t, os.DirFS(owned), os.DirFS(looped))
		})
	}
}

// requireSameCurves has TensorBoard's three readers look at both.
func requireSameCurves(t testing.TB, a, b fs.FS) {
	t.Helper()
	for _, view := range []readers.View{readers.EventAccumulator{}, readers.PythonServer{}, readers.DataServer{}} {
		inA, err := view.Load(t.Context(), a)
		require.NoError(t, err)
		inB, err := view.Load(t.Context(), b)
		require.NoError(t, err)
		curves := curvesOf(t, inA)
		require.Len(t, curves, 6, view.Name())
		require.Equal(t, curves, curvesOf(t, inB), view.Name())
	}
}

func TestAHookStopsALoop(t *testing.T) {
	for name, c := range map[string]struct {
		at  int64
		run func(loop *train.Loop, a *gomlx.Attachment, data train.Dataset) error
	}{
		"that makes steps": {5, func(loop *train.Loop, _ *gomlx.Attachment, data train.Dataset) error {
			_, err := loop.RunSteps(data, steps)
			return err
		}},
		"to a step": {5, func(loop *train.Loop, _ *gomlx.Attachment, data train.Dataset) error {
			_, err := loop.RunToGlobalStep(data, steps)
			return err
		}},
		"of epochs, by an error": {5, func(loop *train.Loop, _ *gomlx.Attachment, data train.Dataset) error {
			_, err := loop.RunEpochs(data, 3)
			require.ErrorIs(t, err, gomlx.ErrStopped)
			return err
		}},
		"of epochs, by its data": {5, func(loop *train.Loop, a *gomlx.Attachment, data train.Dataset) error {
			_, err := loop.RunEpochs(a.Dataset(data), 3)
			return err
		}},
		"before its first step": {0, func(loop *train.Loop, _ *gomlx.Attachment, data train.Dataset) error {
			_, err := loop.RunSteps(data, steps)
			return err
		}},
		"of epochs before its first step": {0, func(loop *train.Loop, a *gomlx.Attachment, data train.Dataset) error {
			_, err := loop.RunEpochs(a.Dataset(data), 3)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			loop, data, engine := newLoop(t)
			var calls []string
			last := int64(-1)
			probe := &session.HookFuncs{
				OnBegin: func(context.Context, session.Graph) error { calls = append(calls, "Begin"); return nil },
				OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
					if c.at == 0 {
						coord.RequestStop(nil)
					}
					return nil
				},
				OnAfterRun: func(ctx context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
					values, err := session.Eval(ctx, rc.Session(), session.GlobalStepName)
					last, _ = values.At(0).Int64()
					if last == c.at {
						rc.RequestStop()
					}
					return err
				},
				OnEnd:          func(context.Context, session.Session) error { calls = append(calls, "End"); return nil },
				OnCloseSession: func(_ context.Context, cause error) error { calls = append(calls, "Close"); return cause },
			}
			a, err := gomlx.Attach(t.Context(), loop, session.Config{Engine: engine, Hooks: []session.SessionRunHook{probe}})
			require.NoError(t, err)
			ended := 0
			loop.OnEnd("test", 0, func(*train.Loop, []*tensors.Tensor) error { ended++; return nil })
			err = c.run(loop, a, data)
			if err == nil {
				require.Equal(t, 1, ended, "OnEnd of others")
			}
			require.NoError(t, a.Close(err))
			require.Equal(t, []string{"Begin", "End", "Close"}, calls)
			require.Equal(t, c.at, max(last, 0))
			require.Equal(t, c.at, loop.Trainer.GlobalStep())
		})
	}
}

func TestALoopMayRunAgain(t *testing.T) {
	dir := t.TempDir()
	loop, data, engine := newLoop(t)
	a, err := gomlx.Attach(t.Context(), loop, session.Config{Engine: engine, Hooks: savers(t, dir)})
	require.NoError(t, err)
	for range 2 {
		_, err = loop.RunSteps(data, 15)
		require.NoError(t, a.Close(err))
	}
	curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 8, 15, 16, 23, 30}, curves[0].Steps)
}

func TestWhatALoopFailsWithReachesTheHooks(t *testing.T) {
	errBroken := errors.New("broken")
	loop, data, engine := newLoop(t)
	var cause error
	probe := &session.HookFuncs{
		OnEnd:          func(context.Context, session.Session) error { t.Error("End after an error"); return nil },
		OnCloseSession: func(_ context.Context, c error) error { cause = c; return nil },
	}
	a, err := gomlx.Attach(t.Context(), loop, session.Config{Engine: engine, Hooks: []session.SessionRunHook{probe}})
	require.NoError(t, err)
	loop.OnStep("test", 0, func(loop *train.Loop, _ []*tensors.Tensor) error {
		if loop.LoopStep == 3 {
			return errBroken
		}
		return nil
	})
	_, err = loop.RunSteps(data, steps)
	require.ErrorIs(t, err, errBroken)
	require.NoError(t, cause, "it is open until Close")
	require.ErrorIs(t, a.Close(err), errBroken)
	require.ErrorIs(t, cause, errBroken)
}

func TestAHooksErrorEndsTheLoop(t *testing.T) {
	errBroken := errors.New("broken")
	for name, broken := range map[string]*session.HookFuncs{
		"Begin": {OnBegin: func(context.Context, session.Graph) error { return errBroken }},
		"BeforeRun": {OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			return nil, errBroken
		}},
		"AfterRun": {OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
			return errBroken
		}},
		"End": {OnEnd: func(context.Context, session.Session) error { return errBroken }},
	} {
		t.Run(name, func(t *testing.T) {
			loop, data, engine := newLoop(t)
			a, err := gomlx.Attach(t.Context(), loop, session.Config{Engine: engine, Hooks: []session.SessionRunHook{broken}})
			require.NoError(t, err)
			_, err = loop.RunSteps(data, 3)
			require.ErrorIs(t, err, errBroken)
			require.ErrorIs(t, a.Close(err), errBroken)
			var hook *session.HookError
			require.ErrorAs(t, err, &hook)
		})
	}
}

func TestAContextEndsALoopCleanly(t *testing.T) {
	errEnough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	loop, data, engine := newLoop(t)
	dir := t.TempDir()
	a, err := gomlx.Attach(ctx, loop, session.Config{Engine: engine, Hooks: savers(t, dir)})
	require.NoError(t, err)
	loop.OnStep("test", 0, func(loop *train.Loop, _ []*tensors.Tensor) error {
		if loop.LoopStep == 7 {
			cancel(errEnough)
		}
		return nil
	})
	_, err = loop.RunSteps(data, steps)
	require.ErrorIs(t, a.Close(err), errEnough)
	curves, err := eventlog.Scalars(t.Context(), dir, eventlog.Config{})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 8}, curves[0].Steps, "the step that was being made is recorded")
}

func TestWhatALoopCannotDoIsRefused(t *testing.T) {
	loop, data, engine := newLoop(t)
	require.EqualError(t, engine.Resolve("inputs/0"), `gomlx: "inputs/0": a train.Loop shows its hooks no batches; a session over gomlx.New has them`)

	feed := &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		return &session.SessionRunArgs{Feeds: session.Feeds{"labels/0": session.Int64(1)}}, nil
	}}
	a, err := gomlx.Attach(t.Context(), loop, session.Config{Engine: engine, Hooks: []session.SessionRunHook{feed}})
	require.NoError(t, err)
	_, err = loop.RunSteps(data, 3)
	require.ErrorContains(t, a.Close(err), `"labels/0": a train.Loop shows its hooks no batches`)
	require.Zero(t, loop.Trainer.GlobalStep())

	s, err := engine.NewSession(t.Context())
	require.NoError(t, err)
	_, err = session.Eval(t.Context(), s, session.TrainOp)
	require.EqualError(t, err, "gomlx: the steps are made by a train.Loop, and it is not running: see Attach")

	for name, config := range map[string]session.Config{
		"another engine":  {Engine: session.StepFunc(nil)},
		"an engine alone": {Engine: newEngine(t)},
	} {
		_, err := gomlx.Attach(t.Context(), loop, config)
		require.ErrorContains(t, err, "LoopEngine", name)
	}
	_, err = gomlx.Attach(t.Context(), nil, session.Config{})
	require.EqualError(t, err, "gomlx: the loop is nil")
}

func TestALoopWhoseModelIsNotBuilt(t *testing.T) {
	backend := newBackend(t)
	loop := train.NewLoop(newTrainer(t, backend))
	dir := t.TempDir()
	a, err := gomlx.Attach(t.Context(), loop, session.Config{Hooks: savers(t, dir)})
	require.NoError(t, err)
	_, err = loop.RunSteps(shuffled(t, backend), 8)
	require.NoError(t, a.Close(err), "names are found in the first step")

	loop = train.NewLoop(newTrainer(t, backend))
	saver, err := hooks.NewCheckpointSaverHook(hooks.CheckpointSaverHookConfig{CheckpointDir: dir, SaveSteps: 5, Saver: newSaver(t, 5)})
	require.NoError(t, err)
	a, err = gomlx.Attach(t.Context(), loop, session.Config{Hooks: []session.SessionRunHook{saver}})
	require.NoError(t, err)
	_, err = loop.RunSteps(shuffled(t, backend), 8)
	require.ErrorContains(t, a.Close(err), "the model was not built before the first step: call Engine.Build")

	loop = train.NewLoop(newTrainer(t, backend))
	a, err = gomlx.Attach(t.Context(), loop, session.Config{Hooks: []session.SessionRunHook{&session.HookFuncs{
		OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			return &session.SessionRunArgs{Fetches: []string{"/hidden/dense/wieghts"}}, nil
		},
	}}})
	require.NoError(t, err)
	_, err = loop.RunSteps(shuffled(t, backend), 8)
	require.ErrorIs(t, a.Close(err), session.ErrUnknownName)
	require.ErrorContains(t, err, `"/hidden/dense/weights"`)
	require.EqualValues(t, 1, loop.Trainer.GlobalStep())
}

func TestARateIsFedIfTheModelWasBuilt(t *testing.T) {
	backend := newBackend(t)
	loop := train.NewLoop(newTrainer(t, backend))
	n := 0
	a, err := gomlx.Attach(t.Context(), loop, session.Config{Hooks: []session.SessionRunHook{&session.HookFuncs{
		OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			if n++; n == 1 {
				return nil, nil
			}
			return &session.SessionRunArgs{Feeds: session.Feeds{gomlx.LearningRate: session.Float64(1)}}, nil
		},
	}}})
	require.NoError(t, err)
	_, err = loop.RunSteps(shuffled(t, backend), 8)
	require.ErrorContains(t, a.Close(err), `gomlx: feed "learning_rate": the model was not built before the first step: call Engine.Build`)
}

func newSaver(t testing.TB, keep int) *gomlx.Saver {
	t.Helper()
	saver, err := gomlx.NewSaver(gomlx.SaverConfig{MaxToKeep: keep})
	require.NoError(t, err)
	return saver
}

// files are the names in dir that match a pattern.
func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths
}

// curvesOf are the points that a reader shows, by tag, without their times.
func curvesOf(t testing.TB, shown *readers.Shown) map[string][]readers.Point {
	t.Helper()
	require.NoError(t, shown.Err)
	require.Empty(t, shown.Losses)
	curves := make(map[string][]readers.Point)
	for _, tag := range shown.Run(".").Tags {
		require.NoError(t, tag.Err)
		for i := range tag.Points {
			tag.Points[i].WallTime, tag.Points[i].Place = 0, readers.Place{}
		}
		curves[tag.Name] = tag.Points
	}
	return curves
}
