package sessiontest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// bentHooks break the rules named, and no other.
var bentHooks = []struct {
	name   string
	breaks []string
	make   func(t *testing.T, outputs map[string]sessiontest.Output) session.SessionRunHook
}{
	{"End fails", []string{"begins-anew", "context", "every-ending", "recovery", "session", "args", "idle-run", "keeps-nothing", "original-args", "resolve"},
		bend(func(h *bentHook) {
			h.end = func(context.Context, session.Session) error { return errBent }
		})},
	{"a method has a letter too many", []string{"method-names"}, hook(misspelt{})},
	{"a method is written in other capitals", []string{"method-names"}, hook(&shouting{})},
	{"a method has two letters swapped", []string{"method-names"}, hook(swapped{})},
	{"CloseSession has other parameters", []string{"method-names"}, hook(careless{})},
	{"CloseSession belongs to the pointer", []string{"method-names"}, hook(byPointer{})},
	{"a fetch is not resolved", []string{"resolve"}, bend(func(h *bentHook) {
		h.begin = func(_ context.Context, graph session.Graph) (err error) {
			h.step, err = session.NewGlobalStep(graph)
			h.args.Fetches, h.runs = []string{"loss"}, 0
			return err
		}
	})},
	{"what End reads is not resolved", []string{"resolve"}, bend(func(h *bentHook) {
		h.end = func(ctx context.Context, s session.Session) error {
			_, err := session.Eval(ctx, s, "accuracy")
			return err
		}
	})},
	{"the error of Resolve is ignored", []string{"unknown-name"}, bend(func(h *bentHook) {
		h.begin = func(ctx context.Context, graph session.Graph) error {
			if err := h.goodHook.Begin(ctx, graph); errors.Is(err, session.ErrUnknownName) && h.step != nil {
				return nil
			} else {
				return err
			}
		}
	})},
	{"the error of Resolve is replaced", []string{"every-ending", "unknown-name"}, bend(func(h *bentHook) {
		h.begin = func(ctx context.Context, graph session.Graph) error {
			if err := h.goodHook.Begin(ctx, graph); err != nil && !errors.Is(err, session.ErrNoGlobalStep) {
				return errBent
			} else {
				return err
			}
		}
	})},
	{"that there is no global step is an error of its own", []string{"no-global-step"}, bend(func(h *bentHook) {
		h.begin = func(ctx context.Context, graph session.Graph) error {
			err := h.goodHook.Begin(ctx, graph)
			if errors.Is(err, session.ErrNoGlobalStep) {
				return errBent
			}
			return err
		}
	})},
	{"that there is no global step is found out late", []string{"no-global-step"}, bend(func(h *bentHook) {
		h.begin = func(ctx context.Context, graph session.Graph) error {
			h.step = nil
			err := h.goodHook.Begin(ctx, graph)
			if errors.Is(err, session.ErrNoGlobalStep) {
				return nil
			}
			return err
		}
		h.afterCreate = func(ctx context.Context, s session.Session, coord *session.Coordinator) error {
			if h.step == nil {
				return session.ErrNoGlobalStep
			}
			return h.goodHook.AfterCreateSession(ctx, s, coord)
		}
	})},
	{"the args change during the run", []string{"args"}, func(t *testing.T, outputs map[string]sessiontest.Output) session.SessionRunHook {
		h := new(bentHook)
		h.beforeRun = func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			h.args.Fetches[1] = "loss"
			return &h.args, nil
		}
		outputs["loss"] = func(step int64) session.Value { // in the middle of the run
			if h.args.Fetches != nil {
				h.args.Fetches[1] = "w"
			}
			return session.Float64(1)
		}
		return h
	}},
	{"the caller's args are returned", []string{"args"}, bend(func(h *bentHook) {
		h.beforeRun = func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			return rc.OriginalArgs(), nil
		}
	})},
	{"the caller's args are changed", []string{"idle-run", "original-args"}, bend(func(h *bentHook) {
		h.beforeRun = func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			rc.OriginalArgs().Feeds = session.Feeds{"loss": session.Float64(1)}
			return nil, nil
		}
	})},
	{"the caller's args are changed after the run", []string{"original-args"}, bend(func(h *bentHook) {
		h.afterRun = func(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
			rc.OriginalArgs().Fetches = nil
			return nil
		}
	})},
	{"a context is kept", []string{"keeps-nothing"}, bend(func(h *bentHook) {
		var kept context.Context
		h.begin = func(ctx context.Context, graph session.Graph) error {
			kept = ctx
			return h.goodHook.Begin(ctx, graph)
		}
		h.close = func(context.Context, error) error {
			if kept == nil {
				return errBent
			}
			return nil
		}
	})},
	{"a context is used later", []string{"keeps-nothing"}, bend(func(h *bentHook) {
		var kept context.Context
		h.begin = func(ctx context.Context, graph session.Graph) error {
			kept = ctx
			return h.goodHook.Begin(ctx, graph)
		}
		h.beforeRun = func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			if kept != nil {
				kept.Err()
			}
			kept = nil
			return nil, nil
		}
	})},
	{"values are kept", []string{"keeps-nothing"}, bend(func(h *bentHook) {
		h.afterRun = func(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
			h.best = values.Results
			return nil
		}
	})},
	{"a tensor is kept", []string{"keeps-nothing"}, bend(func(h *bentHook) {
		var kept session.Tensor
		h.begin = func(ctx context.Context, graph session.Graph) error {
			err := errors.Join(h.goodHook.Begin(ctx, graph), graph.Resolve("w"))
			h.args.Fetches = []string{"w"}
			return err
		}
		h.afterRun = func(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
			if v, ok := values.Results.Lookup("w"); ok {
				kept, _ = v.Tensor()
			}
			return nil
		}
		h.end = func(context.Context, session.Session) error {
			if len(kept.Shape) > 5 {
				return errBent
			}
			return nil
		}
	})},
	{"the run context is kept", []string{"keeps-nothing"}, bend(func(h *bentHook) {
		var kept *session.SessionRunContext
		h.beforeRun = func(_ context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			kept = rc
			return nil, nil
		}
		h.close = func(context.Context, error) error {
			if kept != nil && kept.Session() == nil {
				return errBent
			}
			return nil
		}
	})},
	{"runs are counted over all sessions", []string{"begins-anew"}, bend(func(h *bentHook) {
		h.begin = func(ctx context.Context, graph session.Graph) error {
			runs := h.runs
			err := h.goodHook.Begin(ctx, graph)
			h.runs = runs
			return err
		}
	})},
	{"the step must not go down from session to session", []string{"begins-anew"}, bend(func(h *bentHook) {
		last := int64(-1)
		h.afterCreate = func(ctx context.Context, s session.Session, coord *session.Coordinator) error {
			step, err := h.step.Read(ctx, s)
			if err == nil && step < last && h.runs == 0 {
				return errBent
			}
			last = step
			return err
		}
	})},
	{"a session that is created again is refused", []string{"recovery"}, bend(func(h *bentHook) {
		h.afterCreate = func(ctx context.Context, s session.Session, coord *session.Coordinator) error {
			if h.runs > 1 {
				return errBent
			}
			return h.goodHook.AfterCreateSession(ctx, s, coord)
		}
	})},
	{"CloseSession counts on a session", []string{"begins-anew", "every-ending", "goroutines", "no-global-step", "unknown-name"}, bend(func(h *bentHook) {
		var ended *bool
		h.begin = func(ctx context.Context, graph session.Graph) error {
			ended = nil
			return h.goodHook.Begin(ctx, graph)
		}
		h.afterCreate = func(ctx context.Context, s session.Session, coord *session.Coordinator) error {
			ended = new(bool)
			return nil
		}
		h.close = func(context.Context, error) error {
			*ended = true
			return nil
		}
	})},
	{"a goroutine is stopped by End", []string{"goroutines"}, bend(func(h *bentHook) {
		var stop chan struct{}
		h.afterCreate = func(ctx context.Context, s session.Session, coord *session.Coordinator) error {
			stopped := make(chan struct{})
			stop = stopped
			go func() {
				select {
				case <-stopped:
				case <-time.After(time.Hour):
				}
			}()
			return nil
		}
		h.end = func(context.Context, session.Session) error {
			close(stop)
			return nil
		}
	})},
	{"the session is run during a run", []string{"one-at-a-time"}, func(t *testing.T, outputs map[string]sessiontest.Output) session.SessionRunHook {
		h := new(bentHook)
		var kept session.Session
		h.afterCreate = func(_ context.Context, s session.Session, _ *session.Coordinator) error {
			kept = s
			return nil
		}
		h.close = func(context.Context, error) error {
			kept = nil
			return nil
		}
		outputs["loss"] = func(step int64) session.Value {
			if kept != nil {
				kept.Run(context.Background(), &session.Request{})
			}
			return session.Float64(1)
		}
		return h
	}},
	{"an error of the engine is swallowed", []string{"engine-errors"}, bend(func(h *bentHook) {
		h.end = func(ctx context.Context, s session.Session) error {
			session.Eval(ctx, s, "loss")
			return nil
		}
	})},
	{"a number is expected", []string{"odd-values"}, bend(func(h *bentHook) {
		h.afterRun = func(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
			if v, ok := values.Results.Lookup("loss"); ok {
				_ = v.Any().(float64)
			}
			return nil
		}
	})},
	{"the end of the context gets another name", []string{"context"}, bend(func(h *bentHook) {
		h.beforeRun = func(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			if ctx.Err() != nil {
				return nil, errBent
			}
			return nil, nil
		}
	})},
	{"a hook waits for what does not come", []string{"context"}, func(t *testing.T, _ map[string]sessiontest.Output) session.SessionRunHook {
		h := new(bentHook)
		never := make(chan struct{})
		t.Cleanup(func() { close(never) })
		h.beforeRun = func(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			if ctx.Err() != nil {
				<-never
			}
			return nil, nil
		}
		return h
	}},
	{"args are made anew", []string{"idle-run"}, bend(func(h *bentHook) {
		h.beforeRun = func(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			return &session.SessionRunArgs{Fetches: []string{h.step.Name()}}, nil
		}
	})},
}

