package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestWithEndsCleanlyOrTellsWhy(t *testing.T) {
	leaktest.Check(t)
	joinedClean := errors.Join(session.ErrStop, fmt.Errorf("input: %w", session.ErrOutOfRange))
	joinedMixed := errors.Join(session.ErrStop, errBroken)
	clean := []string{"a End", "b End", "engine Close", "b CloseSession", "a CloseSession"}
	failed := []string{"engine Close", "b CloseSession", "a CloseSession"}
	for _, c := range []struct {
		name      string
		body      error
		want      error // of With and of CloseSession
		callbacks []string
	}{
		{"nil is a clean end", nil, nil, clean},
		{"ErrStop is a clean end", session.ErrStop, nil, clean},
		{"ErrOutOfRange is a clean end", session.ErrOutOfRange, nil, clean},
		{"a wrapped ErrStop is a clean end", fmt.Errorf("early: %w", session.ErrStop), nil, clean},
		{"joined clean errors are a clean end", joinedClean, nil, clean},
		{"a hook's ErrStop is a clean end", &session.HookError{Hook: "a", Phase: session.PhaseAfterRun, Err: session.ErrStop}, nil, clean},
		{"one other error among joined ones skips End", joinedMixed, joinedMixed, failed},
		{"any other error skips End", errBroken, errBroken, failed},
		{"io.EOF of the body is any other error", io.EOF, io.EOF, failed},
		{"an engine's own cancellation is any other error", context.Canceled, context.Canceled, failed},
		{"the loss of the session is any other error", session.ErrAborted, session.ErrAborted, failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			a, b := j.hook("a"), j.hook("b")
			err := session.With(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(a, b)}, func(*session.MonitoredSession) error {
				j.take()
				return c.body
			})
			require.Equal(t, c.want, err)
			require.Equal(t, c.want, a.cause)
			require.Equal(t, c.want, b.cause)
			require.Equal(t, c.callbacks, j.take())
		})
	}
}

func TestWithJoinsTheBodysErrorWithThoseOfClosing(t *testing.T) {
	leaktest.Check(t)
	var j journal
	errClose := errors.New("close")
	a := j.hook("a")
	err := session.With(t.Context(), session.Config{Engine: j.engine(lineGraph()).failing("Close", errClose), Hooks: hooks(a)},
		func(*session.MonitoredSession) error { return errBroken })
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, err, errClose)
	require.ErrorIs(t, a.cause, errBroken)
	require.ErrorIs(t, a.cause, errClose)
}

func TestWithReturnsWhatFailedInACleanEnd(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a").failing(session.PhaseEnd, errBroken)
	err := session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(a)},
		func(*session.MonitoredSession) error { return session.ErrStop })
	require.ErrorIs(t, err, errBroken)
	require.False(t, errors.Is(err, session.ErrStop), "a clean end is no part of the error")
}

func TestWithDoesNotCallABodyThatHasNoSession(t *testing.T) {
	leaktest.Check(t)
	var j journal
	err := session.With(t.Context(), session.Config{Engine: j.engine(lineGraph()).failing("NewSession", errBroken)},
		func(*session.MonitoredSession) error { t.Error("called"); return nil })
	require.ErrorIs(t, err, errBroken)
}

func TestAStopInTheLoopMakesWithReturnNil(t *testing.T) {
	leaktest.Check(t)
	for _, phase := range []session.Phase{session.PhaseBeforeRun, session.PhaseAfterRun} {
		for _, stop := range []error{session.ErrOutOfRange, session.ErrStop} {
			t.Run(fmt.Sprintf("%v from %s", stop, phase), func(t *testing.T) {
				var j journal
				a := j.hook("a").failing(phase, stop)
				err := session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(a)}, func(s *session.MonitoredSession) error {
					j.take()
					for !s.ShouldStop() {
						if _, err := s.Run(t.Context(), "train"); err != nil {
							var failed *session.HookError
							require.ErrorAs(t, err, &failed)
							return err
						}
					}
					return nil
				})
				require.NoError(t, err)
				require.Contains(t, j.take(), "a End")
			})
		}
	}
}

// Opening is no loop: a clean stop there is still an opening that failed.
func TestACleanStopInOpeningIsReturned(t *testing.T) {
	leaktest.Check(t)
	for _, phase := range []session.Phase{session.PhaseBegin, session.PhaseAfterCreateSession} {
		t.Run(string(phase), func(t *testing.T) {
			var j journal
			a := j.hook("a").failing(phase, session.ErrOutOfRange)
			require.NotPanics(t, func() {
				err := session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(a)},
					func(*session.MonitoredSession) error { t.Error("called"); return nil })
				require.ErrorIs(t, err, session.ErrOutOfRange)
			})
			require.NotContains(t, j.take(), "a End")
		})
	}
}

