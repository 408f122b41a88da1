package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestAStepFunctionRunsWithAndWithoutHooks(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), j.hook("a", "global_step"))
	j.take()
	err := s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		raw, err := session.Eval(ctx, sc.Session(), "train", "loss")
		require.NoError(t, err)
		require.Equal(t, []string{"train=<none>", "loss=2"}, collect(raw))
		hooked, err := sc.RunWithHooks(ctx, "train", "loss")
		require.NoError(t, err)
		require.Equal(t, []string{"train=<none>", "loss=4"}, collect(hooked))
		fed, err := sc.RunArgsWithHooks(ctx, &session.SessionRunArgs{
			Fetches: []string{"loss"}, Feeds: session.Feeds{"x": session.Float64(10)},
		}, nil)
		require.NoError(t, err)
		require.Equal(t, []string{"loss=30"}, collect(fed))
		none, err := sc.RunArgsWithHooks(ctx, nil, nil)
		require.NoError(t, err)
		require.Zero(t, none.Len())
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"engine Run train,loss",
		"a BeforeRun", "engine Run train,loss,global_step", "a AfterRun",
		"a BeforeRun", "engine Run loss,global_step", "a AfterRun",
		"a BeforeRun", "engine Run global_step", "a AfterRun",
	}, j.take())
}

func TestRunStepFnReturnsWhatTheFunctionReturns(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	require.Equal(t, errBroken, s.RunStepFn(t.Context(), func(context.Context, *session.StepContext) error { return errBroken }))
	require.False(t, s.ShouldStop())
}

func TestAStepFunctionsStopWishMakesShouldStopTrue(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	went := false
	err := s.RunStepFn(t.Context(), func(_ context.Context, sc *session.StepContext) error {
		stop := sc.RequestStop()
		went = true
		return stop
	})
	require.ErrorIs(t, err, session.ErrStop)
	require.True(t, went, "the function decides when to leave")
	require.True(t, s.ShouldStop())
	_, err = s.Run(t.Context(), "loss")
	require.ErrorIs(t, err, session.ErrRunAfterStop)
	require.NoError(t, s.Close())
}

func TestAStepFunctionsStopEndsWithCleanly(t *testing.T) {
	leaktest.Check(t)
	var j journal
	err := session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(j.hook("a"))}, func(s *session.MonitoredSession) error {
		return s.RunStepFn(t.Context(), func(_ context.Context, sc *session.StepContext) error { return sc.RequestStop() })
	})
	require.NoError(t, err)
	require.Contains(t, j.take(), "a End")
}

func TestAfterAStopAStepFunctionMayRunTheSessionButNotTheHooks(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), stopper(session.PhaseAfterRun), j.hook("a"))
	j.take()
	err := s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		_, err := sc.RunWithHooks(ctx, "train")
		require.NoError(t, err)
		j.take()
		_, err = sc.RunWithHooks(ctx, "train")
		require.ErrorIs(t, err, session.ErrRunAfterStop)
		require.Empty(t, j.take())
		_, err = session.Eval(ctx, sc.Session(), "loss")
		return err
	})
	require.NoError(t, err)
}

func TestAStepFunctionsRunHeedsItsContext(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), j.hook("a"))
	j.take()
	err := s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		_, err := sc.RunWithHooks(ctx, "train")
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, j.take())
}

func TestTheRawSessionGivesTheEnginesOwn(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()))
	err := s.RunStepFn(t.Context(), func(_ context.Context, sc *session.StepContext) error {
		u, ok := sc.Session().(interface{ Unwrap() session.Session })
		require.True(t, ok)
		require.IsType(t, &tracedSession{}, u.Unwrap())
		return nil
	})
	require.NoError(t, err)
}
