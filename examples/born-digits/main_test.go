package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/sessiontest"
	"github.com/runhook/runhook/summary/eventlog"
)

func TestTheHookedLoopTrainsBornsModel(t *testing.T) {
	logdir := t.TempDir()
	var out strings.Builder
	require.NoError(t, run(t.Context(), logdir, 200, &out))
	require.Contains(t, out.String(), "global_step = 200")
	curves, err := eventlog.Scalars(t.Context(), logdir, eventlog.Config{})
	require.NoError(t, err)
	require.Equal(t, "accuracy", curves[0].Tag)
	require.Greater(t, curves[0].Values[len(curves[0].Values)-1], 0.9)

	// What is saved is the memory of the model.
	training, err := newTraining()
	require.NoError(t, err)
	s, err := training.engine().NewSession(t.Context())
	require.NoError(t, err)
	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{})
	require.NoError(t, err)
	require.NoError(t, saver.Restore(t.Context(), s, filepath.Join(logdir, "model.ckpt-200")))
	_, accuracy := training.step()
	require.Greater(t, accuracy, float32(0.85))

	require.NoError(t, run(t.Context(), logdir, 210, &out))
	require.Contains(t, out.String(), "global_step = 210")
}

func TestTheClosureTrainsAsTheLoopDoes(t *testing.T) {
	plain, err := newTraining()
	require.NoError(t, err)
	hooked, err := newTraining()
	require.NoError(t, err)
	for i, p := range hooked.model.Parameters() { // Born has no seed
		copy(p.Tensor().Raw().AsFloat32(), plain.model.Parameters()[i].Tensor().Raw().AsFloat32())
	}
	s, err := hooked.engine().NewSession(t.Context())
	require.NoError(t, err)
	for range 30 {
		loss, accuracy := plain.step()
		values, err := session.Eval(t.Context(), s, session.TrainOp, "loss", "accuracy")
		require.NoError(t, err)
		require.Equal(t, loss, values.At(1).Any())
		require.Equal(t, accuracy, values.At(2).Any())
	}
}

func TestTheLoopIsAnEngine(t *testing.T) {
	sessiontest.TestEngine(t, func(t *testing.T) session.Engine {
		training, err := newTraining()
		require.NoError(t, err)
		return training.engine()
	}, sessiontest.EngineOptions{Fetches: map[string]session.Kind{
		"loss": session.KindFloat32, "accuracy": session.KindFloat32, "hidden/weights": session.KindTensor,
	}})
}
