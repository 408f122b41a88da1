package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

func TestWhichCheckpointsAreEvaluated(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.EvaluationListenerConfig
		runs   int
		want   []int64
	}{
		"each but the first":             {hooks.EvaluationListenerConfig{}, 4, []int64{2, 4}},
		"the last one in any case":       {hooks.EvaluationListenerConfig{}, 5, []int64{2, 4, 5}},
		"not so soon":                    {hooks.EvaluationListenerConfig{EvalThrottleSecs: 25 * time.Second}, 8, []int64{2, 6, 8}},
		"not after so few steps":         {hooks.EvaluationListenerConfig{EvalThrottleSteps: 3}, 9, []int64{2, 6, 9}},
		"without training, the only one": {hooks.EvaluationListenerConfig{}, 0, []int64{0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var steps []int64
				c.config.Evaluate = func(_ context.Context, step int64) error {
					steps = append(steps, step)
					return nil
				}
				l, err := hooks.NewEvaluationListener(c.config)
				require.NoError(t, err)
				h := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 2, Saver: new(memorySaver), Listeners: []hooks.CheckpointSaverListener{l}})
				for range 2 { // in a second job it begins anew
					steps = nil
					train(t, newTrainer(), c.runs, "train", paced(10*time.Second), h)
					require.Equal(t, c.want, steps)
				}
			})
		})
	}
}

func TestWhatIsCalledAroundAnEvaluation(t *testing.T) {
	var notes []string
	note := func(what string) func(context.Context, int64) (bool, error) {
		return func(_ context.Context, step int64) (bool, error) {
			notes = append(notes, fmt.Sprint(what, " ", step))
			return true, nil
		}
	}
	job := func(config hooks.EvaluationListenerConfig) (runs int) {
		notes = nil
		config.Evaluate = func(ctx context.Context, step int64) error {
			_, err := note("evaluate")(ctx, step)
			return err
		}
		l, err := hooks.NewEvaluationListener(config)
		require.NoError(t, err)
		return train(t, newTrainer(), 5, "train",
			newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 2, Saver: new(memorySaver), Listeners: []hooks.CheckpointSaverListener{l}}))
	}
	stops := func(context.Context, int64) (bool, error) { return false, nil }
	require.Equal(t, 5, job(hooks.EvaluationListenerConfig{BeforeEval: note("before"), AfterEval: note("after"), EvalThrottleSteps: 10}))
	require.Equal(t, []string{"before 2", "evaluate 2", "after 2", "before 4", "before 5", "before 5", "evaluate 5", "after 5"}, notes)
	require.Equal(t, 2, job(hooks.EvaluationListenerConfig{AfterEval: stops}))
	require.Equal(t, []string{"evaluate 2"}, notes)
	require.Equal(t, 2, job(hooks.EvaluationListenerConfig{BeforeEval: stops}))
	require.Empty(t, notes)
}

func TestAnEvaluationThatFailsEndsTheTraining(t *testing.T) {
	fails := func(context.Context, int64) (bool, error) { return true, errBroken }
	fine := func(context.Context, int64) error { return nil }
	for name, config := range map[string]hooks.EvaluationListenerConfig{
		"itself": {Evaluate: func(context.Context, int64) error { return errBroken }},
		"before": {Evaluate: fine, BeforeEval: fails},
		"after":  {Evaluate: fine, AfterEval: fails},
	} {
		l, err := hooks.NewEvaluationListener(config)
		require.NoError(t, err)
		h := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 2, Saver: new(memorySaver), Listeners: []hooks.CheckpointSaverListener{l}})
		require.ErrorIs(t, failing(t, newTrainer(), h), errBroken, name)
	}
}

// newLearner is an engine whose training op adds 1 to its variable "w".
func newLearner() *graph.Graph {
	e := graph.New()
	e.CreateGlobalStep()
	e.Variable("w", func() session.Value { return session.Float64(0) })
	e.Variable("only here", func() session.Value { return session.Float64(7) })
	e.Node("w+1", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		return session.Float64(w + 1), nil
	}, "w")
	e.Assign("learn", "w", "w+1")
	e.Train("train", "learn")
	return e
}

func TestWhatIsTrainedIsEvaluatedInMemory(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.InMemoryEvaluatorHookConfig
		runs   int
		want   []string
	}{
		"every 4 runs":                         {hooks.InMemoryEvaluatorHookConfig{EveryNIter: 4}, 10, []string{"START@0", "0: loss=0", "4: loss=4", "8: loss=8", "10: loss=10"}},
		"the last run only once":               {hooks.InMemoryEvaluatorHookConfig{EveryNIter: 5}, 10, []string{"START@0", "0: loss=0", "5: loss=5", "10: loss=10"}},
		"by time":                              {hooks.InMemoryEvaluatorHookConfig{EveryNSecs: 25 * time.Second}, 7, []string{"START@0", "0: loss=0", "3: loss=3", "6: loss=6", "7: loss=7"}},
		"every 100 runs, which is the default": {hooks.InMemoryEvaluatorHookConfig{}, 150, []string{"START@0", "0: loss=0", "100: loss=100", "150: loss=150"}},
		"without training":                     {hooks.InMemoryEvaluatorHookConfig{}, 0, []string{"START@0", "0: loss=0"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.config.OutputDir = t.TempDir()
				h := newEvaluator(t, c.config)
				require.Equal(t, filepath.Join(c.config.OutputDir, "eval"), h.EvalDir())
				train(t, newLearner(), c.runs, "train", paced(10*time.Second), h)
				require.Equal(t, c.want, eventLines(t, h.EvalDir()))
			})
		})
	}
}

