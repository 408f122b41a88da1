package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// atOnce creates a lost session again without delay or limit, as TensorFlow does.
var atOnce = session.Recovery{Backoff: func(int) time.Duration { return 0 }, MaxAttempts: session.Off}

// failingOnce makes a call fail when it comes for the n-th time.
func failingOnce(n int, err error) func(context.Context) error {
	calls := 0
	return func(context.Context) error {
		if calls++; calls == n {
			return err
		}
		return nil
	}
}

func TestALostSessionIsCreatedAgainAndTheRunRepeated(t *testing.T) {
	leaktest.Check(t)
	for _, lost := range []error{session.ErrAborted, fmt.Errorf("worker 3: %w", session.ErrUnavailable)} {
		var j journal
		e := j.engine(lineGraph())
		e.at["Run"] = failingOnce(2, lost)
		s, err := session.NewMonitoredSession(t.Context(), session.Config{
			Engine: e, Hooks: hooks(j.hook("a")), Recovery: atOnce,
		})
		require.NoError(t, err)
		_, err = s.Run(t.Context(), "train")
		require.NoError(t, err)
		j.take()
		values, err := s.Run(t.Context(), "train", "loss")
		require.NoError(t, err)
		require.Equal(t, []string{"train=<none>", "loss=2"}, collect(values), "the state began anew")
		require.Equal(t, []string{
			"a BeforeRun", "engine Run train,loss", "engine Close",
			"engine NewSession", "engine Init", "a AfterCreateSession",
			"a BeforeRun", "engine Run train,loss", "a AfterRun",
		}, j.take())
		require.NoError(t, s.Close())
	}
}

func TestASingularSessionIsNotCreatedAgain(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	e.at["Run"] = failingOnce(1, session.ErrAborted)
	s, err := session.NewSingularMonitoredSession(t.Context(), session.Config{Engine: e})
	require.NoError(t, err)
	_, err = s.Run(t.Context(), "loss")
	require.Equal(t, session.ErrAborted, err)
	require.NotNil(t, s.RawSession())
	_, err = s.Run(t.Context(), "loss")
	require.NoError(t, err, "the session is still there")
	require.NoError(t, s.Close())
	require.Nil(t, s.RawSession())
}

func TestCreatingIsTriedAgain(t *testing.T) {
	leaktest.Check(t)
	for call, err := range map[string]error{"NewSession": session.ErrUnavailable, "Init": session.ErrAborted} {
		var j journal
		e := j.engine(lineGraph())
		e.at[call] = failingOnce(1, err)
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Hooks: hooks(j.hook("a")), Recovery: atOnce})
		require.NoError(t, err)
		lines := j.take()
		require.Equal(t, []string{"a Begin", "engine Finalize", "engine NewSession"}, lines[:3])
		require.Equal(t, []string{"engine NewSession", "engine Init", "a AfterCreateSession"}, lines[len(lines)-3:])
		require.NoError(t, s.Close())
	}
}

func TestAHookThatLosesTheSessionAtItsCreationIsCalledAgain(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a, b := j.hook("a"), j.hook("b")
	fail := failingOnce(1, session.ErrAborted)
	b.at[session.PhaseAfterCreateSession] = func() error { return fail(t.Context()) }
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(a, b), Recovery: atOnce})
	require.NoError(t, err)
	require.Equal(t, []string{
		"a Begin", "b Begin", "engine Finalize",
		"engine NewSession", "engine Init", "a AfterCreateSession", "b AfterCreateSession", "engine Close",
		"engine NewSession", "engine Init", "a AfterCreateSession", "b AfterCreateSession",
	}, j.take())
	require.NoError(t, s.Close())
}

func TestAStopWishOutlivesTheSession(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	e.at["Run"] = failingOnce(1, session.ErrAborted)
	stop := &session.HookFuncs{OnBeforeRun: func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
		rc.RequestStop()
		return nil, nil
	}}
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, Hooks: []session.SessionRunHook{stop}, Recovery: atOnce,
	})
	require.NoError(t, err)
	_, err = s.Run(t.Context(), "loss")
	require.NoError(t, err, "the wish does not keep the run from its second try")
	require.True(t, s.ShouldStop())
	_, err = s.Run(t.Context(), "loss")
	require.ErrorIs(t, err, session.ErrRunAfterStop)
	require.NoError(t, s.Close())
}

func TestAStepFunctionIsCalledAgainWithTheNewSession(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: j.engine(lineGraph()), Recovery: atOnce})
	require.NoError(t, err)
	var sessions []session.Session
	err = s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		sessions = append(sessions, sc.Session())
		if _, err := session.Eval(ctx, sc.Session(), "train"); err != nil {
			return err
		}
		if len(sessions) == 1 {
			return session.ErrAborted
		}
		values, err := sc.RunWithHooks(ctx, "global_step")
		require.Equal(t, []string{"global_step=1"}, collect(values))
		return err
	})
	require.NoError(t, err)
	require.Len(t, sessions, 2)
	require.NotSame(t, sessions[0], sessions[1])
	require.NoError(t, s.Close())
}

