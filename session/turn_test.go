package session_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// entries are the ways into a session that take turns.
var entries = map[string]func(s *session.MonitoredSession) error{
	"Run": func(s *session.MonitoredSession) error { _, err := s.Run(context.Background(), "loss"); return err },
	"RunArgs": func(s *session.MonitoredSession) error {
		_, err := s.RunArgs(context.Background(), &session.SessionRunArgs{}, nil)
		return err
	},
	"RunStepFn": func(s *session.MonitoredSession) error {
		return s.RunStepFn(context.Background(), func(context.Context, *session.StepContext) error { return nil })
	},
	"Close": func(s *session.MonitoredSession) error { return s.Close() },
	"Steps": func(s *session.MonitoredSession) error {
		for _, err := range s.Steps(context.Background(), "loss") {
			return err
		}
		return nil
	},
}

func TestFromWithinARunASessionRefusesToWaitForItself(t *testing.T) {
	leaktest.Check(t)
	for entry, enter := range entries {
		for _, from := range []string{"BeforeRun", "AfterRun", "End", "CloseSession", "a step function", "the engine"} {
			if entry == "Steps" && (from == "End" || from == "CloseSession") {
				continue // the session is over, so that there are no steps
			}
			t.Run(entry+" from "+from, func(t *testing.T) {
				var j journal
				a, e := j.hook("a"), j.engine(lineGraph())
				s := open(t, e, a)
				var got error
				inner := func() { got = enter(s) }
				var err error
				switch from {
				case "a step function":
					err = s.RunStepFn(t.Context(), func(context.Context, *session.StepContext) error { inner(); return nil })
				case "the engine":
					e.ran = func(context.Context, *session.Request) { inner() }
					_, err = s.Run(t.Context(), "loss")
				case "End", "CloseSession":
					a.doing(session.Phase(from), inner)
					err = s.Close()
				default:
					a.doing(session.Phase(from), inner)
					_, err = s.Run(t.Context(), "loss")
				}
				require.NoError(t, err)
				require.ErrorIs(t, got, session.ErrInRun)
			})
		}
	}
}

func TestShouldStopAndRequestStopWorkFromWithinARun(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a")
	s := open(t, lineGraph(), a)
	var before, after bool
	a.doing(session.PhaseAfterRun, func() {
		before = s.ShouldStop()
		s.RequestStop()
		after = s.ShouldStop()
	})
	_, err := s.Run(t.Context(), "loss")
	require.NoError(t, err)
	require.False(t, before)
	require.True(t, after)
}

func TestAHookMayRunAnotherSession(t *testing.T) {
	leaktest.Check(t)
	evaluation := open(t, lineGraph())
	var got []string
	s := open(t, lineGraph(), &session.HookFuncs{
		OnAfterRun: func(ctx context.Context, _ *session.SessionRunContext, _ *session.SessionRunValues) error {
			values, err := evaluation.Run(ctx, "train", "global_step")
			got = collect(values)
			return err
		},
		OnEnd: func(context.Context, session.Session) error { return evaluation.Close() },
	})
	for _, want := range []string{"global_step=0", "global_step=1"} {
		_, err := s.Run(t.Context(), "train")
		require.NoError(t, err)
		require.Equal(t, want, got[1])
	}
	require.NoError(t, s.Close())
	require.True(t, evaluation.ShouldStop())
}

