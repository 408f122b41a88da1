package sessiontest_test

import (
	"context"
	"testing"
	"time"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// A goodHook does everything that a hook may do, by the rules: it fetches, reads
// the step by runs of its own, has a goroutine, and acts every third run.
type goodHook struct {
	step *session.GlobalStep
	args session.SessionRunArgs
	runs int
	best session.Values
}

var _ session.SessionRunHook = (*goodHook)(nil)

func (h *goodHook) Begin(_ context.Context, graph session.Graph) (err error) {
	h.runs, h.best = 0, session.Values{}
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.args.Fetches = []string{h.step.Name(), "loss"}
	return graph.Resolve("loss")
}

func (h *goodHook) AfterCreateSession(ctx context.Context, s session.Session, coord *session.Coordinator) error {
	coord.Go("watch", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	_, err := h.step.Read(ctx, s)
	return err
}

func (h *goodHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	h.runs++
	if h.runs%3 != 1 {
		return nil, nil
	}
	return &h.args, nil
}

func (h *goodHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	if h.runs == 1 {
		h.best = values.Results.Clone()
		_, err := h.step.Read(ctx, rc.Session())
		return err
	}
	return nil
}

func (h *goodHook) End(ctx context.Context, s session.Session) error {
	_, err := session.Eval(ctx, s, "loss")
	return err
}

func (h *goodHook) CloseSession(context.Context, error) error { return nil }

// A bentHook is a good hook that does something else first, in the phases that
// are not nil.
type bentHook struct {
	goodHook
	begin       func(ctx context.Context, graph session.Graph) error
	afterCreate func(ctx context.Context, s session.Session, coord *session.Coordinator) error
	beforeRun   func(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error)
	afterRun    func(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error
	end         func(ctx context.Context, s session.Session) error
	close       func(ctx context.Context, cause error) error
}

func (h *bentHook) Begin(ctx context.Context, graph session.Graph) error {
	if h.begin != nil {
		return h.begin(ctx, graph)
	}
	return h.goodHook.Begin(ctx, graph)
}

func (h *bentHook) AfterCreateSession(ctx context.Context, s session.Session, coord *session.Coordinator) error {
	if h.afterCreate != nil {
		return h.afterCreate(ctx, s, coord)
	}
	return h.goodHook.AfterCreateSession(ctx, s, coord)
}

func (h *bentHook) BeforeRun(ctx context.Context, rc *session.SessionRunContext) (*session.SessionRunArgs, error) {
	if h.beforeRun != nil {
		return h.beforeRun(ctx, rc)
	}
	return h.goodHook.BeforeRun(ctx, rc)
}

func (h *bentHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	if h.afterRun != nil {
		return h.afterRun(ctx, rc, values)
	}
	return h.goodHook.AfterRun(ctx, rc, values)
}

func (h *bentHook) End(ctx context.Context, s session.Session) error {
	if h.end != nil {
		return h.end(ctx, s)
	}
	return h.goodHook.End(ctx, s)
}

func (h *bentHook) CloseSession(ctx context.Context, cause error) error {
	if h.close != nil {
		return h.close(ctx, cause)
	}
	return h.goodHook.CloseSession(ctx, cause)
}

// Hooks whose methods are not all called.
type (
	misspelt  struct{ session.BaseHook }
	shouting  struct{ session.BaseHook }
	swapped   struct{ session.BaseHook }
	careless  struct{ session.BaseHook }
	byPointer struct{ session.BaseHook }
	lookalike struct{ session.BaseHook }
)

func (misspelt) AfterRuns(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
	return nil
}
func (shouting) AfterCREATEsession(context.Context, session.Session) error { return nil }
func (swapped) Edn(context.Context, session.Session) error                 { return nil }
func (careless) CloseSession() error                                       { return nil }
func (*byPointer) CloseSession(context.Context, error) error               { return nil }
func (lookalike) Begins() time.Time                                        { return time.Time{} }
func (lookalike) Send() error                                              { return nil }

func hook(h session.SessionRunHook) func(*testing.T, map[string]sessiontest.Output) session.SessionRunHook {
	return func(*testing.T, map[string]sessiontest.Output) session.SessionRunHook { return h }
}

func bend(change func(h *bentHook)) func(*testing.T, map[string]sessiontest.Output) session.SessionRunHook {
	return func(*testing.T, map[string]sessiontest.Output) session.SessionRunHook {
		h := new(bentHook)
		change(h)
		return h
	}
}

func outputs() map[string]sessiontest.Output {
	return map[string]sessiontest.Output{
		"loss": sessiontest.Floats(4, 2, 1), "accuracy": sessiontest.Always(session.Float64(1)),
		"w": sessiontest.Always(session.TensorOf([]float32{1, 2, 3, 4, 5, 6})),
	}
}
