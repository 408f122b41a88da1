package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// stopper is a hook that asks for a stop in a phase of a run.
func stopper(phase session.Phase) *session.HookFuncs {
	return &session.HookFuncs{
		OnBeforeRun: func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			if phase == session.PhaseBeforeRun {
				rc.RequestStop()
			}
			return nil, nil
		},
		OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
			if phase == session.PhaseAfterRun {
				rc.RequestStop()
			}
			return nil
		},
	}
}

func TestAStopWishDoesNotCancelTheStep(t *testing.T) {
	leaktest.Check(t)
	for _, phase := range []session.Phase{session.PhaseBeforeRun, session.PhaseAfterRun} {
		t.Run(string(phase), func(t *testing.T) {
			var j journal
			s := open(t, j.engine(lineGraph()), stopper(phase), j.hook("a"))
			j.take()
			values, err := s.Run(t.Context(), "train", "global_step")
			require.NoError(t, err)
			require.Equal(t, []string{"train=<none>", "global_step=0"}, collect(values))
			require.Equal(t, []string{"a BeforeRun", "engine Run train,global_step", "a AfterRun"}, j.take())
			require.True(t, s.ShouldStop())
			_, err = s.Run(t.Context(), "train")
			require.ErrorIs(t, err, session.ErrRunAfterStop)
			require.Empty(t, j.take())
			require.NoError(t, s.Close())
		})
	}
}

func TestLaterHooksSeeAStopWish(t *testing.T) {
	leaktest.Check(t)
	var seen []bool
	look := func() *session.HookFuncs {
		return &session.HookFuncs{
			OnBeforeRun: func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
				seen = append(seen, rc.StopRequested())
				return nil, nil
			},
			OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
				seen = append(seen, rc.StopRequested())
				return nil
			},
		}
	}
	s := open(t, lineGraph(), look(), stopper(session.PhaseBeforeRun), look())
	_, err := s.Run(t.Context(), "train")
	require.NoError(t, err)
	require.Equal(t, []bool{false, true, true, true}, seen)
}

func TestAStopWishSurvivesAFailureOfTheRun(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name  string
		phase session.Phase
		fails func(e *tracedEngine, later *scribe)
	}{
		{"of the engine", session.PhaseBeforeRun, func(e *tracedEngine, _ *scribe) { e.failing("Run", errBroken) }},
		{"of a later BeforeRun", session.PhaseBeforeRun, func(_ *tracedEngine, h *scribe) { h.failing(session.PhaseBeforeRun, errBroken) }},
		{"of a later AfterRun", session.PhaseAfterRun, func(_ *tracedEngine, h *scribe) { h.failing(session.PhaseAfterRun, errBroken) }},
		{"by a conflict of feeds", session.PhaseBeforeRun, func(_ *tracedEngine, h *scribe) {
			h.args = &session.SessionRunArgs{Feeds: session.Feeds{"x": session.Float64(1)}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			e, later := j.engine(lineGraph()), j.hook("later")
			c.fails(e, later)
			s := open(t, e, stopper(c.phase), later)
			_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{
				Fetches: []string{"train"}, Feeds: session.Feeds{"x": session.Float64(1)},
			}, nil)
			require.Error(t, err)
			require.True(t, s.ShouldStop())
			_, err = s.Run(t.Context(), "train")
			require.ErrorIs(t, err, session.ErrRunAfterStop)
		})
	}
}

func TestAStopWishIsNotHandedToTheNextSession(t *testing.T) {
	leaktest.Check(t)
	h := stopper(session.PhaseAfterRun)
	for range 2 {
		s := open(t, lineGraph(), h)
		require.False(t, s.ShouldStop())
		_, err := s.Run(t.Context(), "train")
		require.NoError(t, err)
		require.True(t, s.ShouldStop())
		require.NoError(t, s.Close())
	}
}