func TestAStopOfAHookInClosingIsItsError(t *testing.T) {
	leaktest.Check(t)
	for _, phase := range []session.Phase{session.PhaseEnd, session.PhaseCloseSession} {
		t.Run(string(phase), func(t *testing.T) {
			var j journal
			a, b := j.hook("a").failing(phase, session.ErrOutOfRange), j.hook("b")
			err := session.With(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(a, b)},
				func(*session.MonitoredSession) error { j.take(); return nil })
			require.ErrorIs(t, err, session.ErrOutOfRange)
			require.Equal(t, []string{"a End", "b End", "engine Close", "b CloseSession", "a CloseSession"}, j.take())
		})
	}
}

func TestWithIsInterruptedByItsContext(t *testing.T) {
	leaktest.Check(t)
	reason := errors.New("ctrl-c")
	for _, c := range []struct {
		name  string
		body  func(ctx context.Context, s *session.MonitoredSession) error
		cause error
	}{
		{"the body returns the context's error", func(ctx context.Context, s *session.MonitoredSession) error {
			return ctx.Err()
		}, reason},
		{"the body returns the context's cause", func(ctx context.Context, s *session.MonitoredSession) error {
			return context.Cause(ctx)
		}, reason},
		{"the body returns a run's error", func(ctx context.Context, s *session.MonitoredSession) error {
			_, err := s.Run(ctx, "train")
			return fmt.Errorf("epoch 1: %w", err)
		}, reason},
		{"the loop ends by ShouldStop", func(ctx context.Context, s *session.MonitoredSession) error {
			for !s.ShouldStop() {
				t.Error("the session's context is done")
			}
			return nil
		}, reason},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				var j journal
				a := j.hook("a")
				a.ended = func(ctx context.Context, s session.Session) {
					require.NoError(t, ctx.Err(), "End has a usable context")
					_, err := session.Eval(ctx, s, "loss")
					require.NoError(t, err)
				}
				err := session.With(ctx, session.Config{Engine: lineGraph(), Hooks: hooks(a)}, func(s *session.MonitoredSession) error {
					j.take()
					cancel(reason)
					return c.body(ctx, s)
				})
				require.Equal(t, c.cause, err)
				require.Equal(t, c.cause, a.cause)
				require.NoError(t, a.closeCtx)
				require.Contains(t, j.take(), "a End")
			})
		})
	}
}

func TestAnInterruptedRunEndsWithTheCauseOfTheContext(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var j journal
		a := j.hook("a")
		slow := session.StepFunc(func(ctx context.Context, _ []session.Value) error {
			<-ctx.Done()
			return fmt.Errorf("kernel: %w", ctx.Err())
		})
		err := session.With(ctx, session.Config{Engine: slow, Hooks: hooks(a)}, func(s *session.MonitoredSession) error {
			_, err := s.Run(ctx, "train")
			return err
		})
		require.Equal(t, context.DeadlineExceeded, err)
		require.Contains(t, j.take(), "a End")
	})
}

func TestWhatIsNotNewsOfTheContextIsNoInterruption(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name string
		err  error
	}{
		{"another error", errBroken},
		{"another error joined with the news", errors.Join(context.Canceled, errBroken)},
		{"the news of another context", context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var j journal
			a := j.hook("a")
			err := session.With(ctx, session.Config{Engine: lineGraph(), Hooks: hooks(a)}, func(*session.MonitoredSession) error {
				cancel()
				return c.err
			})
			require.Equal(t, c.err, err)
			require.NotContains(t, j.take(), "a End")
		})
	}
}

// A cause may be of any type, also of one that cannot be compared.
type manyErrors []error

func (manyErrors) Error() string { return "many errors" }

func TestACauseThatCannotBeComparedIsACause(t *testing.T) {
	leaktest.Check(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	require.NotPanics(t, func() {
		err := session.With(ctx, session.Config{Engine: lineGraph()}, func(*session.MonitoredSession) error {
			cancel(manyErrors{errBroken})
			return context.Cause(ctx)
		})
		require.Equal(t, manyErrors{errBroken}, err)
	})
}

func TestALoopThatWasToldToStopIsNoInterruption(t *testing.T) {
	leaktest.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := session.With(ctx, session.Config{Engine: lineGraph()}, func(s *session.MonitoredSession) error {
		s.RequestStop()
		cancel()
		return nil
	})
	require.NoError(t, err)
}

func TestTheGracePeriodBoundsEndOnceTheContextIsDone(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var j journal
		a := j.hook("a")
		var waited time.Duration
		a.ended = func(ctx context.Context, _ session.Session) {
			start := time.Now()
			<-ctx.Done()
			waited = time.Since(start)
		}
		err := session.With(ctx, session.Config{Engine: lineGraph(), Hooks: hooks(a), StopGracePeriod: 5 * time.Second},
			func(*session.MonitoredSession) error { cancel(); return nil })
		require.Equal(t, context.Canceled, err)
		require.Equal(t, 5*time.Second, waited)
	})
}

