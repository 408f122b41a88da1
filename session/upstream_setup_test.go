package session_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// What TensorFlow's own tests of scaffolds, session managers and evaluations pin
// down and the other files here do not.

func TestOwnPiecesWinOverThoseOfAnotherScaffold(t *testing.T) {
	leaktest.Check(t)
	own := session.Scaffold{
		InitOp: session.Ops{"own init"}, InitFeeds: session.Feeds{"x": session.Float64(1)},
		ReadyOp: session.Ops{"own ready"}, ReadyForLocalInitOp: session.Ops{"own local ready"},
		LocalInitOp: session.Ops{"own local init"}, LocalInitFeeds: session.Feeds{"x": session.Float64(2)},
		SummaryOp: aSummary("own"), Saver: aSaver{name: "own"},
	}
	for name, other := range map[string]*session.Scaffold{
		"that has none": {},
		"that has all": {
			InitOp: session.Ops{"init"}, InitFeeds: session.Feeds{"x": session.Float64(3)},
			ReadyOp: session.Ops{"ready"}, ReadyForLocalInitOp: session.Ops{"local ready"},
			LocalInitOp: session.Ops{"local init"}, LocalInitFeeds: session.Feeds{"x": session.Float64(4)},
			SummaryOp: aSummary("other"), Saver: aSaver{name: "other"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := own
			require.Equal(t, own, *s.CopyFrom(other))
		})
	}

	var called string
	initFn := func(name string) func(context.Context, *session.Scaffold, session.Session) error {
		return func(context.Context, *session.Scaffold, session.Session) error { called = name; return nil }
	}
	s := (&session.Scaffold{InitFn: initFn("own")}).CopyFrom(&session.Scaffold{InitFn: initFn("other")})
	require.NoError(t, s.InitFn(t.Context(), s, nil))
	require.Equal(t, "own", called)
}

func TestLocalInitAloneIsEnough(t *testing.T) {
	leaktest.Check(t)
	m, _ := managed(t, session.SessionManagerConfig{
		ReadyOp:     session.Ops{"v ready"},
		LocalInitOp: session.Ops{"init"}, LocalInitFeeds: session.Feeds{"x": session.Float64(3)},
	})
	s, err := m.PrepareSession(t.Context(), session.PrepareSessionArgs{})
	require.NoError(t, err)
	require.Equal(t, []string{"v=3"}, valuesOf(t, s, "v"))
	require.NoError(t, s.Close())
}

func TestASessionIsPreparedOnceThereIsACheckpoint(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		saver := newMemorySaver()
		args := session.PrepareSessionArgs{Restore: session.RestoreArgs{
			Saver: saver, CheckpointDir: "d", WaitForCheckpoint: true, MaxWait: 2 * time.Second,
		}}
		config := session.SessionManagerConfig{ReadyOp: session.Ops{"v ready"}, RecoveryWait: time.Second}
		m, j := managed(t, config)
		start := time.Now()
		_, err := m.PrepareSession(t.Context(), args)
		require.ErrorIs(t, err, session.ErrNothingToInitialize)
		require.GreaterOrEqual(t, time.Since(start), 2*time.Second)
		require.Equal(t, []string{"engine NewSession", "engine Close"}, j.take())

		saver.has("d", "d/m-5")
		m, _ = managed(t, config)
		s, err := m.PrepareSession(t.Context(), args)
		require.NoError(t, err)
		require.Equal(t, []string{"v=5"}, valuesOf(t, s, "v"))
		require.NoError(t, s.Close())
	})
}

func TestLocalInitUsesWhatWasRestored(t *testing.T) {
	leaktest.Check(t)
	m, _ := managed(t, session.SessionManagerConfig{
		ReadyOp: report, ReadyForLocalInitOp: session.Ops{"v ready"}, LocalInitOp: session.Ops{"local init"},
	})
	s, initialized, err := m.RecoverSession(t.Context(), session.RestoreArgs{
		Saver: newMemorySaver().has("d", "d/m-5"), CheckpointDir: "d",
	})
	require.NoError(t, err)
	require.True(t, initialized)
	require.Equal(t, []string{"v=5", "w=5"}, valuesOf(t, s, "v", "w"))
	require.NoError(t, s.Close())
}

// An evaluation is a session that counts evaluations instead of training steps,
// stops at a number of them, and runs its final op in End.
func TestAnEvaluationIsASessionWithACountOfItsOwn(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name   string
		evalOp string // "": none
		limit  int64
		runs   int
		final  string
	}{
		{"an eval op, then a final op once", "evaluate", 5, 5, "14"},
		{"an eval op that counts two is run half as often", "evaluate two", 6, 3, "15"},
		{"a final op alone", "", 0, 0, "9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			g.Variable("evaluations", func() session.Value { return session.Int64(0) })
			for name, by := range map[string]int64{"evaluate": 1, "evaluate two": 2, "final": 9} {
				g.Node(name+" value", func(_ context.Context, in []session.Value) (session.Value, error) {
					n, _ := in[0].Int64()
					return session.Int64(n + by), nil
				}, "evaluations")
				g.Assign(name, "evaluations", name+" value")
			}
			var final session.Values
			count := &session.HookFuncs{
				OnBegin: func(_ context.Context, g session.Graph) error { return g.Resolve("evaluations") },
				OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
					return &session.SessionRunArgs{Fetches: []string{"evaluations"}}, nil
				},
				OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
					if n, err := session.Fetch[int64]("evaluations").Get(values.Results); err != nil || n >= c.limit {
						rc.RequestStop()
						return err
					}
					return nil
				},
				OnEnd: func(ctx context.Context, s session.Session) (err error) {
					final, err = session.Eval(ctx, s, "final", "evaluations")
					return err
				},
			}
			var j journal
			list := []session.SessionRunHook{count}
			err := session.With(t.Context(), session.Config{Engine: j.engine(g), Hooks: list}, func(s *session.MonitoredSession) error {
				if c.evalOp == "" {
					return nil
				}
				return s.RunUntilStop(t.Context(), c.evalOp)
			})
			require.NoError(t, err)
			require.Equal(t, []session.SessionRunHook{count}, list, "the caller's list stays as it was")
			var want []string
			for range c.runs {
				want = append(want, "engine Run "+c.evalOp+",evaluations")
			}
			want = append(want, "engine Run final,evaluations", "engine Close")
			lines := j.take()
			require.Equal(t, want, lines[len(lines)-len(want):])
			require.Equal(t, c.final, final.At(1).String())
		})
	}
}
