package session_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// What TensorFlow's own tests of monitored sessions pin down and the other files
// here do not; internal/tftrace/testdata/upstream.tsv lists all of them.

func TestWithoutHooksARunReachesTheEngineAsItIs(t *testing.T) {
	leaktest.Check(t)
	type batch struct{ rows []string }
	g := lineGraph()
	g.Placeholder("batch", session.Value{})
	g.Node("same batch", func(_ context.Context, in []session.Value) (session.Value, error) { return in[0], nil }, "batch")
	var j journal
	var got session.Request
	e := j.engine(g)
	e.ran = func(_ context.Context, req *session.Request) { got = *req }
	s := open(t, e)
	args := &session.SessionRunArgs{
		Fetches: []string{"same batch", "loss"},
		Feeds:   session.Feeds{"batch": session.Any(batch{[]string{"a", "b"}}), "x": session.Float64(5)},
		Options: &session.RunOptions{TraceLevel: session.FullTrace, Timeout: time.Hour, InterOpThreadPool: 2, DebugTensorWatches: []string{"w"}},
	}
	var metadata session.RunMetadata
	values, err := s.RunArgs(t.Context(), args, &metadata)
	require.NoError(t, err)
	require.Equal(t, args.Fetches, got.Fetches)
	require.Equal(t, args.Feeds, got.Feeds)
	require.Equal(t, *args.Options, *got.Options)
	require.NotNil(t, got.Metadata)
	require.NotEmpty(t, metadata.Nodes)
	require.Equal(t, batch{[]string{"a", "b"}}, values.At(0).Any())
	require.Equal(t, session.Float64(5), values.At(1))
}

func TestAHookThatAsksForNothingIsToldOfTheRun(t *testing.T) {
	leaktest.Check(t)
	var j journal
	fetches, feeds := []string{"loss", "w"}, session.Feeds{"x": session.Float64(3)}
	look := func(name string) *session.HookFuncs {
		check := func(rc *session.SessionRunContext) {
			require.Equal(t, &session.SessionRunArgs{Fetches: fetches, Feeds: feeds}, rc.OriginalArgs())
			require.False(t, rc.StopRequested())
			own, ok := session.Ability[*tracedSession](rc.Session())
			require.True(t, ok)
			require.NotNil(t, own)
		}
		return &session.HookFuncs{
			OnBeforeRun: func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
				j.add("%s BeforeRun", name)
				check(rc)
				return nil, nil
			},
			OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
				j.add("%s AfterRun", name)
				check(rc)
				require.Zero(t, values.Results.Len())
				require.Equal(t, session.RunOptions{}, *values.Options)
				require.Equal(t, session.RunMetadata{}, *values.Metadata)
				return nil
			},
		}
	}
	s := open(t, j.engine(lineGraph()), look("a"), look("b"))
	j.take()
	_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{Fetches: fetches, Feeds: feeds}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"a BeforeRun", "b BeforeRun", "engine Run loss,w", "a AfterRun", "b AfterRun"}, j.take())
}

func TestEachOfThreeSessionsIsLostAtAnotherRun(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	opened, runs := 0, 0
	e.at["NewSession"] = func(context.Context) error {
		opened++
		runs = 0
		if opened > 3 {
			return errBroken
		}
		return nil
	}
	e.at["Run"] = func(context.Context) error {
		if runs++; runs > opened { // the first is lost in its second run, and so on
			return session.ErrAborted
		}
		return nil
	}
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Recovery: atOnce})
	require.NoError(t, err)
	// Six runs succeed: one, two and three; a lost one is repeated by the next session.
	for _, sessions := range []int{1, 2, 2, 3, 3, 3} {
		values, err := s.Run(t.Context(), "loss", "x")
		require.NoError(t, err)
		require.Equal(t, []string{"loss=2", "x=2"}, collect(values))
		require.Equal(t, sessions, opened)
		require.False(t, s.ShouldStop())
	}
	_, err = s.Run(t.Context(), "loss", "x")
	require.Equal(t, errBroken, err, "why there is no other session")
	require.Equal(t, 4, opened)
	require.ErrorIs(t, s.CloseWithError(err), errBroken)
}

func TestAfterARecoveryTheAbilitiesAreThoseOfTheNewSession(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	e.at["Run"] = failingOnce(1, session.ErrAborted)
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, Recovery: atOnce})
	require.NoError(t, err)
	var seen []*tracedSession
	require.NoError(t, s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		own, ok := session.Ability[*tracedSession](sc.Session())
		require.True(t, ok)
		seen = append(seen, own)
		_, err := sc.RunWithHooks(ctx, "loss")
		return err
	}))
	require.Len(t, seen, 2)
	require.NotSame(t, seen[0], seen[1])
	require.NoError(t, s.Close())
}

