package session_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestUseAfterCloseIsErrClosed(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	var raw session.Session
	require.NoError(t, s.RunStepFn(t.Context(), func(_ context.Context, sc *session.StepContext) error {
		raw = sc.Session()
		return nil
	}))
	require.NoError(t, s.Close())
	require.True(t, s.ShouldStop())

	_, err := s.Run(t.Context(), "loss")
	require.ErrorIs(t, err, session.ErrClosed)
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = s.RunArgs(t.Context(), &session.SessionRunArgs{}, nil)
	require.ErrorIs(t, err, session.ErrClosed)
	err = s.RunStepFn(t.Context(), func(context.Context, *session.StepContext) error { t.Error("called"); return nil })
	require.ErrorIs(t, err, session.ErrClosed)
	_, err = session.Eval(t.Context(), raw, "loss")
	require.ErrorIs(t, err, session.ErrClosed)
	require.NoError(t, raw.Close(), "the session is closed once")
}

func TestCloseIsIdempotentAndReturnsTheSameError(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), j.hook("a").failing(session.PhaseEnd, errBroken))
	j.take()
	first := s.Close()
	require.ErrorIs(t, first, errBroken)
	require.Equal(t, []string{"a End", "engine Close", "a CloseSession"}, j.take())
	require.Same(t, first, s.Close())
	require.Same(t, first, s.CloseWithError(errors.New("another")))
	require.Empty(t, j.take())
}

func TestCloseDoesEverythingWhateverFails(t *testing.T) {
	leaktest.Check(t)
	var j journal
	errs := make([]error, 6)
	for i := range errs {
		errs[i] = fmt.Errorf("error %d", i)
	}
	a := j.hook("a").failing(session.PhaseEnd, errs[0]).failing(session.PhaseCloseSession, errs[1])
	b := j.hook("b").failing(session.PhaseEnd, errs[2]).failing(session.PhaseCloseSession, errs[3])
	pump := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
		coord.Go("pump", func(ctx context.Context) error { <-ctx.Done(); return errs[4] })
		return nil
	}}
	s := open(t, j.engine(lineGraph()).failing("Close", errs[5]), a, b, pump)
	j.take()
	err := s.Close()
	for _, want := range errs {
		require.ErrorIs(t, err, want)
	}
	require.Equal(t, []string{"a End", "b End", "engine Close", "b CloseSession", "a CloseSession"}, j.take())
	require.ErrorIs(t, a.cause, errs[0], "CloseSession is told of failures in closing")

	var failed *session.HookError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "a", failed.Hook)
	require.Equal(t, session.PhaseEnd, failed.Phase)
}

func TestThatALostSessionCannotBeClosedIsNoNews(t *testing.T) {
	leaktest.Check(t)
	for _, lost := range []error{session.ErrAborted, fmt.Errorf("engine: %w", session.ErrUnavailable)} {
		var j journal
		s := open(t, j.engine(lineGraph()).failing("Close", lost))
		require.NoError(t, s.Close())
	}
}

func TestAPanicInClosingStillClosesTheRestAndGoesOn(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		phase session.Phase
		want  []string
	}{
		{session.PhaseEnd, []string{"a End", "engine Close", "b CloseSession", "a CloseSession"}},
		{session.PhaseCloseSession, []string{"a End", "b End", "engine Close", "b CloseSession", "a CloseSession"}},
	} {
		t.Run(string(c.phase), func(t *testing.T) {
			var j journal
			a, b := j.hook("a"), j.hook("b")
			thrower := a
			if c.phase == session.PhaseCloseSession {
				thrower = b
			}
			thrower.doing(c.phase, func() { panic("overboard") })
			s := open(t, j.engine(lineGraph()), a, b)
			j.take()
			require.PanicsWithValue(t, "overboard", func() { s.Close() })
			require.Equal(t, c.want, j.take())
			require.Error(t, s.Close(), "the session did not end cleanly")
			require.Empty(t, j.take())
			if c.phase == session.PhaseEnd {
				require.Error(t, a.cause)
			}
		})
	}
}

func TestGoexitInEndStillClosesTheSession(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), j.hook("a").doing(session.PhaseEnd, runtime.Goexit))
	j.take()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Close()
	}()
	<-done
	require.Equal(t, []string{"a End", "engine Close", "a CloseSession"}, j.take())
}

func TestEndMayRunTheSessionAndCloseSessionMayNot(t *testing.T) {
	leaktest.Check(t)
	var raw session.Session
	final := &session.HookFuncs{
		OnEnd: func(ctx context.Context, s session.Session) error {
			raw = s
			values, err := session.Eval(ctx, s, "loss")
			require.Equal(t, []string{"loss=4"}, collect(values))
			return err
		},
		OnCloseSession: func(ctx context.Context, _ error) error {
			_, err := session.Eval(ctx, raw, "loss")
			return err
		},
	}
	s := open(t, lineGraph(), final)
	_, err := s.Run(t.Context(), "train")
	require.NoError(t, err)
	err = s.Close()
	require.ErrorIs(t, err, session.ErrClosed)
	var failed *session.HookError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, session.PhaseCloseSession, failed.Phase)
}

func TestCloseReportsGoroutinesThatOutliveTheGracePeriod(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("stuck", func(context.Context) error { <-release; return nil })
			return nil
		}}
		var j journal
		s, err := session.NewMonitoredSession(t.Context(), session.Config{
			Engine: j.engine(lineGraph()), Hooks: []session.SessionRunHook{stuck, j.hook("a")}, StopGracePeriod: time.Minute,
		})
		require.NoError(t, err)
		j.take()
		start := time.Now()
		err = s.Close()
		require.ErrorIs(t, err, session.ErrStillRunning)
		require.ErrorContains(t, err, `"stuck"`)
		require.Equal(t, time.Minute, time.Since(start))
		require.Equal(t, []string{"a End", "engine Close", "a CloseSession"}, j.take())
		close(release)
	})
}

func TestTheGracePeriodIs120SecondsByDefault(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("stuck", func(context.Context) error { <-release; return nil })
			return nil
		}}
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{stuck}})
		require.NoError(t, err)
		start := time.Now()
		require.ErrorIs(t, s.Close(), session.ErrStillRunning)
		require.Equal(t, 120*time.Second, time.Since(start))
		close(release)
	})
}

func TestAGoroutinesErrorStopsTheLoopAndComesFromClose(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		var j journal
		a := j.hook("a")
		feeder := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("feeder", func(context.Context) error { time.Sleep(time.Second); return errBroken })
			return nil
		}}
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{a, feeder}})
		require.NoError(t, err)
		require.False(t, s.ShouldStop())
		time.Sleep(time.Second)
		synctest.Wait()
		require.True(t, s.ShouldStop())
		_, err = s.Run(t.Context(), "loss")
		require.NoError(t, err, "a stop of the coordinator alone does not refuse runs")
		j.take()
		err = s.Close()
		require.ErrorIs(t, err, errBroken)
		require.ErrorContains(t, err, `"feeder"`)
		require.Equal(t, []string{"a End", "a CloseSession"}, j.take())
		require.ErrorIs(t, a.cause, errBroken)
	})
}

func TestAGoroutineThatReachesTheEndOfInputEndsTheLoopCleanly(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		feeder := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("feeder", func(context.Context) error { return session.ErrOutOfRange })
			return nil
		}}
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{feeder}})
		require.NoError(t, err)
		synctest.Wait()
		require.True(t, s.ShouldStop())
		require.NoError(t, s.Close())
	})
}
