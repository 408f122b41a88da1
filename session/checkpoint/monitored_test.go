package checkpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
)

// chief returns a creator for an engine that restores from dir.
func chief(t *testing.T, engine session.Engine, saver session.Saver, dir string) *session.ChiefSessionCreator {
	t.Helper()
	creator, err := session.NewChiefSessionCreator(session.ChiefConfig{
		Engine: engine, Scaffold: &session.Scaffold{Saver: saver}, CheckpointDir: dir,
	})
	require.NoError(t, err)
	return creator
}

// steps runs n training steps in a session that is restored from dir, saves, and
// returns the step and the weights that it began with.
func steps(t *testing.T, engine *graph.Graph, saver session.Saver, dir string, n int64) (step int64, w []float32) {
	t.Helper()
	s, err := chief(t, engine, saver, dir).CreateSession(t.Context())
	require.NoError(t, err)
	values, err := session.Eval(t.Context(), s, "global_step", "w")
	require.NoError(t, err)
	step, _ = values.At(0).Int64()
	tensor, _ := values.At(1).Tensor()
	for range n {
		_, err := session.Eval(t.Context(), s, "train")
		require.NoError(t, err)
	}
	_, err = saver.Save(t.Context(), s, filepath.Join(dir, "m"), step+n)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	return step, tensor.Data.([]float32)
}

func TestAJobGoesOnFromItsNewestCheckpoint(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for job := range int64(4) {
		saver := newSaver(t, checkpoint.SaverConfig{MaxToKeep: 2})
		step, w := steps(t, counter(), saver, dir, 5)
		require.Equal(t, 5*job, step)
		require.Equal(t, []float32{float32(5 * job), float32(5 * job)}, w)
	}
	require.Equal(t, []string{"checkpoint", "m-15.safetensors", "m-20.safetensors"}, filesIn(t, dir), "each job took over the list of the one before")
}

func TestATornNewestCheckpointStopsAJobUnlessAskedOtherwise(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		steps(t, counter(), newSaver(t, checkpoint.SaverConfig{}), dir, 5)
	}
	require.NoError(t, os.Truncate(filepath.Join(dir, "m-10.safetensors"), 100))
	_, err := chief(t, counter(), newSaver(t, checkpoint.SaverConfig{}), dir).CreateSession(t.Context())
	require.ErrorIs(t, err, checkpoint.ErrCorrupt)

	var told error
	saver := newSaver(t, checkpoint.SaverConfig{FallBack: func(path string, err error) { told = errors.Join(told, err) }})
	step, w := steps(t, counter(), saver, dir, 5)
	require.ErrorIs(t, told, checkpoint.ErrCorrupt)
	require.Equal(t, int64(5), step)
	require.Equal(t, []float32{5, 5}, w)
	step, _ = steps(t, counter(), newSaver(t, checkpoint.SaverConfig{}), dir, 0)
	require.Equal(t, int64(10), step, "saved anew over the torn one")
}

func TestAModelThatHasChangedIsNotRestored(t *testing.T) {
	dir := t.TempDir()
	steps(t, counter(), newSaver(t, checkpoint.SaverConfig{}), dir, 1)
	g := graph.New()
	g.CreateGlobalStep()
	g.Variable("w", func() session.Value { return session.TensorOf(make([]float32, 3)) })
	g.Variable("bias", func() session.Value { return session.Float32(0) })
	_, err := chief(t, g, newSaver(t, checkpoint.SaverConfig{}), dir).CreateSession(t.Context())
	require.ErrorContains(t, err, `["bias"] are missing; "w" is float32 [2], want float32 [3]`)
}
