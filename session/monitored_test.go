package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestCallbacksComeInTheDocumentedOrder(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: j.engine(lineGraph()),
		Hooks:  hooks(j.hook("a", "loss"), j.hook("b")),
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"a Begin", "b Begin",
		"engine Finalize", "engine NewSession", "engine Init",
		"a AfterCreateSession", "b AfterCreateSession",
	}, j.take())

	_, err = s.Run(t.Context(), "train")
	require.NoError(t, err)
	require.Equal(t, []string{
		"a BeforeRun", "b BeforeRun", "engine Run train,loss", "a AfterRun", "b AfterRun",
	}, j.take())

	require.NoError(t, s.Close())
	require.Equal(t, []string{
		"a End", "b End", "engine Close", "b CloseSession", "a CloseSession",
	}, j.take())
}

func TestInitIsCalledOnlyIfAVariableHasNoValue(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(session.StepFunc(func(context.Context, []session.Value) error { return nil }))
	open(t, e)
	require.Equal(t, []string{"engine Finalize", "engine NewSession"}, j.take())
}

func TestConfigReportsAllFaultsAtOnce(t *testing.T) {
	leaktest.Check(t)
	_, err := session.NewMonitoredSession(t.Context(), session.Config{
		StopGracePeriod: -time.Second,
		Hooks:           []session.SessionRunHook{nil},
	})
	require.ErrorContains(t, err, "Config.Engine is nil")
	require.ErrorContains(t, err, "Config.StopGracePeriod is -1s")
	require.ErrorContains(t, err, "hooks[0] is nil")
}

func TestATypedNilEngineIsAnErrorOfTheConfig(t *testing.T) {
	leaktest.Check(t)
	var e *session.StepEngine
	require.NotPanics(t, func() {
		_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e})
		require.ErrorContains(t, err, "Config.Engine is nil")
	})
}

func TestTheHookListIsCopied(t *testing.T) {
	leaktest.Check(t)
	var j journal
	list := hooks(j.hook("a"))
	s := open(t, lineGraph(), list...)
	j.take()
	list[0] = j.hook("b")
	_, err := s.Run(t.Context(), "loss")
	require.NoError(t, err)
	require.Equal(t, []string{"a BeforeRun", "a AfterRun"}, j.take())
}

// noSession is an engine that forgets to return its session.
type noSession struct{ session.Engine }

func (noSession) NewSession(context.Context) (session.Session, error) { return nil, nil }

func TestAnEngineWithoutASessionIsAnError(t *testing.T) {
	leaktest.Check(t)
	require.NotPanics(t, func() {
		_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: noSession{lineGraph()}})
		require.Error(t, err)
	})
}

func TestOpeningThatFailsIsUnwound(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name   string
		breaks func(e *tracedEngine, a, b *scribe)
		want   []string
	}{
		{
			"when the first Begin fails, only that hook is closed",
			func(_ *tracedEngine, a, _ *scribe) { a.failing(session.PhaseBegin, errBroken) },
			[]string{"a Begin", "a CloseSession"},
		},
		{
			"when the second Begin fails, both hooks are closed in reverse",
			func(_ *tracedEngine, _, b *scribe) { b.failing(session.PhaseBegin, errBroken) },
			[]string{"a Begin", "b Begin", "b CloseSession", "a CloseSession"},
		},
		{
			"when Finalize fails, the hooks are closed",
			func(e *tracedEngine, _, _ *scribe) { e.failing("Finalize", errBroken) },
			[]string{"a Begin", "b Begin", "engine Finalize", "b CloseSession", "a CloseSession"},
		},
		{
			"when NewSession fails, the hooks are closed",
			func(e *tracedEngine, _, _ *scribe) { e.failing("NewSession", errBroken) },
			[]string{
				"a Begin", "b Begin", "engine Finalize", "engine NewSession",
				"b CloseSession", "a CloseSession",
			},
		},
		{
			"when Init fails, the session and the hooks are closed",
			func(e *tracedEngine, _, _ *scribe) { e.failing("Init", errBroken) },
			[]string{
				"a Begin", "b Begin", "engine Finalize", "engine NewSession", "engine Init",
				"engine Close", "b CloseSession", "a CloseSession",
			},
		},
		{
			"when AfterCreateSession fails, later hooks are not called and all is closed",
			func(_ *tracedEngine, a, _ *scribe) { a.failing(session.PhaseAfterCreateSession, errBroken) },
			[]string{
				"a Begin", "b Begin", "engine Finalize", "engine NewSession", "engine Init", "a AfterCreateSession",
				"engine Close", "b CloseSession", "a CloseSession",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			e, a, b := j.engine(lineGraph()), j.hook("a"), j.hook("b")
			c.breaks(e, a, b)
			require.NotPanics(t, func() {
				s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Hooks: hooks(a, b)})
				require.Nil(t, s)
				require.ErrorIs(t, err, errBroken)
				require.ErrorIs(t, a.cause, errBroken)
			})
			require.Equal(t, c.want, j.take())
		})
	}
}