func TestAGoroutineFailsWhileAStepFunctionRuns(t *testing.T) {
	leaktest.Check(t)
	for way, run := range map[string]func(ctx context.Context, sc *session.StepContext) error{
		"through the hooks": func(ctx context.Context, sc *session.StepContext) error {
			_, err := sc.RunWithHooks(ctx, "train")
			return err
		},
		"raw": func(ctx context.Context, sc *session.StepContext) error {
			_, err := session.Eval(ctx, sc.Session(), "train")
			return err
		},
	} {
		t.Run(way, func(t *testing.T) {
			t.Run("and a lost session is made good when the loop asks", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFedSession(t)
					step := func(ctx context.Context, sc *session.StepContext) error {
						if f.steps++; f.steps == 2 {
							f.fail(session.ErrAborted)
						}
						return run(ctx, sc)
					}
					for range 2 {
						require.False(t, f.s.ShouldStop())
						require.NoError(t, f.s.RunStepFn(t.Context(), step))
					}
					require.Equal(t, 2, f.steps, "a step that succeeded is not repeated")
					require.Equal(t, 1, f.opened)
					require.False(t, f.s.ShouldStop())
					require.Equal(t, 2, f.opened)
					require.NoError(t, f.s.RunStepFn(t.Context(), step))
					require.NoError(t, f.s.Close())
				})
			})
			t.Run("and another error stops the loop and comes from Close", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFedSession(t)
					require.NoError(t, f.s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
						f.fail(errBroken)
						return run(ctx, sc)
					}))
					require.True(t, f.s.ShouldStop())
					require.Equal(t, 1, f.opened)
					require.ErrorIs(t, f.s.Close(), errBroken)
				})
			})
			t.Run("and a run gets stuck because the session is lost", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFedSession(t)
					f.e.at["Run"] = func(context.Context) error {
						if f.steps == 1 {
							f.fail(session.ErrAborted)
							return context.Canceled
						}
						return nil
					}
					step := func(ctx context.Context, sc *session.StepContext) error {
						f.steps++
						return run(ctx, sc)
					}
					err := f.s.RunStepFn(t.Context(), step)
					if way == "raw" { // the errors of a raw run are the step function's own
						require.Equal(t, context.Canceled, err)
						require.False(t, f.s.ShouldStop(), "there is another session to go on with")
						err = f.s.RunStepFn(t.Context(), step)
					}
					require.NoError(t, err)
					require.Equal(t, 2, f.steps)
					require.Equal(t, 2, f.opened)
					require.False(t, f.s.ShouldStop())
					require.NoError(t, f.s.Close())
				})
			})
		})
	}
}

// A fedSession has a goroutine that can be made to fail. It lives in a bubble.
type fedSession struct {
	s             *session.MonitoredSession
	e             *tracedEngine
	opened, steps int
	errs          chan error
}

func newFedSession(t *testing.T) *fedSession {
	t.Helper()
	f := &fedSession{e: new(journal).engine(lineGraph())}
	f.e.at["NewSession"] = func(context.Context) error { f.opened++; return nil }
	feeder := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
		f.errs = make(chan error)
		coord.Go("feeder", func(ctx context.Context) error {
			select {
			case err := <-f.errs:
				return err
			case <-ctx.Done():
				return nil
			}
		})
		return nil
	}}
	var err error
	f.s, err = session.NewMonitoredSession(t.Context(), session.Config{
		Engine: f.e, Hooks: []session.SessionRunHook{feeder}, Recovery: atOnce,
	})
	require.NoError(t, err)
	return f
}

// fail makes the goroutine fail and returns when the coordinator knows.
func (f *fedSession) fail(err error) {
	f.errs <- err
	synctest.Wait()
}

func TestAHookThatFindsTheEngineUnavailableGetsANewSession(t *testing.T) {
	leaktest.Check(t)
	for _, lost := range []error{session.ErrAborted, session.ErrUnavailable} {
		var j journal
		a := j.hook("a")
		fail := failingOnce(3, lost)
		a.at[session.PhaseBeforeRun] = func() error { return fail(t.Context()) }
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(a), Recovery: atOnce})
		require.NoError(t, err)
		var steps []string
		for range 4 {
			values, err := s.Run(t.Context(), "train", "global_step")
			require.NoError(t, err)
			steps = append(steps, values.At(1).String())
			require.False(t, s.ShouldStop())
		}
		require.Equal(t, []string{"0", "1", "0", "1"}, steps, "the state began anew")
		require.NoError(t, s.Close())
	}
}

