package tftrace

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

func init() {
	libraryHooks[earlyPrefix+"in_memory_evaluator"] = newInMemoryEvaluator
	modelHooks[earlyPrefix+"in_memory_evaluator"] = newModelEvaluator
}

// An evaluatorSpec is an in_memory_evaluator: it evaluates w as "loss".
type evaluatorSpec struct {
	EveryNIter optional[int64] `json:"every_n_iter"`
	Steps      *int64
	Batches    *int
}

// every is TensorFlow's period; ok is false if it is none.
func (s evaluatorSpec) every() (every int64, ok bool) {
	switch {
	case !s.EveryNIter.given:
		return 100, true
	case s.EveryNIter.value == nil:
		return 0, false
	}
	return *s.EveryNIter.value, *s.EveryNIter.value > 0
}

// isLocal reports whether the estimator is of one machine. Here there is no
// other.
func (e estimatorSpec) isLocal() bool { return e.NumPSReplicas == 0 && e.NumWorkerReplicas < 2 }

func newInMemoryEvaluator(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[evaluatorSpec](h)
	if !l.world.estimator.isLocal() {
		return nil, &scriptedError{kind: "value_error", message: "cannot be said"}
	}
	engine := newEvaluationEngine(args)
	config := hooks.InMemoryEvaluatorHookConfig{
		Engine: engine, Metrics: map[string]string{"loss": "loss"}, Update: []string{"batch"},
		Hooks: []session.SessionRunHook{engine.rewinder()}, OutputDir: l.world.folder("model"),
		Logger: l.logs(func(_ slog.Record, attrs map[string]any) {
			l.add("log", "text", evaluationText(attrs["done"], attrs["of"]))
		}),
	}
	if every, ok := args.every(); ok {
		config.EveryNIter = every
	} else {
		config.EveryNIter = hooks.Off // neither are None and 0 periods
	}
	if args.Steps != nil {
		config.Steps = *args.Steps
		if *args.Steps == 0 {
			config.Steps = hooks.Off
		}
	}
	switch l.world.estimator.EvalScaffold {
	case "saver":
		config.Scaffold = &session.Scaffold{Saver: &rememberingSaver{}}
	case "init_fn":
		config.Scaffold = &session.Scaffold{InitFn: func(context.Context, *session.Scaffold, session.Session) error { return nil }}
	}
	var hook *hooks.InMemoryEvaluatorHook
	config.OnEvaluated = func(_ context.Context, step int64, metrics map[string]float64) error {
		dir, err := filepath.Rel(l.dir, hook.EvalDir())
		if err != nil {
			return err
		}
		l.add("evaluate", "dir", dir, "values", map[string]any{"global_step": step, "loss": metrics["loss"]})
		return nil
	}
	hook, err := hooks.NewInMemoryEvaluatorHook(config)
	if err != nil {
		return nil, err
	}
	return &scriptedKinds{hook}, nil
}

// scriptedKinds gives the errors of an evaluator that cannot work the kind that
// TensorFlow's have.
type scriptedKinds struct{ *hooks.InMemoryEvaluatorHook }

func (s *scriptedKinds) Begin(ctx context.Context, g session.Graph) error {
	if err := s.InMemoryEvaluatorHook.Begin(ctx, g); err != nil {
		return &scriptedError{kind: "value_error", message: err.Error()}
	}
	return nil
}

// An evaluationEngine has the variables of the training and batches of its own.
type evaluationEngine struct {
	*graph.Graph
	batches, left int
}

func newEvaluationEngine(args evaluatorSpec) *evaluationEngine {
	e := &evaluationEngine{Graph: graph.New(), batches: 2}
	if args.Batches != nil {
		e.batches = *args.Batches
	}
	e.CreateGlobalStep()
	e.Variable(trained, func() session.Value { return session.Float32(0) })
	e.Node("loss", func(_ context.Context, in []session.Value) (session.Value, error) { return in[0], nil }, trained)
	e.Node("batch", func(context.Context, []session.Value) (session.Value, error) {
		if e.left == 0 {
			return session.Value{}, io.EOF
		}
		e.left--
		return session.Int64(int64(e.left)), nil
	})
	return e
}

// rewinder returns a hook that begins the batches anew.
func (e *evaluationEngine) rewinder() session.SessionRunHook {
	return &session.HookFuncs{OnBegin: func(context.Context, session.Graph) error {
		e.left = e.batches
		return nil
	}}
}

// A modelEvaluator is TensorFlow's InMemoryEvaluatorHook.
type modelEvaluator struct {
	noCallbacks
	model    *model
	every    int64
	args     evaluatorSpec
	runs     int64
	lastRuns int64
}

func newModelEvaluator(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[evaluatorSpec](h)
	every, ok := args.every()
	if !ok || !m.world.estimator.isLocal() || args.Steps != nil && *args.Steps <= 0 {
		return nil, modelError("value_error")
	}
	return &modelEvaluator{model: m, every: every, args: args}, nil
}

func (h *modelEvaluator) begin() error {
	h.runs = 0
	if h.model.world.estimator.EvalScaffold != "" {
		return modelError("value_error")
	}
	return nil
}

func (h *modelEvaluator) afterCreate(s *machineSession, _ *modelCoordinator) error {
	if h.model.world.saveableObjects {
		return modelError("value_error")
	}
	h.evaluate(s)
	return nil
}

func (h *modelEvaluator) afterRun(rc *modelContext, _ map[string]session.Value) error {
	if h.runs++; h.runs-h.lastRuns >= h.every {
		h.evaluate(rc.raw)
	}
	return nil
}

func (h *modelEvaluator) end(s *machineSession) error {
	if h.runs != h.lastRuns || h.model.makes("N-10") {
		h.evaluate(s)
	}
	return nil
}

func (h *modelEvaluator) evaluate(s *machineSession) {
	h.lastRuns = h.runs
	batches := int64(2)
	if h.args.Batches != nil {
		batches = int64(*h.args.Batches)
	}
	if steps := h.args.Steps; steps != nil {
		every := int64(1)
		if *steps >= 20 {
			every = *steps / 10
		}
		for done := int64(1); done <= min(*steps, batches); done++ {
			if done%every == 0 || done == *steps {
				h.model.add("log", "text", evaluationText(done, *steps))
			}
		}
	}
	dir, loss := "model/eval", 0.5*float64(s.vars.counters[trained])
	h.model.add("evaluate", "dir", dir, "values", map[string]any{"global_step": s.vars.step, "loss": loss})
	h.model.world.inMemory = append(h.model.world.inMemory, evalEvent{
		T: h.model.now(), Dir: dir, File: "1600000000", Step: s.vars.step, Metrics: map[string]any{"loss": loss},
	})
}