func TestBackoffGrowsAndEndsWithTheAttempts(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		var j journal
		e := j.engine(lineGraph()).failing("Run", session.ErrUnavailable)
		var asked []int
		s, err := session.NewMonitoredSession(t.Context(), session.Config{
			Engine: e,
			Recovery: session.Recovery{
				Backoff:     func(n int) time.Duration { asked = append(asked, n); return time.Duration(n) * time.Second },
				MaxAttempts: 3,
			},
		})
		require.NoError(t, err)
		begun := time.Now()
		_, err = s.Run(t.Context(), "loss")
		require.ErrorIs(t, err, session.ErrUnavailable)
		require.EqualError(t, err, "session: given up after 4 lost sessions: session: unavailable")
		require.Equal(t, []int{1, 2, 3}, asked)
		require.Equal(t, 6*time.Second, time.Since(begun))
		require.NoError(t, s.Close())
	})
}

func TestARunThatSucceedsForgivesTheLosses(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	runs := 0
	e.at["Run"] = func(context.Context) error {
		if runs++; runs%2 == 1 {
			return session.ErrAborted
		}
		return nil
	}
	recovery := atOnce
	recovery.MaxAttempts = 1
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Recovery: recovery})
	require.NoError(t, err)
	for range 10 {
		_, err = s.Run(t.Context(), "loss")
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
}

func TestTheDefaultBackoffDoublesWithinItsBounds(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		var j journal
		var times []time.Time
		e := j.engine(lineGraph()).failing("Run", session.ErrAborted)
		e.at["NewSession"] = func(context.Context) error { times = append(times, time.Now()); return nil }
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e})
		require.NoError(t, err)
		_, err = s.Run(t.Context(), "loss")
		require.EqualError(t, err, "session: given up after 21 lost sessions: session: aborted")
		require.Len(t, times, 21)
		for n := 1; n < len(times); n++ {
			longest := min(100*time.Millisecond<<(n-1), 30*time.Second)
			require.LessOrEqual(t, times[n].Sub(times[n-1]), longest)
			require.GreaterOrEqual(t, times[n].Sub(times[n-1]), longest/2)
		}
		require.NoError(t, s.Close())
	})
}

func TestTheUserDecidesWhatIsALoss(t *testing.T) {
	leaktest.Check(t)
	errEvicted := errors.New("evicted")
	var j journal
	e := j.engine(lineGraph())
	e.at["Run"] = failingOnce(1, errEvicted)
	recovery := atOnce
	recovery.Recoverable = func(err error) bool { return errors.Is(err, errEvicted) }
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Recovery: recovery})
	require.NoError(t, err)
	_, err = s.Run(t.Context(), "loss")
	require.NoError(t, err)
	e.at["Run"] = failingOnce(1, session.ErrAborted)
	_, err = s.Run(t.Context(), "loss")
	require.ErrorIs(t, err, session.ErrAborted)
	require.NoError(t, s.Close())
}

func TestShouldStopCreatesALostSessionAgain(t *testing.T) {
	leaktest.Check(t)
	var j journal
	var coord *session.Coordinator
	e := j.engine(lineGraph())
	keep := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, c *session.Coordinator) error {
		coord = c
		return nil
	}}
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, Hooks: []session.SessionRunHook{keep}, Recovery: atOnce,
	})
	require.NoError(t, err)
	coord.RequestStop(session.ErrAborted)
	j.take()
	require.False(t, s.ShouldStop())
	require.Equal(t, []string{"engine Close", "engine NewSession", "engine Init"}, j.take())

	e.failing("NewSession", errBroken)
	coord.RequestStop(session.ErrAborted)
	require.True(t, s.ShouldStop())
	require.ErrorIs(t, s.Close(), errBroken, "what ShouldStop could not return")
}

func TestALostSessionThatIsNotCreatedAgainHasNoEnd(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	e.at["Run"] = failingOnce(1, session.ErrAborted)
	a := j.hook("a")
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Hooks: hooks(a), Recovery: atOnce})
	require.NoError(t, err)
	e.failing("NewSession", errBroken)
	_, err = s.Run(t.Context(), "loss")
	require.ErrorIs(t, err, errBroken)
	require.True(t, s.ShouldStop())
	j.take()
	require.ErrorIs(t, s.CloseWithError(err), errBroken)
	require.Equal(t, []string{"a CloseSession"}, j.take())
}