func TestOpeningThatPanicsIsUnwoundAndThePanicGoesOn(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		phase session.Phase
		want  []string
	}{
		{session.PhaseBegin, []string{"a Begin", "a CloseSession"}},
		{session.PhaseAfterCreateSession, []string{
			"a Begin", "b Begin", "engine Finalize", "engine NewSession", "engine Init", "a AfterCreateSession",
			"engine Close", "b CloseSession", "a CloseSession",
		}},
	} {
		t.Run(string(c.phase), func(t *testing.T) {
			var j journal
			a := j.hook("a").doing(c.phase, func() { panic("overboard") })
			require.PanicsWithValue(t, "overboard", func() {
				session.NewMonitoredSession(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(a, j.hook("b"))})
			})
			require.Equal(t, c.want, j.take())
			require.Error(t, a.cause)
		})
	}
}

func TestFailedOpeningStopsAndJoinsTheGoroutines(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		stopped := false
		starter := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("pump", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				stopped = true
				return ctx.Err()
			})
			return nil
		}}
		var j journal
		breaker := j.hook("breaker").failing(session.PhaseAfterCreateSession, errBroken)
		require.NotPanics(t, func() {
			_, err := session.NewMonitoredSession(t.Context(), session.Config{
				Engine: lineGraph(),
				Hooks:  []session.SessionRunHook{starter, breaker},
			})
			require.ErrorIs(t, err, errBroken)
		})
		require.True(t, stopped, "the goroutine ended before the constructor returned")
	})
}

func TestFailuresOfUnwindingAreJoined(t *testing.T) {
	leaktest.Check(t)
	var j journal
	errClose, errHook := errors.New("close"), errors.New("hook")
	e := j.engine(lineGraph()).failing("Init", errBroken).failing("Close", errClose)
	a := j.hook("a").failing(session.PhaseCloseSession, errHook)
	require.NotPanics(t, func() {
		_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Hooks: hooks(a)})
		require.ErrorIs(t, err, errBroken)
		require.ErrorIs(t, err, errClose)
		require.ErrorIs(t, err, errHook)
	})
}

func TestAfterAStopWasRequestedNoRunBegins(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), j.hook("a"))
	require.False(t, s.ShouldStop())
	s.RequestStop()
	require.True(t, s.ShouldStop())
	j.take()
	_, err := s.Run(t.Context(), "loss")
	require.ErrorIs(t, err, session.ErrRunAfterStop)
	require.Empty(t, j.take(), "neither hooks nor engine are called")
}

func TestTheEndOfInputHasOneName(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name  string
		err   error
		clean bool
	}{
		{"exactly io.EOF from the engine is ErrOutOfRange", io.EOF, true},
		{"ErrOutOfRange from the engine stays", session.ErrOutOfRange, true},
		{"a wrapped ErrOutOfRange is an end, too", fmt.Errorf("queue: %w", session.ErrOutOfRange), true},
		{"a wrapped io.EOF is an ordinary error", fmt.Errorf("header: %w", io.EOF), false},
		{"io.ErrUnexpectedEOF is an ordinary error", io.ErrUnexpectedEOF, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			a := j.hook("a")
			s := open(t, j.engine(lineGraph()).failing("Run", c.err), a)
			j.take()
			_, err := s.Run(t.Context(), "loss")
			require.Equal(t, c.clean, errors.Is(err, session.ErrOutOfRange))
			require.Equal(t, c.clean, session.IsCleanStop(err))
			require.ErrorIs(t, err, c.err)
			require.Equal(t, []string{"a BeforeRun", "engine Run loss"}, j.take(), "no AfterRun")
			require.False(t, s.ShouldStop(), "a run that failed leaves the session as it is")
		})
	}
}

func TestAHooksEOFIsAnOrdinaryError(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a").failing(session.PhaseAfterRun, io.EOF)
	s := open(t, lineGraph(), a)
	_, err := s.Run(t.Context(), "loss")
	require.ErrorIs(t, err, io.EOF)
	require.False(t, session.IsCleanStop(err))
}

