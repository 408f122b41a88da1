package session_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestOneEngineRunServesEverybody(t *testing.T) {
	leaktest.Check(t)
	var j journal
	parts := make(map[string][]string)
	asking := func(name string, fetches ...string) *scribe {
		h := j.hook(name, fetches...)
		h.seen = func(values *session.SessionRunValues) { parts[name] = collect(values.Results) }
		return h
	}
	s := open(t, j.engine(lineGraph()),
		asking("a", "loss", "global_step"),
		asking("b", "global_step", "w", "loss"),
		asking("c"),
		asking("d", "loss", "loss"),
		asking("e", "loss", "global_step"),
	)
	j.take()
	values, err := s.Run(t.Context(), "w", "train", "w", "x")
	require.NoError(t, err)
	require.Equal(t, []string{
		"a BeforeRun", "b BeforeRun", "c BeforeRun", "d BeforeRun", "e BeforeRun",
		"engine Run w,train,x,loss,global_step",
		"a AfterRun", "b AfterRun", "c AfterRun", "d AfterRun", "e AfterRun",
	}, j.take())
	require.Equal(t, []string{"w=2", "train=<none>", "w=2", "x=2"}, collect(values))
	require.Equal(t, map[string][]string{
		"a": {"loss=2", "global_step=0"},
		"b": {"global_step=0", "w=2", "loss=2"},
		"c": nil,
		"d": {"loss=2", "loss=2"},
		"e": {"loss=2", "global_step=0"},
	}, parts)
}

func TestARunWithoutFetchesStillCallsTheHooksAndTheEngine(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, j.engine(lineGraph()), j.hook("a"))
	j.take()
	values, err := s.Run(t.Context())
	require.NoError(t, err)
	require.Zero(t, values.Len())
	require.Equal(t, []string{"a BeforeRun", "engine Run ", "a AfterRun"}, j.take())
}

func TestAHookMayAskForSomethingElseInEachRun(t *testing.T) {
	leaktest.Check(t)
	args := &session.SessionRunArgs{Fetches: []string{"loss"}}
	asks := []func(){
		func() { args.Fetches[0] = "loss" },
		func() { args.Fetches[0] = "w" },
		func() { args.Fetches = append(args.Fetches[:0], "global_step", "loss") },
		func() { args.Fetches = nil },
		func() { args.Fetches = []string{"loss"} },
	}
	want := [][]string{{"loss=2"}, {"w=1"}, {"global_step=0", "loss=2"}, nil, {"loss=2"}}
	var got []string
	i := 0
	h := &session.HookFuncs{
		OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			asks[i%len(asks)]()
			return args, nil
		},
		OnAfterRun: func(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
			got = collect(values.Results)
			return nil
		},
	}
	s := open(t, lineGraph(), h)
	for i = range 3 * len(asks) {
		values, err := s.Run(t.Context(), "x")
		require.NoError(t, err)
		require.Equal(t, []string{"x=2"}, collect(values))
		require.Equal(t, want[i%len(asks)], got, "run %d", i)
	}
}

func TestTheCallerMayReuseItsListOfFetches(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	fetches := []string{"loss"}
	for _, want := range []string{"loss=2", "w=1", "x=2", "loss=2"} {
		fetches[0], _, _ = strings.Cut(want, "=")
		values, err := s.Run(t.Context(), fetches...)
		require.NoError(t, err)
		fetches[0] = "overwritten"
		require.Equal(t, []string{want}, collect(values))
	}
}

func TestARawRunOfAHookLeavesTheValuesOfTheRunInProgress(t *testing.T) {
	leaktest.Check(t)
	var seen []string
	first := &session.HookFuncs{
		OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			return &session.SessionRunArgs{Fetches: []string{"loss", "global_step"}}, nil
		},
		OnAfterRun: func(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
			now, err := session.Eval(ctx, rc.Session(), "global_step", "loss")
			seen = append(collect(now), collect(values.Results)...)
			return err
		},
	}
	var j journal
	s := open(t, j.engine(lineGraph()), first)
	j.take()
	values, err := s.Run(t.Context(), "train", "loss")
	require.NoError(t, err)
	require.Equal(t, []string{"global_step=1", "loss=4", "loss=2", "global_step=0"}, seen)
	require.Equal(t, []string{"train=<none>", "loss=2"}, collect(values))
	require.Equal(t, []string{"engine Run train,loss,global_step", "engine Run global_step,loss"}, j.take(), "a raw run goes through no hook")
}