func TestABadRecoveryIsAnErrorOfTheConfig(t *testing.T) {
	leaktest.Check(t)
	_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Recovery: session.Recovery{MaxAttempts: -2}})
	require.EqualError(t, err, "session: Recovery: MaxAttempts is -2, want a positive number, 0 (20) or Off")
}

func TestManyMayAskARecoveringSessionConcurrentSafe(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	runs := 0
	e.at["Run"] = func(context.Context) error {
		if runs++; runs%3 == 0 {
			return session.ErrAborted
		}
		return nil
	}
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Recovery: atOnce})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if _, err := s.Run(t.Context(), "loss"); err != nil {
					t.Error(err)
				}
				if s.ShouldStop() {
					t.Error("nobody asked for a stop")
				}
			}
		})
	}
	all.Wait()
	s.RequestStop()
	for range 8 {
		all.Go(func() { s.Close() })
	}
	all.Wait()
	require.True(t, s.ShouldStop())
}

func TestAHookThatRunsTheSessionThatShouldStopIsCreatingIsRefused(t *testing.T) {
	leaktest.Check(t)
	var s *session.MonitoredSession
	var coord *session.Coordinator
	var got error
	h := &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, _ session.Session, c *session.Coordinator) error {
		coord = c
		if s != nil {
			_, got = s.Run(ctx, "loss")
		}
		return nil
	}}
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: lineGraph(), Hooks: []session.SessionRunHook{h}, Recovery: atOnce,
	})
	require.NoError(t, err)
	coord.RequestStop(session.ErrAborted)
	require.False(t, s.ShouldStop())
	require.ErrorIs(t, got, session.ErrInRun)
	require.NoError(t, s.Close())
}

func TestALossThatNobodyRecoversFromIsAnError(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		never := session.Recovery{Recoverable: func(error) bool { return false }}
		worker := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("worker", func(context.Context) error { return session.ErrAborted })
			return nil
		}}
		err := session.With(t.Context(), session.Config{
			Engine: lineGraph(), Hooks: []session.SessionRunHook{worker}, Recovery: never,
		}, func(s *session.MonitoredSession) error {
			synctest.Wait()
			require.True(t, s.ShouldStop())
			return nil
		})
		require.ErrorIs(t, err, session.ErrAborted)
	})
}

func TestAStuckGoroutineDoesNotOutwaitTheRunsContext(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		stuck := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("stuck", func(context.Context) error { <-release; return nil })
			return nil
		}}
		var j journal
		e := j.engine(lineGraph())
		e.at["Run"] = failingOnce(1, session.ErrAborted)
		s, err := session.NewMonitoredSession(t.Context(), session.Config{
			Engine: e, Hooks: []session.SessionRunHook{stuck}, Recovery: atOnce,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err = s.Run(ctx, "loss")
		require.ErrorIs(t, err, session.ErrStillRunning)
		require.ErrorIs(t, err, session.ErrAborted, "why it had to stop")
		require.Equal(t, time.Second, time.Since(begun))
		require.NoError(t, s.CloseWithError(session.ErrStop))
	})
}

func TestStepsYieldTheErrorOfASessionThatIsNotCreatedAgain(t *testing.T) {
	leaktest.Check(t)
	var j journal
	var coord *session.Coordinator
	e := j.engine(lineGraph())
	keep := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, c *session.Coordinator) error {
		coord = c
		return nil
	}}
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, Hooks: []session.SessionRunHook{keep}, Recovery: atOnce,
	})
	require.NoError(t, err)
	coord.RequestStop(session.ErrAborted)
	e.failing("NewSession", errBroken)
	require.ErrorIs(t, s.RunUntilStop(t.Context(), "train"), errBroken)
	require.NoError(t, s.CloseWithError(session.ErrStop))
}

func TestEverybodyAtOnceConcurrentSafe(t *testing.T) {
	leaktest.Check(t)
	for range 50 {
		var j journal
		e := j.engine(lineGraph())
		runs := 0
		e.at["Run"] = func(context.Context) error {
			if runs++; runs%3 == 0 {
				return session.ErrAborted
			}
			return nil
		}
		lose := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("worker", func(ctx context.Context) error {
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(time.Millisecond / 4):
					return session.ErrUnavailable
				}
			})
			return nil
		}}
		s, err := session.NewMonitoredSession(t.Context(), session.Config{
			Engine: e, Hooks: []session.SessionRunHook{lose}, Recovery: atOnce,
		})
		require.NoError(t, err)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for {
					_, err := s.Run(t.Context(), "loss")
					if errors.Is(err, session.ErrRunAfterStop) || errors.Is(err, session.ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
			all.Go(func() {
				for !s.ShouldStop() {
				}
			})
		}
		all.Go(s.RequestStop)
		for range 2 {
			all.Go(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
