package hooks_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestFinalOpsAreFetchedAtTheEnd(t *testing.T) {
	e := newTrainer()
	e.Node("vector", func(context.Context, []session.Value) (session.Value, error) {
		return session.TensorOf([]float32{1, 2}), nil
	})
	names := []string{"loss", "vector"}
	h := hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: names})
	names[0] = "changed"
	require.Equal(t, 0, h.FinalOpsValues().Len(), "nothing before")
	train(t, e, 3, "train", h)
	require.Equal(t, 1, e.evaluated, "once, and not with the runs")
	values := h.FinalOpsValues()
	require.Equal(t, session.Float64(1), values.At(0))
	require.Equal(t, "float32[2][1 2]", values.At(1).String())
	train(t, e, 1, "train", h)
	require.Equal(t, session.Float64(2), h.FinalOpsValues().At(0))
	require.Equal(t, session.Float64(1), values.At(0), "those of before stay valid")
}

func TestFinalOpsMayBeFed(t *testing.T) {
	e := newTrainer()
	e.Placeholder("x", session.Float64(0))
	e.Node("twice", func(_ context.Context, in []session.Value) (session.Value, error) {
		x, _ := in[0].Float64()
		return session.Float64(2 * x), nil
	}, "x")
	feeds := session.Feeds{"x": session.Float64(21)}
	h := hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{"twice"}, FinalOpsFeedDict: feeds})
	delete(feeds, "x")
	train(t, e, 1, "train", h)
	require.Equal(t, session.Float64(42), h.FinalOpsValues().At(0))
}

func TestFinalOpsThatFail(t *testing.T) {
	r := new(recorder)
	final := func(names ...string) *hooks.FinalOpsHook {
		return hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: names, Logger: slog.New(r)})
	}
	at := func(fault error) *sessiontest.Engine { // the run after the three of the training
		return &sessiontest.Engine{Other: func(string, int64) session.Value { return session.Float64(1) },
			Faults: []sessiontest.Fault{{Op: sessiontest.OpRun, N: 4, Err: fault}}}
	}
	run := func(e *sessiontest.Engine, h session.SessionRunHook) error {
		return session.With(t.Context(), session.Config{Engine: e, Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
			for range 3 {
				if _, err := s.Run(t.Context(), session.TrainOp); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.ErrorIs(t, run(at(errBroken), final("metric")), errBroken)
	require.Empty(t, r.records)
	require.ErrorIs(t, run(at(session.ErrOutOfRange), final("metric")), session.ErrOutOfRange)
	require.Len(t, r.records, 1)
	require.Equal(t, "the final ops depend on an input that has ended", r.records[0].Message)
	require.ErrorIs(t, run(&sessiontest.Engine{}, final("metric")), session.ErrUnknownName)

	h := final()
	require.NoError(t, run(at(errBroken), h), "without names there is no run")
	h = final("metric")
	require.ErrorIs(t, session.With(t.Context(), session.Config{Engine: at(nil), Hooks: []session.SessionRunHook{h}},
		func(*session.MonitoredSession) error { return errBroken }), errBroken)
	require.Equal(t, 0, h.FinalOpsValues().Len(), "a failure has no end")
}