func TestAStepFunctionOfASingularSessionRunsWithAndWithoutHooks(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s, err := session.NewSingularMonitoredSession(t.Context(), session.Config{
		Engine: j.engine(lineGraph()), Hooks: hooks(j.hook("a", "global_step")),
	})
	require.NoError(t, err)
	j.take()
	var got []string
	require.NoError(t, s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		raw, err := session.Eval(ctx, sc.Session(), "train", "w")
		require.NoError(t, err)
		hooked, err := sc.RunWithHooks(ctx, "train", "w")
		require.NoError(t, err)
		got = append(collect(raw), collect(hooked)...)
		return nil
	}))
	require.Equal(t, []string{"train=<none>", "w=2", "train=<none>", "w=3"}, got)
	require.Equal(t, []string{
		"engine Run train,w", "a BeforeRun", "engine Run train,w,global_step", "a AfterRun",
	}, j.take())
	require.NoError(t, s.Close())
}

func TestAStepFunctionThatAsksForTheStopAsksNoHook(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a")
	var s *session.MonitoredSession
	err := session.With(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(a)}, func(open *session.MonitoredSession) error {
		s = open
		j.take()
		return s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
			_, err := session.Eval(ctx, sc.Session(), "loss")
			require.NoError(t, err)
			return sc.RequestStop()
		})
	})
	require.NoError(t, err)
	require.Equal(t, []string{"engine Run loss", "a End", "engine Close", "a CloseSession"}, j.take())
	require.True(t, s.ShouldStop())
}

func TestAMethodIsAStepFunction(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	var m stepMaker
	require.NoError(t, s.RunStepFn(t.Context(), m.step))
	require.Equal(t, "2", m.loss)
}

// A stepMaker has a step function as a method, and what that has computed.
type stepMaker struct{ loss string }

func (m *stepMaker) step(ctx context.Context, sc *session.StepContext) error {
	values, err := sc.RunWithHooks(ctx, "loss", "train")
	if err == nil {
		m.loss = values.At(0).String()
	}
	return err
}

func TestWithLeavesAStoppedSession(t *testing.T) {
	leaktest.Check(t)
	for name, body := range map[string]error{
		"after a clean end":        nil,
		"after the end of input":   session.ErrOutOfRange,
		"after a stop":             session.ErrStop,
		"after an error of a body": errBroken,
	} {
		t.Run(name, func(t *testing.T) {
			var s *session.MonitoredSession
			session.With(t.Context(), session.Config{Engine: lineGraph()}, func(open *session.MonitoredSession) error {
				s = open
				require.False(t, s.ShouldStop())
				return body
			})
			require.True(t, s.ShouldStop())
			_, err := s.Run(t.Context(), "loss")
			require.ErrorIs(t, err, session.ErrClosed)
		})
	}
}

func TestASingularSessionEndsCleanlyWithTheInput(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a")
	fail := failingOnce(3, session.ErrOutOfRange)
	a.at[session.PhaseBeforeRun] = func() error { return fail(t.Context()) }
	s, err := session.NewSingularMonitoredSession(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(a)})
	require.NoError(t, err)
	j.take()
	require.NoError(t, s.RunUntilStop(t.Context(), "train"))
	require.NoError(t, s.CloseWithError(session.ErrOutOfRange))
	require.Equal(t, []string{
		"a BeforeRun", "engine Run train", "a AfterRun",
		"a BeforeRun", "engine Run train", "a AfterRun",
		"a BeforeRun",
		"a End", "engine Close", "a CloseSession",
	}, j.take())
	require.True(t, s.ShouldStop())
}

func TestTheRawSessionOfASingularSessionGoesThroughNoHook(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s, err := session.NewSingularMonitoredSession(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: hooks(j.hook("a"))})
	require.NoError(t, err)
	j.take()
	require.Equal(t, []string{"loss=2"}, valuesOf(t, s.RawSession(), "loss"))
	require.Equal(t, []string{"engine Run loss"}, j.take())
	own, ok := session.Ability[*tracedSession](s.RawSession())
	require.True(t, ok)
	require.NotNil(t, own)
	require.NoError(t, s.Close())
	require.Nil(t, s.RawSession())
}