func TestEndIsNotCutShortWhileTheContextLives(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		var j journal
		a := j.hook("a")
		a.ended = func(ctx context.Context, _ session.Session) {
			time.Sleep(time.Hour)
			require.NoError(t, ctx.Err())
		}
		require.NoError(t, session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(a), StopGracePeriod: time.Second},
			func(*session.MonitoredSession) error { return nil }))
	})
}

func TestTheGracePeriodBeginsWhenTheContextIsDoneInClosing(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var j journal
		a := j.hook("a")
		var waited time.Duration
		a.ended = func(endCtx context.Context, _ session.Session) {
			time.Sleep(time.Hour)
			cancel()
			start := time.Now()
			<-endCtx.Done()
			waited = time.Since(start)
		}
		require.NoError(t, session.With(ctx, session.Config{Engine: lineGraph(), Hooks: hooks(a), StopGracePeriod: 5 * time.Second},
			func(*session.MonitoredSession) error { return nil }))
		require.Equal(t, 5*time.Second, waited)
	})
}

// What a stuck goroutine takes of the grace period is not taken from the hooks
// that have to flush.
func TestAStuckGoroutineLeavesCloseSessionAUsableContext(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		stuck := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			coord.Go("stuck", func(context.Context) error { <-release; return nil })
			return nil
		}}
		var j journal
		a := j.hook("a").doing(session.PhaseEnd, func() { time.Sleep(time.Second) })
		err := session.With(ctx, session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{a, stuck}, StopGracePeriod: time.Minute},
			func(*session.MonitoredSession) error { cancel(); return nil })
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, session.ErrStillRunning)
		require.NoError(t, a.closeCtx)
		close(release)
	})
}

func TestTheContextMayEndAtAnyPoint(t *testing.T) {
	leaktest.Check(t)
	reason := errors.New("ctrl-c")
	for _, c := range []struct {
		point string
		want  error
		end   bool
	}{
		{"a Begin", reason, true},
		{"a Begin, which says so", reason, false},
		{"engine Finalize", reason, true},
		{"engine NewSession", reason, true},
		{"engine NewSession, which says so", reason, false},
		{"engine Init", reason, true},
		{"engine Init, which says so", reason, false},
		{"a AfterCreateSession", reason, true},
		{"a BeforeRun", reason, true},
		{"a BeforeRun, which says so", reason, true},
		{"engine Run", reason, true},
		{"engine Run, which says so", reason, true},
		{"a AfterRun", reason, true},
		{"a AfterRun, which says so", reason, true},
		{"a End", nil, true},
		{"engine Close", nil, true},
		{"a CloseSession", nil, true},
	} {
		t.Run("in "+c.point, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			point, says := strings.CutSuffix(c.point, ", which says so")
			strike := func() error {
				cancel(reason)
				if !says {
					return nil
				}
				if strings.HasPrefix(point, "engine") {
					return ctx.Err()
				}
				return context.Cause(ctx)
			}
			var j journal
			a, e := j.hook("a"), j.engine(lineGraph())
			if call, ok := strings.CutPrefix(point, "engine "); ok {
				e.at[call] = func(context.Context) error { return strike() }
			} else {
				a.at[session.Phase(strings.TrimPrefix(point, "a "))] = strike
			}
			runs := 0
			var err error
			require.NotPanics(t, func() {
				err = session.With(ctx, session.Config{Engine: e, Hooks: hooks(a)}, func(s *session.MonitoredSession) error {
					for ; runs < 3 && !s.ShouldStop(); runs++ {
						if _, err := s.Run(ctx, "train"); err != nil {
							return err
						}
					}
					return nil
				})
			})
			if c.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.want)
			}
			lines := j.take()
			require.Equal(t, c.end, slices.Contains(lines, "a End"), "%q", lines)
			require.Equal(t, "a CloseSession", lines[len(lines)-1])
			if slices.Contains(lines, "engine NewSession") && !strings.HasPrefix(c.point, "engine NewSession, ") {
				require.Equal(t, "engine Close", lines[len(lines)-2])
			}
			require.NoError(t, a.closeCtx, "what has to be flushed can be")
		})
	}
}

