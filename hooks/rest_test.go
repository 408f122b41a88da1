package hooks_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"
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
	"EMAHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", EverySteps: math.MaxInt64, SummaryWriter: summary.Discard}))(t)
	},
	"EarlyStoppingHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{
			RunEverySecs: time.Hour, ShouldStop: func(context.Context) (bool, error) { return false, nil },
		}))(t)
	},
	"FeedFnHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewFeedFnHook(func(context.Context) (session.Feeds, error) { return nil, nil }))(t)
	},
	"FinalOpsHook": func(testing.TB) session.SessionRunHook {
		return hooks.NewFinalOpsHook(hooks.FinalOpsHookConfig{FinalOps: []string{"loss"}})
	},
	"FuncEvery": func(t testing.TB) session.SessionRunHook {
		return made(hooks.FuncEvery(hooks.FuncEveryConfig{EverySecs: time.Hour, Func: doNothing}))(t)
	},
	"GlobalStepWaiterHook": func(testing.TB) session.SessionRunHook {
		return hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{WaitUntilStep: 3})
	},
	"HParamsHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewHParamsHook(hooks.HParamsHookConfig{Start: someHParams, OutputDir: t.TempDir()}))(t)
	},
	"InMemoryEvaluatorHook": func(t testing.TB) session.SessionRunHook {
		return newEvaluator(t, hooks.InMemoryEvaluatorHookConfig{EveryNIter: math.MaxInt64, SummaryWriter: summary.Discard})
	},
	"LearningRateHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{
			Placeholder: "rate", Schedule: hooks.ConstantSchedule(0.1), EverySteps: math.MaxInt64, SummaryWriter: summary.Discard,
		}))(t)
	},
	"LoggingTensorHook": func(t testing.TB) session.SessionRunHook {
		return newLogging(t, hooks.LoggingTensorHookConfig{Tensors: []string{"loss"}, EveryNIter: math.MaxInt64, Output: io.Discard})
	},
	"MemoryHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewMemoryHook(hooks.MemoryHookConfig{EverySecs: time.Hour, SummaryWriter: summary.Discard}))(t)
	},
	"NanTensorHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss", StopOnNanLoss: true}))(t)
	},
	"ProfilerHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: math.MaxInt64, OutputDir: t.TempDir(), SummaryWriter: summary.Discard}))(t)
	},
	"ProgressHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewProgressHook(hooks.ProgressHookConfig{Total: math.MaxInt64, Values: []string{"loss"}, EverySteps: math.MaxInt64, Output: io.Discard}))(t)
	},
	"SignalHook": func(testing.TB) session.SessionRunHook { return hooks.NewSignalHook(hooks.SignalHookConfig{}) },
	"StepCounterHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: math.MaxInt64, SummaryWriter: summary.Discard}))(t)
	},
	"StopAfterNEvalsHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: math.MaxInt64}))(t)
	},
	"StopAtCheckpointStepHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewStopAtCheckpointStepHook(hooks.StopAtCheckpointStepHookConfig{ModelDir: t.TempDir(), LastStep: math.MaxInt64}))(t)
	},
	"StopAtSecsHook": func(t testing.TB) session.SessionRunHook { return made(hooks.NewStopAtSecsHook(time.Hour))(t) },
	"StopAtStepHook": func(t testing.TB) session.SessionRunHook {
		return newStop(t, hooks.StopAtStepHookConfig{LastStep: math.MaxInt64})
	},
	"TimeoutHook": func(t testing.TB) session.SessionRunHook {
		return made(hooks.NewTimeoutHook(hooks.TimeoutHookConfig{Timeout: time.Hour}))(t)
	},
}

func doNothing(context.Context, session.Session, int64, session.Values) error { return nil }

var someHParams = summary.HParamsStart{HParams: summary.HParams{"rate": 0.1}}

// newEvaluator returns a hook that evaluates an engine whose "loss" is the "w" of
// the training.
func newEvaluator(t testing.TB, config hooks.InMemoryEvaluatorHookConfig) *hooks.InMemoryEvaluatorHook {
	t.Helper()
	if config.Engine == nil {
		config.Engine = newEvaluated()
	}
	config.Metrics, config.Steps = map[string]string{"loss": "loss"}, 2
	return made(hooks.NewInMemoryEvaluatorHook(config))(t)
}