func TestFeedsOfHooksAndCallerAreUnited(t *testing.T) {
	leaktest.Check(t)
	var j journal
	var fed session.Feeds
	e := j.engine(lineGraph())
	e.ran = func(_ context.Context, req *session.Request) { fed = maps.Clone(req.Feeds) }
	a, b := j.hook("a"), j.hook("b")
	a.args = &session.SessionRunArgs{Feeds: session.Feeds{"x": session.Float64(10)}}
	b.args = &session.SessionRunArgs{Feeds: session.Feeds{}}
	s := open(t, e, a, b)

	caller := session.Feeds{"w+1": session.Float64(100)}
	values, err := s.RunArgs(t.Context(), &session.SessionRunArgs{Fetches: []string{"loss", "train", "w"}, Feeds: caller}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"loss=10", "train=<none>", "w=100"}, collect(values))
	require.Equal(t, session.Feeds{"w+1": session.Float64(100), "x": session.Float64(10)}, fed)
	require.Equal(t, session.Feeds{"w+1": session.Float64(100)}, caller, "the caller's map is not changed")
	require.Equal(t, session.Feeds{"x": session.Float64(10)}, a.args.Feeds, "nor is the hook's")

	a.args = nil
	_, err = s.Run(t.Context(), "loss")
	require.NoError(t, err)
	require.Empty(t, fed, "feeds do not outlive their run")
}

func TestANameMayBeFedOnce(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name          string
		first, second session.Feeds
		caller        session.Feeds
		want          string // "" for no conflict
		ran           []string
	}{
		{
			"by two hooks",
			session.Feeds{"x": session.Float64(1)}, session.Feeds{"x": session.Float64(1)}, nil,
			`session: "x" is fed by hook "a" and by hook "b"`,
			[]string{"a BeforeRun", "b BeforeRun"},
		},
		{
			"by a hook and the caller",
			nil, session.Feeds{"x": session.Float64(1)}, session.Feeds{"x": session.Float64(2)},
			`session: "x" is fed by hook "b" and by the caller of the run`,
			[]string{"a BeforeRun", "b BeforeRun", "c BeforeRun"},
		},
		{
			"by two hooks and the caller",
			session.Feeds{"x": session.Float64(1)}, session.Feeds{"x": session.Float64(1)}, session.Feeds{"x": session.Float64(2)},
			`session: "x" is fed by hook "a" and by hook "b"`,
			[]string{"a BeforeRun", "b BeforeRun"},
		},
		{
			"and of several conflicts the first by name is reported",
			session.Feeds{"w+1": session.Float64(1), "x": session.Float64(1), "loss": session.Float64(1)},
			session.Feeds{"x": session.Float64(1), "loss": session.Float64(1), "w+1": session.Float64(1)}, nil,
			`session: "loss" is fed by hook "a" and by hook "b"`,
			[]string{"a BeforeRun", "b BeforeRun"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			a, b := j.hook("a"), j.hook("b")
			a.args = &session.SessionRunArgs{Feeds: c.first}
			b.args = &session.SessionRunArgs{Feeds: c.second}
			s := open(t, j.engine(lineGraph()), a, b, j.hook("c"))
			j.take()
			_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{Fetches: []string{"loss"}, Feeds: c.caller}, nil)
			require.ErrorIs(t, err, session.ErrFeedConflict)
			require.EqualError(t, err, c.want)
			require.Equal(t, c.ran, j.take())
		})
	}
}

func TestFeedConflictsNameHooksOfOneTypeApart(t *testing.T) {
	leaktest.Check(t)
	feeder := func() *session.HookFuncs {
		return &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			return &session.SessionRunArgs{Feeds: session.Feeds{"x": session.Float64(1)}}, nil
		}}
	}
	s := open(t, lineGraph(), feeder(), feeder())
	_, err := s.Run(t.Context(), "loss")
	require.EqualError(t, err, `session: "x" is fed by hook "session.HookFuncs" and by hook "session.HookFuncs#2"`)
	var conflict *session.FeedConflictError
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, "x", conflict.Name)
}

