package session_test

import (
	"context"
	"io"
	"testing"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// A loop is somebody's training loop, as a closure.
type loop struct {
	*session.StepEngine
	ended, blocked bool
}

func newLoop() *loop {
	l := new(loop)
	w := []float32{4, -4}
	l.StepEngine = session.StepFunc(func(ctx context.Context, out []session.Value) error {
		if l.ended {
			return io.EOF
		}
		if l.blocked {
			<-ctx.Done()
			return ctx.Err()
		}
		for i := range w {
			w[i] /= 2
		}
		out[0], out[1] = session.Float64(float64(w[0])), session.TensorOf(w)
		out[2], out[3] = session.Bool(w[0] > 1), session.String("training")
		return nil
	}, "loss", "w", "large", "phase").Variable("w", session.TensorOf(w))
	return l
}

func TestAStepFuncIsAnEngine(t *testing.T) {
	leaktest.Check(t)
	sessiontest.TestEngine(t, func(*testing.T) session.Engine { return newLoop() }, sessiontest.EngineOptions{
		Fetches: map[string]session.Kind{
			"loss": session.KindFloat64, "w": session.KindTensor, "large": session.KindBool, "phase": session.KindString,
		},
		EndInput: func(e session.Engine) { e.(*loop).ended = true },
		Block:    func(e session.Engine) { e.(*loop).blocked = true },
	})
}

func TestBaseHookIsAHook(t *testing.T) {
	leaktest.Check(t)
	sessiontest.TestHook(t, func(*testing.T) session.SessionRunHook { return session.BaseHook{} }, sessiontest.HookOptions{})
}

func TestHookFuncsAreAHook(t *testing.T) {
	leaktest.Check(t)
	t.Run("without functions", func(t *testing.T) {
		sessiontest.TestHook(t, func(*testing.T) session.SessionRunHook { return new(session.HookFuncs) }, sessiontest.HookOptions{})
	})
	t.Run("with a goroutine and a fetch", func(t *testing.T) {
		sessiontest.TestHook(t, func(*testing.T) session.SessionRunHook { return newWatcher() }, sessiontest.HookOptions{})
	})
}

// newWatcher returns a hook that does everything that a hook may do: it fetches,
// reads the step by runs of its own, starts a goroutine, and stops at step 103.
func newWatcher() session.SessionRunHook {
	var step *session.GlobalStep
	args := session.SessionRunArgs{Options: &session.RunOptions{TraceLevel: session.FullTrace}}
	done := make(chan struct{}, 1)
	read := func(ctx context.Context, s session.Session) error {
		_, err := step.Read(ctx, s)
		return err
	}
	return &session.HookFuncs{
		HookName: "watcher",
		OnBegin: func(_ context.Context, graph session.Graph) (err error) {
			if step, err = session.NewGlobalStep(graph); err != nil {
				return err
			}
			args.Fetches = []string{step.Name(), "loss"}
			return graph.Resolve("loss")
		},
		OnAfterCreateSession: func(ctx context.Context, s session.Session, coord *session.Coordinator) error {
			coord.Go("watch", func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
			return read(ctx, s)
		},
		OnBeforeRun: func(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
			return &args, nil
		},
		OnAfterRun: func(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
			stale, err := step.Get(values.Results)
			if err != nil {
				return err
			}
			if stale == 102 {
				rc.RequestStop()
			}
			return read(ctx, rc.Session())
		},
		OnEnd: read,
		OnCloseSession: func(context.Context, error) error {
			select {
			case done <- struct{}{}:
			default:
			}
			<-done
			return nil
		},
	}
}