// The stack tells that a run is in progress further up, but not whose.
func TestAHookIsToldThatAnotherSessionIsBusy(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		evaluation, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph()})
		require.NoError(t, err)
		failed := make(chan struct{})
		defer close(failed)
		go evaluation.RunStepFn(t.Context(), func(context.Context, *session.StepContext) error {
			select {
			case <-time.After(time.Second):
			case <-failed:
			}
			return nil
		})
		synctest.Wait()
		var j journal
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{
			j.hook("a").doing(session.PhaseAfterRun, func() { _, err = evaluation.Run(t.Context(), "loss") }),
		}})
		require.NoError(t, err)
		_, runErr := s.Run(t.Context(), "loss")
		require.NoError(t, runErr)
		require.ErrorIs(t, err, session.ErrInRun, "waiting could be waiting for itself")
		require.NoError(t, s.Close())
		require.NoError(t, evaluation.Close())
	})
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph()})
		require.NoError(t, err)
		release := make(chan struct{})
		go s.RunStepFn(t.Context(), func(context.Context, *session.StepContext) error { <-release; return nil })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = s.Run(ctx, "loss")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, s.RunStepFn(ctx, func(context.Context, *session.StepContext) error { return nil }), context.DeadlineExceeded)
		require.False(t, s.ShouldStop(), "ShouldStop does not wait")
		close(release)
		require.NoError(t, s.Close())
	})
}

func TestCloseWaitsForTheRunInProgress(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		slow := session.StepFunc(func(context.Context, []session.Value) error { time.Sleep(time.Minute); return nil })
		var j journal
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: j.engine(slow), Hooks: hooks(j.hook("a"))})
		require.NoError(t, err)
		done := make(chan error)
		go func() {
			_, err := s.Run(t.Context(), "train")
			done <- err
		}()
		synctest.Wait()
		j.take()
		start := time.Now()
		go func() { done <- s.Close() }()
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		require.Equal(t, time.Minute, time.Since(start))
		require.Equal(t, []string{"a AfterRun", "a End", "engine Close", "a CloseSession"}, j.take())
	})
}

func TestManyGoroutinesMayUseOneSession(t *testing.T) {
	leaktest.Check(t)
	const goroutines, each = 8, 200
	var inside, most atomic.Int64
	e := session.StepFunc(func(_ context.Context, out []session.Value) error {
		most.Store(max(most.Load(), inside.Add(1)))
		inside.Add(-1)
		return nil
	})
	steps := 0
	counter := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
		steps++
		return nil
	}}
	s := open(t, e, counter)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				var err error
				if (g+i)%2 == 0 {
					_, err = s.Run(t.Context(), "train", "global_step")
				} else {
					err = s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
						_, err := sc.RunWithHooks(ctx, "train")
						return err
					})
				}
				if err != nil || s.ShouldStop() {
					t.Errorf("goroutine %d, run %d: %v", g, i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, int64(1), most.Load())
	require.Equal(t, goroutines*each, steps)
	values, err := s.Run(t.Context(), "global_step")
	require.NoError(t, err)
	step, _ := values.At(0).Int64()
	require.Equal(t, int64(goroutines*each), step)
}

func TestRunsRacingWithStopAndClose(t *testing.T) {
	leaktest.Check(t)
	for range 50 {
		var j journal
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(j.hook("a", "global_step"))})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for !s.ShouldStop() {
					_, err := s.Run(t.Context(), "train")
					if err != nil && !errors.Is(err, session.ErrRunAfterStop) && !errors.Is(err, session.ErrClosed) {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(s.RequestStop)
		closed := make([]error, 3)
		for i := range closed {
			wg.Go(func() { closed[i] = s.CloseWithError(errBroken) })
		}
		wg.Wait()
		require.Equal(t, []error{errBroken, errBroken, errBroken}, closed)
		lines := j.take()
		require.Equal(t, "a CloseSession", lines[len(lines)-1])
	}
}

func TestATurnIsTakenByOneAtATime(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		var turn session.Turn
		busy, most, done := 0, 0, 0
		for range 5 {
			go func() {
				if err := turn.Take(t.Context()); err != nil {
					t.Error(err)
					return
				}
				defer turn.Give()
				busy++
				most = max(most, busy)
				time.Sleep(time.Second)
				busy--
				done++
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		synctest.Wait()
		require.ErrorIs(t, turn.Take(ctx), context.DeadlineExceeded, "three are still before this one")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []int{1, 5}, []int{most, done})
		require.ErrorIs(t, turn.Take(ctx), context.DeadlineExceeded, "nobody has it, but the context is done")
		require.PanicsWithValue(t, "session: Turn.Give without Take", turn.Give)
	})
}