func TestAHookThatFailsEndsTheRun(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		phase session.Phase
		want  []string
	}{
		{session.PhaseBeforeRun, []string{"a BeforeRun", "b BeforeRun"}},
		{session.PhaseAfterRun, []string{
			"a BeforeRun", "b BeforeRun", "c BeforeRun", "engine Run train", "a AfterRun", "b AfterRun",
		}},
	} {
		t.Run(string(c.phase), func(t *testing.T) {
			var j journal
			s := open(t, j.engine(lineGraph()), j.hook("a"), j.hook("b").failing(c.phase, errBroken), j.hook("c"))
			j.take()
			values, err := s.Run(t.Context(), "train")
			require.Zero(t, values.Len())
			require.Equal(t, c.want, j.take(), "later hooks are not called, earlier ones are not unwound")
			var failed *session.HookError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, session.HookError{Hook: "b", Phase: c.phase, Err: errBroken}, *failed)
			require.EqualError(t, err, fmt.Sprintf(`session: hook "b": %s: broken`, c.phase))
			require.False(t, s.ShouldStop())
		})
	}
}

func TestTheEngineKnowsOfAStepWhoseAfterRunFailed(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a").failing(session.PhaseAfterRun, errBroken)
	s := open(t, lineGraph(), a)
	_, err := s.Run(t.Context(), "train")
	require.ErrorIs(t, err, errBroken)
	delete(a.at, session.PhaseAfterRun)
	values, err := s.Run(t.Context(), "global_step")
	require.NoError(t, err)
	require.Equal(t, []string{"global_step=1"}, collect(values))
}

func TestAHooksErrorsKeepTheirMeaning(t *testing.T) {
	leaktest.Check(t)
	for _, phase := range []session.Phase{session.PhaseBeforeRun, session.PhaseAfterRun} {
		for _, c := range []struct {
			err         error
			clean, lost bool
		}{
			{session.ErrOutOfRange, true, false},
			{session.ErrStop, true, false},
			{session.ErrAborted, false, true},
			{session.ErrUnavailable, false, true},
			{errBroken, false, false},
		} {
			t.Run(fmt.Sprintf("%v in %s", c.err, phase), func(t *testing.T) {
				var j journal
				s, err := session.NewSingularMonitoredSession(t.Context(), session.Config{
					Engine: lineGraph(),
					Hooks:  []session.SessionRunHook{j.hook("a").failing(phase, c.err)},
				})
				require.NoError(t, err)
				t.Cleanup(func() { s.CloseWithError(errBroken) })
				_, err = s.Run(t.Context(), "loss")
				require.ErrorIs(t, err, c.err)
				require.Equal(t, c.clean, session.IsCleanStop(err))
				require.Equal(t, c.lost, session.IsLost(err))
			})
		}
	}
}

func TestTheContextOfARunReachesHooksAndEngine(t *testing.T) {
	leaktest.Check(t)
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "mine")
	var j journal
	var got []any
	e := j.engine(lineGraph())
	e.ran = func(ctx context.Context, _ *session.Request) { got = append(got, ctx.Value(key{})) }
	h := &session.HookFuncs{
		OnBeforeRun: func(ctx context.Context, _ *session.SessionRunContext) (*session.SessionRunArgs, error) {
			got = append(got, ctx.Value(key{}))
			return nil, nil
		},
		OnAfterRun: func(ctx context.Context, _ *session.SessionRunContext, _ *session.SessionRunValues) error {
			got = append(got, ctx.Value(key{}))
			return nil
		},
	}
	s := open(t, e, h)
	_, err := s.Run(ctx, "loss")
	require.NoError(t, err)
	require.Equal(t, []any{"mine", "mine", "mine"}, got)
}

// A step that was made is recorded, also when its context ended meanwhile.
func TestAfterRunIsCalledThoughTheContextEndedInTheRun(t *testing.T) {
	leaktest.Check(t)
	for _, e := range map[string]session.Engine{
		"graph": lineGraph(), "StepFunc": session.StepFunc(func(context.Context, []session.Value) error { return nil }),
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var j journal
		te := j.engine(e)
		var step *session.GlobalStep
		var now int64
		h := &session.HookFuncs{
			OnBegin: func(_ context.Context, g session.Graph) (err error) {
				step, err = session.NewGlobalStep(g)
				return err
			},
			OnAfterRun: func(ctx context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) (err error) {
				cancel()
				now, err = step.Read(ctx, rc.Session())
				return err
			},
		}
		s := open(t, te, h)
		_, err := s.Run(ctx, "train")
		require.NoError(t, err)
		require.Equal(t, int64(1), now)
	}
}

