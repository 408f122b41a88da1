package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	require.ErrorContains(t, err, "Config: Engine is nil")
	require.ErrorContains(t, err, "Config: StopGracePeriod is -1s")
	require.ErrorContains(t, err, "Hooks[0] is nil")
}

func TestATypedNilEngineIsAnErrorOfTheConfig(t *testing.T) {
	leaktest.Check(t)
	var e *session.StepEngine
	require.NotPanics(t, func() {
		_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e})
		require.ErrorContains(t, err, "Config: Engine is nil")
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