func TestAnEvaluationHasRunsHooksAndAName(t *testing.T) {
	e := newEvaluated()
	updates := 0
	e.Node("update", func(context.Context, []session.Value) (session.Value, error) {
		if updates++; updates%4 == 0 {
			return session.Value{}, session.ErrOutOfRange
		}
		return session.Int64(int64(updates)), nil
	})
	runs := 0
	counting := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
		runs++
		return nil
	}}
	var told []string
	h := made(hooks.NewInMemoryEvaluatorHook(hooks.InMemoryEvaluatorHookConfig{
		Engine: e, Metrics: map[string]string{"quality/loss": "loss", "w": "w"}, Update: []string{"update"}, Hooks: []session.SessionRunHook{counting},
		Name: "all", OutputDir: "nowhere", SummaryWriter: summary.Discard, EveryNIter: 10,
		OnEvaluated: func(_ context.Context, step int64, metrics map[string]float64) error {
			told = append(told, fmt.Sprint(step, metrics))
			return nil
		},
	}))(t)
	require.Equal(t, filepath.Join("nowhere", "eval_all"), h.EvalDir())
	require.Equal(t, "InMemoryEvaluatorHook(all)", h.Name())
	train(t, newLearner(), 2, "train", h)
	require.Equal(t, []string{"0 map[quality/loss:0 w:0]", "2 map[quality/loss:2 w:2]"}, told)
	require.Equal(t, 6, runs, "of the engine's input there were three, twice")
	require.NoDirExists(t, "nowhere")
}

func TestALostSessionIsEvaluatedAnew(t *testing.T) {
	var steps []int64
	h := newEvaluator(t, hooks.InMemoryEvaluatorHookConfig{EveryNIter: 100, OnEvaluated: func(_ context.Context, step int64, _ map[string]float64) error {
		steps = append(steps, step)
		return nil
	}})
	require.Empty(t, h.EvalDir())
	runs := 0
	losing := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
		if runs++; runs == 2 {
			return session.ErrAborted
		}
		return nil
	}}
	synctest.Test(t, func(t *testing.T) { train(t, newLearner(), 3, "train", losing, h) })
	require.Equal(t, []int64{0, 0, 2}, steps, "variables begin anew")
}

func TestAnEvaluationInMemoryThatFails(t *testing.T) {
	good := func() hooks.InMemoryEvaluatorHookConfig {
		return hooks.InMemoryEvaluatorHookConfig{Engine: newEvaluated(), Metrics: map[string]string{"loss": "loss"}, Steps: 1, SummaryWriter: summary.Discard}
	}
	for name, c := range map[string]struct {
		change func(c *hooks.InMemoryEvaluatorHookConfig)
		engine session.Engine
		want   string
	}{
		"a saver of its own": {change: func(c *hooks.InMemoryEvaluatorHookConfig) { c.Scaffold = &session.Scaffold{Saver: new(memorySaver)} },
			want: "the evaluation's Scaffold has a Saver"},
		"an init function of its own": {change: func(c *hooks.InMemoryEvaluatorHookConfig) {
			c.Scaffold = &session.Scaffold{InitFn: func(context.Context, *session.Scaffold, session.Session) error { return nil }}
		}, want: "the evaluation's Scaffold has an InitFn"},
		"an unknown metric": {change: func(c *hooks.InMemoryEvaluatorHookConfig) { c.Metrics = map[string]string{"m": "los"} },
			want: `metric "m" of the evaluation: unknown name "los"`},
		"an unknown update": {change: func(c *hooks.InMemoryEvaluatorHookConfig) { c.Update = []string{"updat"} },
			want: `update of the evaluation: unknown name "updat"`},
		"a metric that is no number": {change: func(c *hooks.InMemoryEvaluatorHookConfig) {
			e := newEvaluated()
			e.Node("text", func(context.Context, []session.Value) (session.Value, error) { return session.String("good"), nil })
			c.Engine, c.Metrics = e, map[string]string{"m": "text"}
		}, want: `metric "m" is good, want a number`},
		"the evaluation": {change: func(c *hooks.InMemoryEvaluatorHookConfig) {
			e := newEvaluated()
			e.Node("broken", func(context.Context, []session.Value) (session.Value, error) { return session.Value{}, errBroken })
			c.Engine, c.Metrics = e, map[string]string{"m": "broken"}
		}, want: "evaluation of step 0: "},
		"what is told": {change: func(c *hooks.InMemoryEvaluatorHookConfig) {
			c.OnEvaluated = func(context.Context, int64, map[string]float64) error { return errBroken }
		}, want: "broken"},
		"a training that cannot be read":   {engine: unsaveable{newLearner()}, want: "the training's session is no Saveable"},
		"an evaluation that cannot be set": {change: func(c *hooks.InMemoryEvaluatorHookConfig) { c.Engine = unsaveable{newEvaluated()} }, want: "the evaluation's session is no Saveable"},
	} {
		t.Run(name, func(t *testing.T) {
			config := good()
			if c.change != nil {
				c.change(&config)
			}
			engine := c.engine
			if engine == nil {
				engine = newLearner()
			}
			require.ErrorContains(t, failing(t, engine, made(hooks.NewInMemoryEvaluatorHook(config))(t)), c.want)
		})
	}
	unsure := errors.New("not sure")
	config := good()
	config.OnEvaluated = func(_ context.Context, step int64, _ map[string]float64) error {
		if step > 0 {
			return unsure
		}
		return nil
	}
	err := session.With(t.Context(), session.Config{Engine: newLearner(), Hooks: []session.SessionRunHook{made(hooks.NewInMemoryEvaluatorHook(config))(t)}},
		func(s *session.MonitoredSession) error {
			_, err := s.Run(t.Context(), "train")
			return err
		})
	require.ErrorIs(t, err, unsure, "at the end")
}
