package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// Whatever a caller does, a session that is lost again and again tells him the
// same as one that is not, if the engine keeps its state and the losses come
// before an update takes effect.
func TestARecoveringSessionGivesTheSameResults(t *testing.T) {
	leaktest.Check(t)
	for seed := range uint64(200) {
		calm := replay(t, seed, 0)
		require.Equal(t, calm, replay(t, seed, 0.3), "seed %d", seed)
	}
}

// replay makes a random program of operations and returns what the caller saw. A
// share of the engine's runs, hooks' calls and creations loses the session.
func replay(t *testing.T, seed uint64, losses float64) []string {
	t.Helper()
	program := rand.New(rand.NewPCG(seed, 1))
	faults := rand.New(rand.NewPCG(seed, 2))
	lose := func(context.Context) error {
		if faults.Float64() < losses {
			return []error{session.ErrAborted, fmt.Errorf("lost: %w", session.ErrUnavailable)}[faults.IntN(2)]
		}
		return nil
	}
	w := 0.0
	var j journal
	e := j.engine(session.StepFunc(func(_ context.Context, out []session.Value) error {
		w++
		out[0] = session.Float64(w)
		return nil
	}, "w"))
	e.at["Run"], e.at["NewSession"] = lose, lose
	stopAt := program.IntN(40)
	before := &session.HookFuncs{OnBeforeRun: func(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
		if int(w) >= stopAt {
			rc.RequestStop()
		}
		return &session.SessionRunArgs{Fetches: []string{"global_step"}}, lose(ctx)
	}}
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, Hooks: []session.SessionRunHook{before}, Recovery: atOnce,
	})
	require.NoError(t, err)
	var saw []string
	see := func(values session.Values, err error) {
		saw = append(saw, fmt.Sprint(collect(values), err))
	}
	see(s.Run(t.Context(), "train"))
	for range 20 + program.IntN(40) {
		switch program.IntN(6) {
		case 0, 1:
			see(s.Run(t.Context(), "train", "w", "global_step"))
		case 2:
			see(s.Run(t.Context(), "w"))
		case 3:
			saw = append(saw, fmt.Sprint(s.ShouldStop()))
		case 4:
			again := program.IntN(3)
			err := s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
				values, err := sc.RunWithHooks(ctx, "w")
				if err == nil && again == 0 {
					return errBroken
				}
				if err == nil {
					see(values, nil)
				}
				return err
			})
			see(session.Values{}, err)
		case 5:
			see(s.Run(t.Context(), "nothing"))
		}
	}
	saw = append(saw, fmt.Sprint(s.Close()))
	see(s.Run(t.Context(), "train"))
	return saw
}