func TestASessionGoesOnAfterARunThatFailed(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph()).failing("Run", errBroken)
	s := open(t, e)
	_, err := s.Run(t.Context(), "train")
	require.ErrorIs(t, err, errBroken)
	delete(e.at, "Run")
	values, err := s.Run(t.Context(), "train", "global_step")
	require.NoError(t, err)
	require.Equal(t, []string{"train=<none>", "global_step=0"}, collect(values))
}

func TestARunWithADoneContextDoesNothing(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), j.hook("a"))
	j.take()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Run(ctx, "train")
	require.ErrorIs(t, err, context.Canceled)
	err = s.RunStepFn(ctx, func(context.Context, *session.StepContext) error { t.Error("called"); return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, j.take())
	require.False(t, s.ShouldStop(), "only the session's own context ends the loop")
}

func TestRunArgsOfNothingRunsTheHooksAlone(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), j.hook("a", "loss"))
	j.take()
	require.NotPanics(t, func() {
		values, err := s.RunArgs(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Zero(t, values.Len())
	})
	require.Equal(t, []string{"a BeforeRun", "engine Run loss", "a AfterRun"}, j.take())
}

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

func TestStepsYieldsTheValuesOfEachRun(t *testing.T) {
	leaktest.Check(t)
	runs := 0
	stopper := &session.HookFuncs{OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
		if runs++; runs == 3 {
			rc.RequestStop()
		}
		return nil
	}}
	s := open(t, lineGraph(), stopper)
	var got []string
	for values, err := range s.Steps(t.Context(), "train", "global_step") {
		require.NoError(t, err)
		got = append(got, values.At(1).String())
	}
	require.Equal(t, []string{"0", "1", "2"}, got)
	require.NoError(t, s.Close(), "the iterator has not closed the session")
}

func TestStepsEndsSilentlyWithTheInput(t *testing.T) {
	leaktest.Check(t)
	left := 2
	s := open(t, session.StepFunc(func(context.Context, []session.Value) error {
		if left--; left < 0 {
			return io.EOF
		}
		return nil
	}))
	n := 0
	for _, err := range s.Steps(t.Context(), "train") {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 2, n)
}

func TestStepsYieldsAnErrorOnceAndEnds(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()).failing("Run", errBroken))
	var got []error
	for values, err := range s.Steps(t.Context(), "train") {
		require.Zero(t, values.Len())
		got = append(got, err)
	}
	require.Equal(t, []error{errBroken}, got)
}

func TestStepsCanBeLeft(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	for range s.Steps(t.Context(), "train") {
		break
	}
	values, err := s.Run(t.Context(), "global_step")
	require.NoError(t, err)
	require.Equal(t, []string{"global_step=1"}, collect(values))
}

// What ends the loop while Steps waits for its turn is an end as any other.
func TestStepsEndsSilentlyWhileItWaitsForItsTurn(t *testing.T) {
	leaktest.Check(t)
	nothing := func(*session.MonitoredSession) {}
	for _, c := range []struct {
		name          string
		before, after func(s *session.MonitoredSession) // Steps begins to wait
	}{
		{"when a stop is requested", nothing, func(s *session.MonitoredSession) { s.RequestStop() }},
		{"when the session is closed", func(s *session.MonitoredSession) { go s.Close() }, nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph()})
				require.NoError(t, err)
				release := make(chan struct{})
				go s.RunStepFn(t.Context(), func(context.Context, *session.StepContext) error {
					<-release
					return nil
				})
				synctest.Wait()
				c.before(s)
				synctest.Wait()
				var got []error
				done := make(chan struct{})
				go func() {
					defer close(done)
					for _, err := range s.Steps(t.Context(), "train") {
						got = append(got, err)
						return
					}
				}()
				synctest.Wait()
				c.after(s)
				close(release)
				<-done
				require.Empty(t, got)
				require.NoError(t, s.Close())
			})
		})
	}
}

func TestHooksAndEnginesServeSeveralSessionsInTurn(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a", "loss")
	g := lineGraph()
	var first []string
	for range 3 {
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: j.engine(g), Hooks: hooks(a)})
		require.NoError(t, err)
		values, err := s.Run(t.Context(), "train", "global_step")
		require.NoError(t, err)
		require.Equal(t, []string{"train=<none>", "global_step=0"}, collect(values), "each session starts anew")
		require.NoError(t, s.Close())
		lines := j.take()
		if first == nil {
			first = lines
		}
		require.Equal(t, first, lines)
	}
}
