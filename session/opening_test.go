package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// waits are the places where whoever needs a session again may have to wait for
// it. Each makes a config with which the first run loses the session.
var waits = map[string]func(t *testing.T, hooks ...session.SessionRunHook) session.Config{
	"before the next try": func(_ *testing.T, hooks ...session.SessionRunHook) session.Config {
		return session.Config{
			Engine: lostOnce(), Hooks: hooks,
			Recovery: session.Recovery{Backoff: func(int) time.Duration { return time.Hour }},
		}
	},
	"for an engine that opens": func(_ *testing.T, hooks ...session.SessionRunHook) session.Config {
		e := lostOnce()
		opened := 0
		e.at["NewSession"] = func(ctx context.Context) error {
			if opened++; opened == 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		return session.Config{Engine: e, Hooks: hooks, Recovery: atOnce}
	},
	"for a chief": func(t *testing.T, hooks ...session.SessionRunHook) session.Config {
		e := lostOnce()
		var chief bool // its first session is the only one
		worker, err := session.NewWorkerSessionCreator(session.WorkerConfig{Engine: e, MaxWait: session.Off})
		require.NoError(t, err)
		creator := creatorFunc(func(ctx context.Context) (session.Session, error) {
			if chief {
				return worker.CreateSession(ctx)
			}
			chief = true
			creator, err := session.NewChiefSessionCreator(session.ChiefConfig{Engine: e})
			require.NoError(t, err)
			return creator.CreateSession(ctx)
		})
		return session.Config{Engine: e, SessionCreator: creator, Hooks: hooks, Recovery: atOnce}
	},
	"for a hook": func(_ *testing.T, hooks ...session.SessionRunHook) session.Config {
		created := 0
		slow := &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, _ session.Session, _ *session.Coordinator) error {
			if created++; created == 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		return session.Config{Engine: lostOnce(), Hooks: append(hooks, slow), Recovery: atOnce}
	},
}

// lostOnce is an engine whose first run loses the session.
func lostOnce() *tracedEngine {
	e := new(journal).engine(lineGraph())
	e.at["Run"] = failingOnce(1, session.ErrUnavailable)
	return e
}

func TestWaitingForASessionEndsWithEitherContext(t *testing.T) {
	leaktest.Check(t)
	reason := errors.New("ctrl-c")
	for where, config := range waits {
		for name, c := range map[string]struct {
			end  func(session context.CancelCauseFunc, run context.CancelFunc)
			want error
		}{
			"the run's":     {func(_ context.CancelCauseFunc, run context.CancelFunc) { run() }, context.Canceled},
			"the session's": {func(session context.CancelCauseFunc, _ context.CancelFunc) { session(reason) }, reason},
			"a deadline":    {nil, context.DeadlineExceeded},
		} {
			t.Run(where+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancelSession := context.WithCancelCause(t.Context())
					defer cancelSession(nil)
					runCtx, cancelRun := context.WithTimeout(t.Context(), 2*time.Minute)
					defer cancelRun()
					s, err := session.NewMonitoredSession(ctx, config(t))
					require.NoError(t, err)
					limit := 2 * time.Minute
					if c.end != nil {
						limit = time.Minute
						time.AfterFunc(limit, func() { c.end(cancelSession, cancelRun) })
					}
					begun := time.Now()
					_, err = s.Run(runCtx, "loss")
					require.ErrorIs(t, err, c.want)
					require.Equal(t, limit, time.Since(begun))
					require.True(t, s.ShouldStop(), "there is no session")
					require.NoError(t, s.CloseWithError(session.ErrStop))
				})
			})
		}
	}
}

func TestCloseEndsTheWaitForASession(t *testing.T) {
	leaktest.Check(t)
	for where, config := range waits {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := session.NewMonitoredSession(t.Context(), config(t))
				require.NoError(t, err)
				ran := make(chan error)
				go func() {
					_, err := s.Run(t.Context(), "loss")
					ran <- err
				}()
				synctest.Wait()
				begun := time.Now()
				closed := make(chan error)
				go func() { closed <- s.Close() }()
				require.Equal(t, session.ErrClosed, <-ran)
				require.NoError(t, <-closed)
				require.Zero(t, time.Since(begun))
			})
		})
	}
}

func TestShouldStopThatWaitsForASessionEndsWithClose(t *testing.T) {
	leaktest.Check(t)
	for where, config := range waits {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lose := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
					return coord.RequestStop(session.ErrAborted)
				}}
				s, err := session.NewMonitoredSession(t.Context(), config(t, lose))
				require.NoError(t, err)
				asked := make(chan bool)
				go func() { asked <- s.ShouldStop() }()
				synctest.Wait()
				closed := make(chan error)
				go func() { closed <- s.Close() }()
				require.True(t, <-asked)
				require.NoError(t, <-closed)
			})
		})
	}
}

func TestADoneContextEndsRecoveryWithoutDelay(t *testing.T) {
	leaktest.Check(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	var j journal
	creations := 0
	e := j.engine(lineGraph()).failing("Run", session.ErrAborted)
	e.at["NewSession"] = func(context.Context) error {
		if creations++; creations == 3 {
			cancel(errBroken)
		}
		return nil
	}
	s, err := session.NewMonitoredSession(ctx, session.Config{Engine: e, Recovery: atOnce})
	require.NoError(t, err)
	_, err = s.Run(t.Context(), "loss")
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, 3, creations)
	require.ErrorIs(t, s.Close(), errBroken)
}

func TestTheOpeningContextIsOfTheSessionAndEndsWithTheOpening(t *testing.T) {
	leaktest.Check(t)
	type key struct{}
	var seen []context.Context
	e := lostOnce()
	e.at["NewSession"] = func(ctx context.Context) error {
		require.NoError(t, ctx.Err())
		require.Equal(t, "session", ctx.Value(key{}))
		seen = append(seen, ctx)
		return nil
	}
	s, err := session.NewMonitoredSession(context.WithValue(t.Context(), key{}, "session"), session.Config{Engine: e, Recovery: atOnce})
	require.NoError(t, err)
	_, err = s.Run(context.WithValue(t.Context(), key{}, "run"), "loss")
	require.NoError(t, err)
	require.Len(t, seen, 2)
	for _, ctx := range seen {
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	}
	require.NoError(t, s.Close())
}

func TestAWaitForASessionThatIsInterruptedTellsWhatIsMissing(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		e := lineGraph()
		worker, err := session.NewWorkerSessionCreator(session.WorkerConfig{Engine: e})
		require.NoError(t, err)
		reason := errors.New("ctrl-c")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(reason) })
		_, err = session.NewMonitoredSession(ctx, session.Config{Engine: e, SessionCreator: worker})
		for _, target := range []error{reason, context.Canceled, session.ErrNotReady, session.ErrUninitialized} {
			require.ErrorIs(t, err, target)
		}
		require.EqualError(t, err, "ctrl-c: session: context canceled while waiting for the model to be ready: variables not initialized: global_step, w")
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
