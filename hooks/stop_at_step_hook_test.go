package hooks_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

func newStop(t testing.TB, config hooks.StopAtStepHookConfig) *hooks.StopAtStepHook {
	t.Helper()
	h, err := hooks.NewStopAtStepHook(config)
	require.NoError(t, err)
	return h
}

func TestABadStopConfigReportsAllOfIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		config hooks.StopAtStepHookConfig
		want   []string
	}{
		{"neither", hooks.StopAtStepHookConfig{}, []string{"neither NumSteps nor LastStep is set, want exactly one"}},
		{"both", hooks.StopAtStepHookConfig{NumSteps: 3, LastStep: 4}, []string{"both NumSteps (3) and LastStep (4) are set, want exactly one"}},
		{"negative NumSteps", hooks.StopAtStepHookConfig{NumSteps: -1}, []string{"NumSteps is -1, want a positive number of steps"}},
		{"negative LastStep", hooks.StopAtStepHookConfig{LastStep: -1}, []string{"LastStep is -1, want a positive step"}},
		{"negative both", hooks.StopAtStepHookConfig{NumSteps: -1, LastStep: -2}, []string{"NumSteps is -1, want a positive number of steps", "LastStep is -2, want a positive step"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := hooks.NewStopAtStepHook(c.config)
			require.Nil(t, h)
			require.Error(t, err)
			require.Equal(t, c.want, faultsOf(t, err, "hooks: StopAtStepHookConfig: "))
		})
	}
}

func TestHowManyRunsThereAreUntilTheStop(t *testing.T) {
	for _, c := range []struct {
		name   string
		config hooks.StopAtStepHookConfig
		from   int64 // where the session begins
		op     string
		want   int
	}{
		{"last step from 0", hooks.StopAtStepHookConfig{LastStep: 10}, 0, "train", 10},
		{"last step from a checkpoint", hooks.StopAtStepHookConfig{LastStep: 10}, 7, "train", 3},
		{"number of steps from 0", hooks.StopAtStepHookConfig{NumSteps: 10}, 0, "train", 10},
		{"number of steps from a checkpoint", hooks.StopAtStepHookConfig{NumSteps: 10}, 7, "train", 10},
		{"one step", hooks.StopAtStepHookConfig{NumSteps: 1}, 7, "train", 1},
		{"no run when it is there already", hooks.StopAtStepHookConfig{LastStep: 7}, 7, "train", 0},
		{"no run when it is past", hooks.StopAtStepHookConfig{LastStep: 7}, 8, "train", 0},
		{"five steps a run that come to the target", hooks.StopAtStepHookConfig{LastStep: 6}, 0, "five", 2},
		{"five steps a run that pass the target are noticed one run late", hooks.StopAtStepHookConfig{LastStep: 3}, 0, "five", 2},
		{"a step that stands still", hooks.StopAtStepHookConfig{LastStep: 1}, 0, "loss", 50},
		{"as many steps as there can be", hooks.StopAtStepHookConfig{NumSteps: math.MaxInt64}, 7, "train", 50},
		{"the last step there can be", hooks.StopAtStepHookConfig{LastStep: math.MaxInt64}, 7, "train", 50},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newTrainer()
			stop := newStop(t, c.config)
			require.Equal(t, c.want, train(t, e, 50, c.op, e.restored(c.from), stop))
		})
	}
}

func TestAReusedStopHookCountsAnew(t *testing.T) {
	stop := newStop(t, hooks.StopAtStepHookConfig{NumSteps: 5})
	e := newTrainer()
	require.Equal(t, 5, train(t, e, 50, "train", stop))
	late := newTrainer()
	require.Equal(t, 5, train(t, late, 50, "train", late.restored(100), stop))
	require.Equal(t, 5, train(t, newTrainer(), 50, "train", stop))
}

func TestASessionThatIsCreatedAgainKeepsItsAim(t *testing.T) {
	stop := newStop(t, hooks.StopAtStepHookConfig{NumSteps: 5})
	runs := 0
	err := session.With(t.Context(), session.Config{Engine: newTrainer(), Hooks: []session.SessionRunHook{stop}}, func(s *session.MonitoredSession) error {
		for !s.ShouldStop() {
			if _, err := s.Run(t.Context(), "train"); err != nil {
				return err
			}
			runs++
			err := s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
				return stop.AfterCreateSession(ctx, sc.Session(), session.NewCoordinator(ctx, session.CoordinatorConfig{}))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 5, runs)
}

func TestAnEngineWithoutAGlobalStepCannotBeStoppedAtOne(t *testing.T) {
	_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: graph.New(), Hooks: []session.SessionRunHook{newStop(t, hooks.StopAtStepHookConfig{NumSteps: 1})}})
	require.ErrorIs(t, err, session.ErrNoGlobalStep)
}

func TestTheRealStepIsReadOnlyWhenTheStopIsNear(t *testing.T) {
	e := &countingEngine{trainer: newTrainer()}
	train(t, e, 50, "train", newStop(t, hooks.StopAtStepHookConfig{LastStep: 10}))
	require.Equal(t, 1+10+1, e.runs, "one to begin with, the steps, one at the end")
}

// A countingEngine counts the runs of its sessions, hooked or not.
type countingEngine struct {
	*trainer
	runs int
}

type countingSession struct {
	session.Initializer
	session.Session
	e *countingEngine
}

func (e *countingEngine) NewSession(ctx context.Context) (session.Session, error) {
	s, err := e.trainer.NewSession(ctx)
	if err != nil {
		return nil, err
	}
	return &countingSession{Initializer: s.(session.Initializer), Session: s, e: e}, nil
}

func (s *countingSession) Run(ctx context.Context, req *session.Request) error {
	s.e.runs++
	return s.Session.Run(ctx, req)
}
