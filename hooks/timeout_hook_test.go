package hooks_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// slow is an engine whose n-th training run takes a time, if its context is not
// done before.
func slow(n int, takes time.Duration) *sessiontest.Engine {
	return &sessiontest.Engine{Faults: []sessiontest.Fault{{Op: sessiontest.OpTrain, N: n, Delay: takes}}}
}

func TestARunThatTakesTooLongEndsTheTraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(recorder)
		h := made(hooks.NewTimeoutHook(hooks.TimeoutHookConfig{Timeout: time.Minute, Logger: slog.New(r)}))(t)
		e := slow(3, time.Hour)
		err := failing(t, e, paced(50*time.Second), h)
		require.ErrorIs(t, err, hooks.ErrTimeout)
		require.ErrorContains(t, err, "hooks: a run takes too long: more than 1m0s")
		require.Equal(t, 3, e.Count(sessiontest.OpTrain), "the run is left alone, and was the last")
		require.Len(t, r.records, 1)
		require.Equal(t, slog.LevelError, r.records[0].Level)
	})
}

func TestARunThatTakesTooLongIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		h := made(hooks.NewTimeoutHook(hooks.TimeoutHookConfig{Timeout: time.Minute, Cancel: cancel}))(t)
		began := time.Now()
		err := session.With(ctx, session.Config{Engine: slow(3, time.Hour), Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
			return s.RunUntilStop(ctx, session.TrainOp)
		})
		require.ErrorIs(t, err, hooks.ErrTimeout)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

func TestRunsThatAreFastEnoughAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := made(hooks.NewTimeoutHook(hooks.TimeoutHookConfig{Timeout: time.Minute}))(t)
		between := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
			time.Sleep(time.Hour) // behind the hook in the list: its run is over
			return nil
		}}
		e := slow(2, 59*time.Second)
		require.Equal(t, 3, train(t, e, 3, "train", h, between))
		time.Sleep(time.Hour)
		require.Equal(t, 2, train(t, &sessiontest.Engine{}, 2, "train", h), "a hook that is used again begins anew")
	})
}

func TestTheTimeBeginsAnewInASessionThatIsCreatedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := made(hooks.NewTimeoutHook(hooks.TimeoutHookConfig{Timeout: time.Minute}))(t)
		e := &sessiontest.Engine{Faults: []sessiontest.Fault{
			{Op: sessiontest.OpTrain, N: 2, Delay: 50 * time.Second, Err: session.ErrAborted},
			{Op: sessiontest.OpTrain, N: 3, Delay: 50 * time.Second},
		}}
		require.Equal(t, 3, train(t, e, 3, "train", h))
	})
}