func TestAContextThatIsDoneBeforeOpening(t *testing.T) {
	leaktest.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := session.With(ctx, session.Config{Engine: lineGraph()}, func(s *session.MonitoredSession) error {
		require.True(t, s.ShouldStop())
		_, err := s.Run(ctx, "train")
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
}

func TestAPanicInTheBodyClosesWithoutEndAndGoesOn(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name  string
		panic func(s *session.MonitoredSession)
	}{
		{"in the body", func(*session.MonitoredSession) { panic("overboard") }},
		{"in a step function", func(s *session.MonitoredSession) {
			s.RunStepFn(context.Background(), func(context.Context, *session.StepContext) error { panic("overboard") })
		}},
		{"in a hook's BeforeRun", func(s *session.MonitoredSession) { s.Run(context.Background(), "throws before") }},
		{"in a hook's AfterRun", func(s *session.MonitoredSession) { s.Run(context.Background(), "throws after") }},
		{"in the engine", func(s *session.MonitoredSession) { s.Run(context.Background(), "throws") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			a := j.hook("a")
			thrower := &session.HookFuncs{
				OnBeforeRun: func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
					if rc.OriginalArgs().Fetches[0] == "throws before" {
						panic("overboard")
					}
					return nil, nil
				},
				OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error { panic("overboard") },
			}
			g := lineGraph()
			value := func(context.Context, []session.Value) (session.Value, error) { return session.Int64(1), nil }
			g.Node("throws before", value)
			g.Node("throws after", value)
			g.Node("throws", func(context.Context, []session.Value) (session.Value, error) { panic("overboard") })
			require.PanicsWithValue(t, "overboard", func() {
				session.With(t.Context(), session.Config{Engine: j.engine(g), Hooks: []session.SessionRunHook{a, thrower}}, func(s *session.MonitoredSession) error {
					c.panic(s)
					return nil
				})
			})
			lines := j.take()
			require.Equal(t, []string{"engine Close", "a CloseSession"}, lines[len(lines)-2:])
			require.NotContains(t, lines, "a End")
			require.Error(t, a.cause)
		})
	}
}

func TestGoexitInTheBodyClosesWithoutEnd(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a")
	done := make(chan struct{})
	go func() {
		defer close(done)
		session.With(context.Background(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(a)}, func(*session.MonitoredSession) error {
			j.take()
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	require.Equal(t, []string{"engine Close", "a CloseSession"}, j.take())
	require.Error(t, a.cause)
}

func TestABodyMayCloseItsSession(t *testing.T) {
	leaktest.Check(t)
	errLater := errors.New("later")
	for _, c := range []struct {
		name  string
		end   error // of the hook
		close error
		body  error
		want  []error
	}{
		{"cleanly", nil, nil, nil, nil},
		{"cleanly, and stop", nil, nil, session.ErrStop, nil},
		{"cleanly, and fail after that", nil, nil, errLater, []error{errLater}},
		{"with an error", nil, errBroken, nil, []error{errBroken}},
		{"with an error that it returns", nil, errBroken, errBroken, []error{errBroken}},
		{"badly", errBroken, nil, nil, []error{errBroken}},
		{"badly, and fail after that", errBroken, nil, errLater, []error{errBroken, errLater}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			a := j.hook("a").failing(session.PhaseEnd, c.end)
			err := session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(a)}, func(s *session.MonitoredSession) error {
				s.CloseWithError(c.close)
				j.take()
				return c.body
			})
			require.Empty(t, j.take(), "nothing is closed twice")
			if len(c.want) == 0 {
				require.NoError(t, err)
			}
			for _, want := range c.want {
				require.ErrorIs(t, err, want)
			}
		})
	}
}

func TestWithSingularIsWithForASingularSession(t *testing.T) {
	leaktest.Check(t)
	var j journal
	config := session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(j.hook("a"))}
	err := session.WithSingular(t.Context(), config, func(s *session.SingularMonitoredSession) error {
		j.take()
		_, err := session.Eval(t.Context(), s.RawSession(), "loss")
		return errors.Join(err, errBroken)
	})
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, []string{"engine Run loss", "engine Close", "a CloseSession"}, j.take())

	opened := false
	err = session.WithSingular(t.Context(), session.Config{}, func(*session.SingularMonitoredSession) error {
		opened = true
		return nil
	})
	require.ErrorContains(t, err, "Engine")
	require.False(t, opened)
}

func TestABodyThatIsNoFunctionIsAnError(t *testing.T) {
	leaktest.Check(t)
	var j journal
	config := session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(j.hook("a"))}
	require.EqualError(t, session.With(t.Context(), config, nil), "session: With: the function is nil")
	require.EqualError(t, session.WithSingular(t.Context(), config, nil), "session: With: the function is nil")
	require.Empty(t, j.take(), "nothing was opened")

	s := open(t, lineGraph())
	require.EqualError(t, s.RunStepFn(t.Context(), nil), "session: RunStepFn: the function is nil")
}