func TestEachRuleForHooksIsBrokenByABentOne(t *testing.T) {
	leaktest.Check(t)
	rules := sessiontest.HookRules()
	missed := sessiontest.HookRules()
	for _, bent := range bentHooks {
		t.Run(bent.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				defer letStragglersEnd()
				options := sessiontest.HookOptions{Outputs: outputs()}
				err := sessiontest.CheckHook(func() session.SessionRunHook { return bent.make(t, options.Outputs) }, options)
				slices.Sort(bent.breaks)
				require.Equal(t, bent.breaks, brokenRules(t, err, rules), "%v", err)
			})
		})
		for _, name := range bent.breaks {
			delete(missed, name)
		}
	}
	require.Empty(t, missed, "rules that nothing breaks")
	require.NoError(t, sessiontest.CheckHook(func() session.SessionRunHook { return new(goodHook) }, sessiontest.HookOptions{Outputs: outputs()}))
}

func TestAGoroutineThatRunsTheSessionIsCaught(t *testing.T) {
	leaktest.Check(t)
	err := sessiontest.CheckHook(func() session.SessionRunHook {
		h := new(bentHook)
		h.afterCreate = func(_ context.Context, s session.Session, coord *session.Coordinator) error {
			coord.Go("reader", func(ctx context.Context) error {
				for ctx.Err() == nil {
					s.Run(ctx, &session.Request{Fetches: []string{"loss"}, Values: make([]session.Value, 1)})
				}
				return nil
			})
			return nil
		}
		return h
	}, sessiontest.HookOptions{Outputs: outputs()})
	require.Contains(t, brokenRules(t, err, sessiontest.HookRules()), "one-at-a-time")
}

