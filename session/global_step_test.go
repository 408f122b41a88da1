package session_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

func TestTheStepFetchedWithARunIsTheOneBeforeItsUpdate(t *testing.T) {
	leaktest.Check(t)
	for name, e := range map[string]session.Engine{
		"graph":    lineGraph(),
		"StepFunc": session.StepFunc(func(context.Context, []session.Value) error { return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			var step *session.GlobalStep
			var stale, now []int64
			args := &session.SessionRunArgs{}
			h := &session.HookFuncs{
				OnBegin: func(_ context.Context, g session.Graph) (err error) {
					step, err = session.NewGlobalStep(g)
					return err
				},
				OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
					args.Fetches = append(args.Fetches[:0], step.Name())
					return args, nil
				},
				OnAfterRun: func(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
					before, err := step.Get(values.Results)
					if err != nil {
						return err
					}
					after, err := step.Read(ctx, rc.Session())
					stale, now = append(stale, before), append(now, after)
					return err
				},
			}
			s := open(t, e, h)
			for _, fetches := range [][]string{{"train"}, {"train"}, {}, {"train"}} {
				_, err := s.Run(t.Context(), fetches...)
				require.NoError(t, err)
			}
			require.Equal(t, []int64{0, 1, 2, 2}, stale)
			require.Equal(t, []int64{1, 2, 2, 3}, now)
		})
	}
}

// namedStep is an engine that has a global step by any name.
type namedStep struct {
	session.Engine
	name string
}

func (e namedStep) GlobalStep() string { return e.name }

func TestAGlobalStepHasToExist(t *testing.T) {
	leaktest.Check(t)
	_, err := session.NewGlobalStep(graph.New())
	require.ErrorIs(t, err, session.ErrNoGlobalStep)
	_, err = session.NewGlobalStep(namedStep{graph.New(), "steps"})
	require.ErrorIs(t, err, session.ErrUnknownName)
}

func TestAGlobalStepIsAnInt64(t *testing.T) {
	leaktest.Check(t)
	e := namedStep{lineGraph(), "w"}
	step, err := session.NewGlobalStep(e)
	require.NoError(t, err)
	s := open(t, e)
	require.NoError(t, s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		_, err := step.Read(ctx, sc.Session())
		require.EqualError(t, err, `session: fetch "w": got float64, want int64`)
		return nil
	}))
	values, err := s.Run(t.Context(), "w")
	require.NoError(t, err)
	_, err = step.Get(values)
	require.EqualError(t, err, `session: fetch "w": got float64, want int64`)
	values, err = s.Run(t.Context(), "x")
	require.NoError(t, err)
	_, err = step.Get(values)
	require.ErrorIs(t, err, session.ErrNotFetched)
}

func TestReadingTheStepReturnsTheErrorOfItsRun(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	step, err := session.NewGlobalStep(e)
	require.NoError(t, err)
	s := open(t, e)
	e.failing("Run", errBroken)
	require.NoError(t, s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
		_, err := step.Read(ctx, sc.Session())
		require.ErrorIs(t, err, errBroken)
		return nil
	}))
}