func TestTheTimeoutOfARunLimitsTheEngineAlone(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		slow := session.StepFunc(func(ctx context.Context, _ []session.Value) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Minute):
				return nil
			}
		})
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: slow})
		require.NoError(t, err)
		start := time.Now()
		_, err = s.RunArgs(t.Context(), &session.SessionRunArgs{
			Fetches: []string{"train"}, Options: &session.RunOptions{Timeout: time.Second},
		}, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.False(t, s.ShouldStop())
		_, err = s.Run(t.Context(), "train")
		require.NoError(t, err, "the limit does not outlive its run")
		require.NoError(t, s.Close())
	})
}

func TestATraceThatOneHookAsksForIsSeenByAll(t *testing.T) {
	leaktest.Check(t)
	var j journal
	traced := j.hook("tracer")
	traced.args = &session.SessionRunArgs{Options: &session.RunOptions{TraceLevel: session.FullTrace}}
	var names []string
	other := j.hook("other")
	other.seen = func(values *session.SessionRunValues) {
		require.Equal(t, session.FullTrace, values.Options.TraceLevel)
		names = nil
		for _, n := range values.Metadata.Nodes {
			names = append(names, n.Name)
		}
	}
	s := open(t, lineGraph(), traced, other)
	metadata := session.RunMetadata{Nodes: []session.NodeStats{{Name: "old"}}}
	_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{Fetches: []string{"loss"}}, &metadata)
	require.NoError(t, err)
	require.Equal(t, []string{"loss"}, names)
	require.Len(t, metadata.Nodes, 1)
	require.Equal(t, "loss", metadata.Nodes[0].Name)

	traced.args = nil
	other.seen = func(values *session.SessionRunValues) { require.Empty(t, values.Metadata.Nodes) }
	_, err = s.Run(t.Context(), "loss")
	require.NoError(t, err)
	require.Equal(t, "loss", metadata.Nodes[0].Name, "the caller's metadata is a copy")
}

func TestAnUnknownNameInARunSaysWhoAsked(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s := open(t, lineGraph(), j.hook("a", "loss"), j.hook("b", "los"))
	_, err := s.Run(t.Context(), "loss")
	require.EqualError(t, err, `session: hook "b": BeforeRun: unknown name "los", did you mean "loss"`)
	s = open(t, lineGraph())
	_, err = s.Run(t.Context(), "lss")
	require.EqualError(t, err, `session: run: unknown name "lss", did you mean "loss"`)
	require.ErrorIs(t, err, session.ErrUnknownName)

	fed := session.SessionRunArgs{Feeds: session.Feeds{"lss": session.Float64(1)}}
	s = open(t, lineGraph(), &session.HookFuncs{HookName: "c", OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		return &fed, nil
	}})
	_, err = s.Run(t.Context(), "loss")
	require.EqualError(t, err, `session: hook "c": BeforeRun: graph: feed: unknown name "lss", did you mean "loss"`)
	s = open(t, lineGraph())
	_, err = s.RunArgs(t.Context(), &fed, nil)
	require.EqualError(t, err, `session: run: graph: feed: unknown name "lss", did you mean "loss"`)
}

func TestRunUntilStop(t *testing.T) {
	leaktest.Check(t)
	steps := 0
	h := &session.HookFuncs{OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
		if steps++; steps == 3 {
			rc.RequestStop()
		}
		return nil
	}}
	s := open(t, lineGraph(), h)
	require.NoError(t, s.RunUntilStop(t.Context(), "train"))
	require.Equal(t, 3, steps)
	s = open(t, lineGraph(), &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		return nil, errBroken
	}})
	require.ErrorIs(t, s.RunUntilStop(t.Context(), "train"), errBroken)
	require.EqualError(t, s.RunUntilStop(t.Context()), "session: nothing is fetched, so that no run would be a step")
}
