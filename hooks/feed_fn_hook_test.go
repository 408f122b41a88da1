package hooks_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestAFeedReachesTheRun(t *testing.T) {
	e := newTrainer()
	e.Placeholder("x", session.Value{})
	e.Node("sum", func(_ context.Context, in []session.Value) (session.Value, error) {
		x, _ := in[0].Float64()
		return session.Float64(x + 1), nil
	}, "x")
	calls := 0.0
	h := made(hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) {
		calls++
		return session.Feeds{"x": session.Float64(calls)}, nil
	}))(t)
	require.NoError(t, session.With(t.Context(), session.Config{Engine: e, Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
		for i := range 3 {
			values, err := s.Run(t.Context(), "sum")
			require.NoError(t, err)
			require.Equal(t, session.Float64(float64(i)+2), values.At(0))
		}
		return nil
	}))
}

func TestARunThatIsRepeatedIsFedAnew(t *testing.T) {
	e := &sessiontest.Engine{
		Outputs: map[string]sessiontest.Output{"x": sessiontest.Floats(0)},
		Faults:  []sessiontest.Fault{{Op: sessiontest.OpTrain, N: 2, Err: session.ErrAborted}},
	}
	calls := 0.0
	h := made(hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) {
		calls++
		return session.Feeds{"x": session.Float64(calls)}, nil
	}))(t)
	config := session.Config{Engine: e, Hooks: []session.SessionRunHook{h}, Recovery: session.Recovery{Backoff: noBackoff}}
	require.NoError(t, session.With(t.Context(), config, func(s *session.MonitoredSession) error {
		for range 3 {
			if _, err := s.Run(t.Context(), session.TrainOp); err != nil {
				return err
			}
		}
		return nil
	}))
	var fed []session.Value
	for _, call := range e.Calls() {
		if call.Op == sessiontest.OpRun {
			fed = append(fed, call.Feeds["x"])
		}
	}
	require.Equal(t, []session.Value{session.Float64(1), session.Float64(2), session.Float64(3), session.Float64(4)}, fed)
}

func TestAFeedFunctionThatFailsEndsTheTraining(t *testing.T) {
	for err, want := range map[error]error{errBroken: errBroken, session.ErrOutOfRange: nil} {
		e := &sessiontest.Engine{}
		h := made(hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) { return nil, err }))(t)
		require.ErrorIs(t, failing(t, e, h), want)
		require.Zero(t, e.Count(sessiontest.OpTrain))
	}
	h := made(hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) { return session.Feeds{"y": session.Float64(1)}, nil }))(t)
	require.ErrorIs(t, failing(t, &sessiontest.Engine{}, h), session.ErrUnknownName)
}
