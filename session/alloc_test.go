package session_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// idleHook does nothing.
type idleHook struct {
	session.BaseHook
	_ int // so that two of them are two
}

// stepHook fetches the global step in each run.
type stepHook struct {
	session.BaseHook
	step *session.GlobalStep
	args session.SessionRunArgs
	last int64
}

func (h *stepHook) Begin(_ context.Context, graph session.Graph) (err error) {
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.args.Fetches = []string{h.step.Name()}
	return nil
}

func (h *stepHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

func (h *stepHook) AfterRun(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) (err error) {
	h.last, err = h.step.Get(values.Results)
	return err
}

func manyHooks(n int, fetching bool) []session.SessionRunHook {
	var list []session.SessionRunHook
	for range n {
		if fetching {
			list = append(list, &stepHook{})
		} else {
			list = append(list, &idleHook{})
		}
	}
	return list
}

// lossEngine is a trivial training step.
func lossEngine() session.Engine {
	loss := 1.0
	return session.StepFunc(func(_ context.Context, out []session.Value) error {
		loss *= 0.999
		out[0] = session.Float64(loss)
		return nil
	}, "loss")
}

func TestAHookedRunAllocatesNothing(t *testing.T) {
	leaktest.Check(t)
	engines := map[string]func() session.Engine{
		"StepFunc": lossEngine,
		"graph":    func() session.Engine { return lineGraph() },
	}
	for name, engine := range engines {
		for _, fetching := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/5 hooks/fetching=%t", name, fetching), func(t *testing.T) {
				s := open(t, engine(), manyHooks(5, fetching)...)
				ctx := t.Context()
				loss := session.Fetch[float64]("loss")
				var err error
				run := func() {
					values, e := s.Run(ctx, "train", "loss")
					if e == nil {
						_, e = loss.Get(values)
					}
					if e != nil {
						err = e
					}
				}
				require.Zero(t, testing.AllocsPerRun(1000, run))
				require.NoError(t, err)
			})
		}
	}
}

func TestARunWithFeedsAndOptionsAllocatesNothing(t *testing.T) {
	leaktest.Check(t)
	feeder := &session.SessionRunArgs{
		Feeds: session.Feeds{"x": session.Float64(3)}, Options: &session.RunOptions{TraceLevel: session.SoftwareTrace},
	}
	s := open(t, lineGraph(), &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		return feeder, nil
	}})
	args := &session.SessionRunArgs{Fetches: []string{"loss"}, Feeds: session.Feeds{"w+1": session.Float64(1)}}
	ctx := t.Context()
	var err error
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, e := s.RunArgs(ctx, args, nil); e != nil {
			err = e
		}
	}))
	require.NoError(t, err)
}

// A hook that records now and then asks for other names in those runs.
func TestAlternatingFetchesAllocateNothing(t *testing.T) {
	leaktest.Check(t)
	idle := &session.SessionRunArgs{Fetches: []string{"global_step"}}
	recording := &session.SessionRunArgs{Fetches: []string{"global_step", "loss"}}
	run := 0
	s := open(t, lossEngine(), &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		if run++; run%3 == 0 {
			return recording, nil
		}
		return idle, nil
	}})
	ctx := t.Context()
	var err error
	require.Zero(t, testing.AllocsPerRun(3000, func() {
		if _, e := s.Run(ctx, "train"); e != nil {
			err = e
		}
	}))
	require.NoError(t, err)
}

func TestReadingAllocatesNothing(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lossEngine())
	values, err := s.Run(t.Context(), "train", "loss", "global_step")
	require.NoError(t, err)
	loss, step := session.Fetch[float64]("loss"), session.Fetch[int64]("global_step")
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, e := loss.Get(values); e != nil {
			err = e
		}
		if _, e := step.Get(values); e != nil {
			err = e
		}
	}))
	require.NoError(t, err)
}

func TestReadingTheGlobalStepAllocatesNothing(t *testing.T) {
	leaktest.Check(t)
	for name, e := range map[string]session.Engine{"StepFunc": lossEngine(), "graph": lineGraph()} {
		t.Run(name, func(t *testing.T) {
			step, err := session.NewGlobalStep(e)
			require.NoError(t, err)
			s := open(t, e)
			require.NoError(t, s.RunStepFn(t.Context(), func(ctx context.Context, sc *session.StepContext) error {
				raw := sc.Session()
				require.Zero(t, testing.AllocsPerRun(1000, func() {
					if _, e := step.Read(ctx, raw); e != nil {
						err = e
					}
				}))
				return err
			}))
		})
	}
}

func TestATimerAllocatesNothing(t *testing.T) {
	leaktest.Check(t)
	timer := newTimer(t, 0, 2)
	step := int64(0)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if step++; timer.ShouldTriggerForStep(step) {
			timer.UpdateLastTriggeredStep(step)
		}
	}))
}

func TestAskingWhetherToStopAllocatesNothing(t *testing.T) {
	leaktest.Check(t)
	s := open(t, lineGraph())
	require.Zero(t, testing.AllocsPerRun(10000, func() { s.ShouldStop() }))
}