// newEvaluated returns the engine of an evaluation.
func newEvaluated() *graph.Graph {
	e := graph.New()
	e.Variable("w", func() session.Value { return session.Float64(-1) })
	e.Node("loss", func(_ context.Context, in []session.Value) (session.Value, error) { return in[0], nil }, "w")
	return e
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
			return made(hooks.NewStepCounterHook(hooks.StepCounterHookConfig{EveryNSteps: 1, OutputDir: t.TempDir(), Logger: quiet}))(t)
		},
		"ProfilerHook": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 1, OutputDir: t.TempDir(), GoHeapProfile: true}))(t)
		},
		"EMAHook": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewEMAHook(hooks.EMAHookConfig{Fetch: "loss", EverySteps: 2, OutputDir: t.TempDir()}))(t)
		},
		"FuncEvery": func(t testing.TB) session.SessionRunHook {
			return made(hooks.FuncEvery(hooks.FuncEveryConfig{EverySteps: 1, Fetches: []string{"loss"}, Func: doNothing}))(t)
		},
		"HParamsHook": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewHParamsHook(hooks.HParamsHookConfig{Start: someHParams, SummaryWriter: summary.Discard}))(t)
		},
		"LearningRateHook": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewLearningRateHook(hooks.LearningRateHookConfig{
				Placeholder: "rate", Schedule: hooks.CosineDecay(0.1, 5, 0), EverySteps: 2, OutputDir: t.TempDir(),
			}))(t)
		},
		"MemoryHook": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewMemoryHook(hooks.MemoryHookConfig{EverySteps: 1, OutputDir: t.TempDir()}))(t)
		},
		"ProgressHook": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewProgressHook(hooks.ProgressHookConfig{Values: []string{"loss"}, EverySteps: 1, Output: io.Discard}))(t)
		},
		"ProgressHook that is quiet": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewProgressHook(hooks.ProgressHookConfig{Quiet: true}))(t)
		},
		"StopAfterNEvalsHook": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewStopAfterNEvalsHook(hooks.StopAfterNEvalsHookConfig{NumEvals: 3, Logger: quiet}))(t)
		},
		"StopAtSecsHook": func(t testing.TB) session.SessionRunHook { return made(hooks.NewStopAtSecsHook(0))(t) },
		"EarlyStoppingHook": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewStopIfHigherHook(hooks.StopIfConfig{EvalDir: t.TempDir(), MetricName: "accuracy", RunEverySteps: 1}))(t)
		},
		"EarlyStoppingHook of a worker": func(t testing.TB) session.SessionRunHook {
			return made(hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{IsWorker: true, Flag: new(hooks.LocalStopFlag)}))(t)
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
	e.Placeholder("rate", session.Float64(0))
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
				newHook = noWait
			}
			s := openIdle(t, newHook(t))
			require.Equal(t, without, testing.AllocsPerRun(100, func() { s.Run(t.Context(), fetches...) }))
		})
	}
}

// BenchmarkHookAtRest tells as ns/hook what a hook adds to a run: the fastest of
// many batches of runs with it, less the fastest of those without, in turn.
func BenchmarkHookAtRest(b *testing.B) {
	const batch = 1000
	fetches := []string{"train"}
	for _, name := range slices.Sorted(maps.Keys(hooksAtRest)) {
		b.Run(name, func(b *testing.B) {
			newHook := hooksAtRest[name]
			if name == "GlobalStepWaiterHook" {
				newHook = noWait
			}
			sessions := [2]*session.MonitoredSession{openIdle(b), openIdle(b, newHook(b))}
			best := [2]time.Duration{math.MaxInt64, math.MaxInt64}
			for b.Loop() {
				for i, s := range sessions {
					began := time.Now()
					for range batch {
						if _, err := s.Run(b.Context(), fetches...); err != nil {
							b.Fatal(err)
						}
					}
					best[i] = min(best[i], time.Since(began))
				}
			}
			b.ReportMetric(float64(best[0])/batch, "ns/run-without")
			b.ReportMetric(float64(best[1]-best[0])/batch, "ns/hook")
		})
	}
}

// noWait returns a GlobalStepWaiterHook whose time is over.
func noWait(testing.TB) session.SessionRunHook {
	return hooks.NewGlobalStepWaiterHook(hooks.GlobalStepWaiterHookConfig{})
}
