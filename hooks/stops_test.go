package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestATrainingStopsWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := made(hooks.NewStopAtSecsHook(1000 * time.Second))(t)
		time.Sleep(time.Hour) // before the session it does not count
		require.Equal(t, 3, train(t, newTrainer(), 10, "train", paced(500*time.Second, 400*time.Second, 200*time.Second), h))
		require.Equal(t, 2, train(t, newTrainer(), 10, "train", paced(500*time.Second), h), "a hook that is used again begins anew, and 1000 s are enough")
		require.Equal(t, 1, train(t, newTrainer(), 10, "train", made(hooks.NewStopAtSecsHook(0))(t)))
	})
}

func TestALostSessionHasNoMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := made(hooks.NewStopAtSecsHook(10 * time.Second))(t)
		e := &sessiontest.Engine{Faults: []sessiontest.Fault{{Op: sessiontest.OpTrain, N: 2, Delay: 10 * time.Second, Err: session.ErrAborted}}}
		require.Equal(t, 2, train(t, e, 10, "train", h))
	})
}

func TestEvaluationsAreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.StopAfterNEvalsHookConfig
		runs   int
		logged []string
	}{
		"each is logged":           {hooks.StopAfterNEvalsHookConfig{NumEvals: 3}, 3, []string{"1 of 3", "2 of 3", "3 of 3"}},
		"of many every tenth part": {hooks.StopAfterNEvalsHookConfig{NumEvals: 25}, 25, []string{"2 of 25", "4 of 25", "6 of 25", "8 of 25", "10 of 25", "12 of 25", "14 of 25", "16 of 25", "18 of 25", "20 of 25", "22 of 25", "24 of 25", "25 of 25"}},
		"a counter of two a run":   {hooks.StopAfterNEvalsHookConfig{NumEvals: 6, EvalStep: "counter"}, 3, []string{"2 of 6", "4 of 6", "6 of 6"}},
		"without an end":           {hooks.StopAfterNEvalsHookConfig{}, 4, []string{"1", "2", "3", "4"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := new(recorder)
			c.config.Logger = slog.New(r)
			h := made(hooks.NewStopAfterNEvalsHook(c.config))(t)
			for range 2 { // a hook that is used again counts anew
				r.records = nil
				e := &sessiontest.Engine{Outputs: map[string]sessiontest.Output{"counter": func(step int64) session.Value { return session.Int64(2 * step) }}}
				most := 100
				if c.config.NumEvals == 0 {
					most = c.runs
				}
				require.Equal(t, c.runs, train(t, e, most, "train", h))
				var logged []string
				for _, record := range r.records {
					said := attrs(record)
					line := fmt.Sprint(said["done"])
					if of, ok := said["of"]; ok {
						line += fmt.Sprint(" of ", of)
					}
					logged = append(logged, line)
				}
				require.Equal(t, c.logged, logged)
			}
		})
	}
}

func TestACounterOfEvaluationsIsAnInteger(t *testing.T) {
	e := lossOf([]float64{0.5}, nil)
	h := made(hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: 3, EvalStep: "loss"}))(t)
	var wrong *session.TypeError
	require.ErrorAs(t, failing(t, e, h), &wrong)
	h = made(hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: 3, EvalStep: "los"}))(t)
	require.ErrorIs(t, failing(t, e, h), session.ErrUnknownName)
}

// savedAt makes a checkpoint in dir the newest.
func savedAt(t *testing.T, dir string, step int64) {
	t.Helper()
	e := newTrainer()
	s, err := e.NewSession(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.(session.Initializer).Init(t.Context()))
	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{})
	require.NoError(t, err)
	_, err = saver.Save(t.Context(), s, filepath.Join(dir, "model.ckpt"), step)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestAWorkerStopsWhenTheChiefHasSavedTheLastStep(t *testing.T) {
	for name, c := range map[string]struct {
		saved []int64 // one before each run that looks, -1: none
		runs  int
		waits time.Duration
	}{
		"it is there":            {[]int64{10}, 10, 0},
		"a later one is there":   {[]int64{12}, 10, 0},
		"there is none at first": {[]int64{-1, 10}, 11, 30 * time.Second},
		"there is one before":    {[]int64{9, 9, 10}, 12, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				h := made(hooks.NewStopAtCheckpointStepHook(hooks.StopAtCheckpointStepHookConfig{ModelDir: dir, LastStep: 10}))(t)
				runs := 0
				chief := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
					if runs++; runs >= 10 {
						if step := c.saved[min(runs-10, len(c.saved)-1)]; step >= 0 {
							savedAt(t, dir, step)
						}
					}
					return nil
				}}
				began := time.Now()
				require.Equal(t, c.runs, train(t, newTrainer(), 20, "train", chief, h))
				require.Equal(t, c.waits, time.Since(began))
			})
		})
	}
}

func TestAWaitForACheckpointEndsWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := made(hooks.NewStopAtCheckpointStepHook(hooks.StopAtCheckpointStepHookConfig{ModelDir: t.TempDir(), LastStep: 1, WaitAfterFileCheckSecs: time.Hour}))(t)
		stopping := &session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
			time.AfterFunc(time.Minute, func() { coord.RequestStop(nil) })
			return nil
		}}
		began := time.Now()
		require.Equal(t, 1, train(t, newTrainer(), 20, "train", stopping, h))
		require.Equal(t, time.Minute, time.Since(began))

		gone := errors.New("gone")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, gone)
		defer cancel()
		require.Equal(t, gone, session.With(ctx, session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
			return s.RunUntilStop(ctx, "train")
		}))
	})
}

func TestAFolderOfCheckpointsThatIsDamagedIsAnError(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), []byte(`model_checkpoint_path: ""`), 0o666))
	h := made(hooks.NewStopAtCheckpointStepHook(hooks.StopAtCheckpointStepHookConfig{ModelDir: dir, LastStep: 1}))(t)
	require.ErrorContains(t, failing(t, newTrainer(), h), dir)
	require.ErrorIs(t, failing(t, &sessiontest.Engine{NoGlobalStep: true}, h), session.ErrNoGlobalStep)
}
