package hooks_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// moving is an engine without training of its own whose global step other
// workers increase: steps are what it is found at, one time after the other.
func moving(steps ...int64) *sessiontest.Engine {
	reads := 0
	return &sessiontest.Engine{NoGlobalStep: true, Other: func(string, int64) session.Value {
		step := steps[min(reads, len(steps)-1)]
		reads++
		return session.Int64(step)
	}}
}

// stepped gives an engine a global step that is one of its outputs.
type stepped struct{ *sessiontest.Engine }

func (stepped) GlobalStep() string { return "step" }

func TestHowLongTheFirstRunIsDelayed(t *testing.T) {
	for name, c := range map[string]struct {
		target int64
		steps  []int64
		waits  time.Duration
		logs   int
	}{
		"no target":           {0, []int64{0}, 0, 0},
		"below nothing":       {-5, []int64{0}, 0, 0},
		"it is there":         {10, []int64{10}, 0, 1},
		"it is past":          {10, []int64{17}, 0, 1},
		"two looks":           {1000, []int64{0, 500, 1100}, time.Second, 1},
		"progress is told of": {3000, []int64{0, 1001, 1500, 2002, 3000}, 2 * time.Second, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := new(recorder)
				h := hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{WaitUntilStep: c.target, Logger: slog.New(r)})
				for range 2 { // a hook that is used again waits again
					r.records = nil
					began := time.Now()
					train(t, stepped{moving(c.steps...)}, 3, "train", h)
					require.Equal(t, c.waits, time.Since(began))
					require.Len(t, r.records, c.logs)
				}
			})
		})
	}
}

func TestASessionThatIsCreatedAgainDoesNotWaitAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := moving(0, 10, 0)
		e.Faults = []sessiontest.Fault{{Op: sessiontest.OpTrain, N: 2, Err: session.ErrAborted}}
		h := hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{WaitUntilStep: 10})
		train(t, stepped{e}, 3, "train", h)
		require.Equal(t, 4, e.Count(sessiontest.OpTrain))
	})
}

func TestAWaitIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{WaitUntilStep: 10})
		e := moving(0)
		stopping := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			time.AfterFunc(1700*time.Millisecond, func() { coord.RequestStop(nil) })
			return nil
		}}
		began := time.Now()
		require.Equal(t, 1, train(t, stepped{e}, 3, "train", h, stopping), "the run that waited is made")
		require.Equal(t, 1700*time.Millisecond, time.Since(began))
	})
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, gone)
		defer cancel()
		e := moving(0)
		h := hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{WaitUntilStep: 10})
		err := session.With(ctx, session.Config{Engine: stepped{e}, Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
			return s.RunUntilStop(ctx, "train")
		})
		require.Equal(t, gone, err)
		require.Zero(t, e.Count(sessiontest.OpTrain))
	})
}

func TestAWaiterNeedsAStep(t *testing.T) {
	h := hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{WaitUntilStep: 10})
	require.ErrorIs(t, failing(t, &sessiontest.Engine{NoGlobalStep: true}, h), session.ErrNoGlobalStep)
}
