package gomlx_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/checkpoint"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/adapters/gomlx"
	"github.com/runhook/runhook/session"
)

func TestGoMLXReadsOurCheckpoints(t *testing.T) {
	dir := t.TempDir()
	s := open(t, newEngine(t))
	eval(t, s, session.TrainOp)
	path, err := newSaver(t, 5).Save(t.Context(), s, filepath.Join(dir, "model.ckpt"), 1)
	require.NoError(t, err)
	require.Regexp(t, `checkpoint-n0000000-\d{8}-\d{6}-step-00000001$`, path)

	store := model.NewStore()
	_, err = checkpoint.Load(store).Dir(dir).Immediate().Done()
	require.NoError(t, err)
	want := eval(t, s, weights).At(0)
	got, _ := want.Tensor()
	value, err := store.GetVariable(weights).Value()
	require.NoError(t, err)
	require.NoError(t, value.ConstFlatData(func(flat any) { require.Equal(t, got.Data, flat) }))
	for v := range store.IterVariables() {
		require.NotContains(t, v.Path(), "/metrics/")
		require.NotContains(t, v.Path(), "/gradients/")
	}
	seed, found := store.GetParam("/" + model.ParamInitialSeed)
	require.True(t, found)
	require.EqualValues(t, 1, seed)
}

func TestWeReadGoMLXsCheckpoints(t *testing.T) {
	dir := t.TempDir()
	backend := newBackend(t)
	loop := train.NewLoop(newTrainer(t, backend))
	handler, err := checkpoint.Build(loop.Trainer.Store()).Dir(dir).Keep(3).Done()
	require.NoError(t, err)
	_, err = loop.RunSteps(shuffled(t, backend), 9)
	require.NoError(t, err)
	require.NoError(t, handler.Save())

	saver := newSaver(t, 5)
	state, err := saver.CheckpointState(t.Context(), dir)
	require.NoError(t, err)
	s := open(t, newEngine(t))
	require.NoError(t, saver.Restore(t.Context(), s, state.ModelCheckpointPath))
	step, _ := eval(t, s, session.GlobalStepName).At(0).Int64()
	require.EqualValues(t, 9, step)
	got, _ := eval(t, s, weights).At(0).Tensor()
	value, err := loop.Trainer.Store().GetVariable(weights).Value()
	require.NoError(t, err)
	require.NoError(t, value.ConstFlatData(func(flat any) { require.Equal(t, flat, got.Data) }))
}

func TestASaverKeepsTheNewest(t *testing.T) {
	dir := t.TempDir()
	saver := newSaver(t, 2)
	state, err := saver.CheckpointState(t.Context(), filepath.Join(dir, "nothing"))
	require.NoError(t, err)
	require.Nil(t, state)

	s := open(t, newEngine(t))
	for step := range 3 {
		eval(t, s, session.TrainOp)
		_, err := saver.Save(t.Context(), s, filepath.Join(dir, "model.ckpt"), int64(step)+1)
		require.NoError(t, err)
	}
	require.Len(t, files(t, dir, "*.bin"), 2)
	state, err = saver.CheckpointState(t.Context(), dir)
	require.NoError(t, err)
	require.Len(t, state.AllModelCheckpointPaths, 2)
	require.Regexp(t, "checkpoint-n0000001-.*-step-00000002$", state.AllModelCheckpointPaths[0])
	require.Regexp(t, "checkpoint-n0000002-.*-step-00000003$", state.ModelCheckpointPath)

	again := newSaver(t, 2)
	require.NoError(t, again.RecoverLastCheckpoints(t.Context(), append([]string{filepath.Join(dir, "gone")}, state.AllModelCheckpointPaths...)))
	_, err = again.Save(t.Context(), s, filepath.Join(dir, "model.ckpt"), 3)
	require.NoError(t, err)
	require.Len(t, files(t, dir, "*.json"), 2)
	require.Empty(t, files(t, dir, ".*"))
}

func TestWhatCannotBeRestoredChangesNothing(t *testing.T) {
	dir := t.TempDir()
	saver := newSaver(t, 5)
	s := open(t, newEngine(t))
	path, err := saver.Save(t.Context(), s, filepath.Join(dir, "model.ckpt"), 0)
	require.NoError(t, err)
	eval(t, s, session.TrainOp)
	before := eval(t, s, weights, session.GlobalStepName)

	torn := filepath.Join(dir, "checkpoint-n0000009-torn")
	for _, suffix := range []string{".json", ".bin"} {
		content, err := os.ReadFile(path + suffix)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(torn+suffix, content[:len(content)/2], 0o666))
	}
	require.ErrorContains(t, saver.Restore(t.Context(), s, torn), `gomlx: restore "`+torn+`"`)
	require.ErrorIs(t, saver.Restore(t.Context(), s, filepath.Join(dir, "nothing")), os.ErrNotExist)
	require.ErrorContains(t, saver.Restore(t.Context(), openOther(t), path), `variable "/dense/weights" is missing`)
	require.Equal(t, before, eval(t, s, weights, session.GlobalStepName))
	require.NoError(t, saver.Restore(t.Context(), s, path))
	require.NotEqual(t, before, eval(t, s, weights, session.GlobalStepName))
}

// openOther opens a session over another model.
func openOther(t testing.TB) session.Session {
	t.Helper()
	backend := newBackend(t)
	other := train.NewTrainer(backend, model.NewStore(), func(scope *model.Scope, images *graph.Node) *graph.Node {
		return layers.DenseWithBias(scope, images, classes)
	}, loss.SparseCategoricalCrossEntropyLogits, optimizer.StochasticGradientDescent(), nil, nil)
	e, err := gomlx.New(gomlx.Config{Trainer: other, Dataset: shuffled(t, backend)})
	require.NoError(t, err)
	return open(t, e)
}

func TestASaverIsForSessionsOfGoMLX(t *testing.T) {
	saver := newSaver(t, 0)
	s, err := session.StepFunc(func(context.Context, []session.Value) error { return nil }).NewSession(t.Context())
	require.NoError(t, err)
	_, err = saver.Save(t.Context(), s, filepath.Join(t.TempDir(), "model.ckpt"), 1)
	require.ErrorContains(t, err, "the session is not of a GoMLX engine")

	closed, err := newEngine(t).NewSession(t.Context())
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.ErrorIs(t, saver.Restore(t.Context(), closed, "x"), session.ErrClosed)

	_, err = gomlx.NewSaver(gomlx.SaverConfig{MaxToKeep: -2})
	require.EqualError(t, err, "gomlx: SaverConfig.MaxToKeep is -2, want a positive number, 0 (5) or Off")
}
