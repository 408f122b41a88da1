package hooks_test

import (
	"context"
	"io"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/session/sessiontest"
	"github.com/runhook/runhook/summary"
)

// hooksAtRest are all hooks of this package with nothing to do: no period ends
// and nothing is found.
var hooksAtRest = map[string]func(t testing.TB) session.SessionRunHook{
	"CheckpointSaverHook": func(t testing.TB) session.SessionRunHook {
		return newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: math.MaxInt64, Saver: new(memorySaver)})
	},
	"EarlyStoppingHook": func(t testing.TB) session.SessionRunHook {
		return made(t)(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{
			RunEverySecs: time.Hour, ShouldStop: func(context.Context) (bool, error) { return false, nil },
		}))
	},
	"FeedFnHook": func(t testing.TB) session.SessionRunHook {
		return made(t)(hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) { return nil, nil }))
	},
	"FinalOpsHook": func(testing.TB) session.SessionRunHook {
		return hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{"loss"}})
	},
	"GlobalStepWaiterHook": func(testing.TB) session.SessionRunHook {
		return hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{WaitUntilStep: 3})
	},
	"LoggingTensorHook": func(t testing.TB) session.SessionRunHook {
		return newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, EveryNIter: math.MaxInt64, Output: io.Discard})
	},
	"NanTensorHook": func(t testing.TB) session.SessionRunHook {
		return made(t)(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss", StopOnNanLoss: true}))
	},
	"ProfilerHook": func(t testing.TB) session.SessionRunHook {
		return made(t)(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: math.MaxInt64, OutputDir: t.TempDir(), SummaryWriter: summary.Discard}))
	},
	"StepCounterHook": func(t testing.TB) session.SessionRunHook {
		return made(t)(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: math.MaxInt64, SummaryWriter: summary.Discard}))
	},
	"StopAfterNEvalsHook": func(t testing.TB) session.SessionRunHook {
		return made(t)(hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: math.MaxInt64}))
	},
	"StopAtCheckpointStepHook": func(t testing.TB) session.SessionRunHook {
		return made(t)(hooks.NewStopAtCheckpointStepHook(hooks.StopAtCheckpointStepHookConfig{ModelDir: t.TempDir(), LastStep: math.MaxInt64}))
	},
	"StopAtSecsHook": func(t testing.TB) session.SessionRunHook { return made(t)(hooks.NewStopAtSecsHook(time.Hour)) },
	"StopAtStepHook": func(t testing.TB) session.SessionRunHook {
		return newStop(t, hooks.StopAtStepHookConfig{LastStep: math.MaxInt64})
	},
}

// made returns what a constructor has made, as a hook.
func made(t testing.TB) func(h session.SessionRunHook, err error) session.SessionRunHook {
	return func(h session.SessionRunHook, err error) session.SessionRunHook {
		t.Helper()
		require.NoError(t, err)
		return h
	}
}

func TestAllHooksAreHooks(t *testing.T) {
	for name, newHook := range hooksAtRest {
		t.Run(name, func(t *testing.T) {
			sessiontest.TestHook(t, func(t *testing.T) session.SessionRunHook { return newHook(t) }, sessiontest.HookOptions{})
		})
	}
}

func TestHooksThatActAreHooks(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	for name, newHook := range map[string]func(t testing.TB) session.SessionRunHook{
		"StepCounterHook": func(t testing.TB) session.SessionRunHook {
			return made(t)(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: 1, OutputDir: t.TempDir(), Logger: quiet}))
		},
		"ProfilerHook": func(t testing.TB) session.SessionRunHook {
			return made(t)(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 1, OutputDir: t.TempDir(), GoHeapProfile: true}))
		},
		"StopAfterNEvalsHook": func(t testing.TB) session.SessionRunHook {
			return made(t)(hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: 3, Logger: quiet}))
		},
		"StopAtSecsHook": func(t testing.TB) session.SessionRunHook { return made(t)(hooks.NewStopAtSecsHook(0)) },
		"EarlyStoppingHook": func(t testing.TB) session.SessionRunHook {
			return made(t)(hooks.NewStopIfHigherHook(hooks.StopIfConfig{EvalDir: t.TempDir(), MetricName: "accuracy", RunEverySteps: 1}))
		},
		"EarlyStoppingHook of a worker": func(t testing.TB) session.SessionRunHook {
			return made(t)(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{IsWorker: true, Flag: new(hooks.LocalStopFlag)}))
		},
		"CheckpointSaverHook with a listener": func(t testing.TB) session.SessionRunHook {
			l, err := hooks.NewEvaluationListener(hooks.EvaluationListenerConfig{Evaluate: func(context.Context, int64) error { return nil }})
			require.NoError(t, err)
			return newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{
				SaveSteps: 1, Saver: new(memorySaver), Listeners: []hooks.CheckpointSaverListener{l},
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			sessiontest.TestHook(t, func(t *testing.T) session.SessionRunHook { return newHook(t) }, sessiontest.HookOptions{Allocates: true})
		})
	}
}

// newIdle returns an engine whose runs do next to nothing.
func newIdle() *graph.Graph {
	e := graph.New()
	e.CreateGlobalStep()
	e.Node("loss", func(context.Context, []session.Value) (session.Value, error) { return session.Float64(0.5), nil })
	e.Train("train")
	return e
}

func openIdle(t testing.TB, h ...session.SessionRunHook) *session.MonitoredSession {
	t.Helper()
	// The test's own context is done before it cleans up.
	s, err := session.NewMonitoredSession(context.Background(), session.Config{Engine: newIdle(), Hooks: h})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for range 10 {
		_, err := s.Run(t.Context(), "train")
		require.NoError(t, err)
	}
	return s
}

func TestAHookAtRestAllocatesNothing(t *testing.T) {
	fetches := []string{"train"}
	alone := openIdle(t)
	without := testing.AllocsPerRun(100, func() { alone.Run(t.Context(), fetches...) })
	for name, newHook := range hooksAtRest {
		t.Run(name, func(t *testing.T) {
			if name == "GlobalStepWaiterHook" {
				newHook = func(testing.TB) session.SessionRunHook {
					return hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{})
				}
			}
			s := openIdle(t, newHook(t))
			require.Equal(t, without, testing.AllocsPerRun(100, func() { s.Run(t.Context(), fetches...) }))
		})
	}
}

// BenchmarkHookAtRest shows what each hook adds to a run, beside one without.
func BenchmarkHookAtRest(b *testing.B) {
	run := func(b *testing.B, s *session.MonitoredSession) {
		fetches := []string{"train"}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Run(b.Context(), fetches...); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("none", func(b *testing.B) { run(b, openIdle(b)) })
	for name, newHook := range hooksAtRest {
		if name == "GlobalStepWaiterHook" {
			continue // it would wait
		}
		b.Run(name, func(b *testing.B) { run(b, openIdle(b, newHook(b))) })
	}
}