func TestMethodsThatOnlyLookLikePhases(t *testing.T) {
	leaktest.Check(t)
	newHook := func() session.SessionRunHook { return new(lookalike) }
	err := sessiontest.CheckHook(newHook, sessiontest.HookOptions{})
	require.ErrorContains(t, err, "*sessiontest_test.lookalike has a method Begins, which looks like Begin and is not called")
	require.NotContains(t, err.Error(), "Send")
	require.NoError(t, sessiontest.CheckHook(newHook, sessiontest.HookOptions{Methods: []string{"Begins"}}))
}

func TestAHookThatNeverReturnsIsAFault(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		defer letStragglersEnd()
		never := make(chan struct{})
		defer close(never)
		err := sessiontest.CheckHook(func() session.SessionRunHook {
			return &session.HookFuncs{OnBegin: func(context.Context, session.Graph) error { <-never; return nil }}
		}, sessiontest.HookOptions{})
		require.ErrorContains(t, err, sessiontest.HookRules()["session"]+":\n\ta session: not over after 10s")
	})
}

func TestNoHookIsAFault(t *testing.T) {
	leaktest.Check(t)
	err := sessiontest.CheckHook(func() session.SessionRunHook { return nil }, sessiontest.HookOptions{})
	require.ErrorContains(t, err, "newHook returned nil")
}
