package hooks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// defaultEvaluatorIterations is TensorFlow's every_n_iter of an in-memory
// evaluator.
const defaultEvaluatorIterations = 100

// InMemoryEvaluatorHookConfig describes an [InMemoryEvaluatorHook].
type InMemoryEvaluatorHookConfig struct {
	// Engine is what evaluates: another engine than the one that trains, over other
	// data. Its variables get the values of those of the same names. Required.
	Engine session.Engine
	// Metrics are what an evaluation comes to: names in Engine of numbers, fetched
	// when its runs are over, by the tags to write them under. Required.
	Metrics map[string]string
	// Update are the names to fetch in each run of an evaluation. Default: those of
	// Metrics.
	Update []string
	// Steps is how many runs an evaluation has. 0: until the input ends.
	Steps int64
	// Hooks are called in each evaluation.
	Hooks []session.SessionRunHook
	// Scaffold sets the sessions of evaluations up. It may not have a Saver or an
	// InitFn: the variables are those of the training. nil: one with defaults.
	Scaffold *session.Scaffold
	// EveryNIter or EveryNSecs is the period of evaluations: runs of the training,
	// or time. Default, with neither: 100 runs.
	EveryNIter int64
	EveryNSecs time.Duration
	// Name tells several evaluations apart.
	Name string
	// OutputDir is the folder of the job: metrics are written to eval, or eval_<Name>,
	// below it. Or they go to SummaryWriter. With neither, to OnEvaluated only.
	OutputDir     string
	SummaryWriter summary.Sink
	// OnEvaluated, if not nil, is told what an evaluation came to, at which global
	// step. An error ends the training.
	OnEvaluated func(ctx context.Context, step int64, metrics map[string]float64) error
	// Logger is told of runs of evaluations, if Steps is set. nil: nobody is.
	Logger *slog.Logger
}

// resolve returns a private copy with defaults filled in, or all that is wrong.
func (c InMemoryEvaluatorHookConfig) resolve() (InMemoryEvaluatorHookConfig, error) {
	var errs []error
	if faults.IsNil(c.Engine) {
		errs = append(errs, errors.New("no Engine is set"))
	}
	if len(c.Metrics) == 0 {
		errs = append(errs, errors.New("no Metrics are set"))
	}
	for _, tag := range slices.Sorted(maps.Keys(c.Metrics)) {
		if tag == "" || c.Metrics[tag] == "" {
			errs = append(errs, fmt.Errorf("tag %q of Metrics has the name %q, want neither empty", tag, c.Metrics[tag]))
		}
	}
	if c.Steps < 0 {
		errs = append(errs, fmt.Errorf("got %d Steps, want a positive number or 0 (to the end of the input)", c.Steps))
	}
	if c.EveryNIter == 0 && c.EveryNSecs == 0 {
		c.EveryNIter = defaultEvaluatorIterations
	}
	errs = append(errs, cadence.Check("EveryNIter", c.EveryNIter, "EveryNSecs", c.EveryNSecs))
	if c.OutputDir == "" && faults.IsNil(c.SummaryWriter) && c.OnEvaluated == nil {
		errs = append(errs, errors.New("none of OutputDir, SummaryWriter and OnEvaluated is set, want one: the metrics would be lost"))
	}
	c.Metrics = maps.Clone(c.Metrics)
	if c.Update = slices.Clone(c.Update); len(c.Update) == 0 {
		c.Update = slices.Compact(slices.Sorted(maps.Values(c.Metrics)))
	}
	c.Hooks = slices.Clone(c.Hooks)
	if c.Scaffold == nil {
		c.Scaffold = new(session.Scaffold)
	}
	return c, faults.Join("hooks: InMemoryEvaluatorHookConfig", errs...)
}

// An InMemoryEvaluatorHook evaluates what is being trained, in the same process,
// without a checkpoint between: when a session is created, every EveryNIter runs
// or EveryNSecs, and at the end if the last run was not evaluated. The training
// waits meanwhile.
//
// The sessions of both engines have to be [session.Saveable].
type InMemoryEvaluatorHook struct {
	config InMemoryEvaluatorHookConfig
	step   *session.GlobalStep // nil: the engine has none
	sink   summary.HookSink
	timer  *session.SecondOrStepTimer
	runs   int64
}

var (
	_ session.SessionRunHook = (*InMemoryEvaluatorHook)(nil)
	_ session.SessionCloser  = (*InMemoryEvaluatorHook)(nil)
	_ session.Namer          = (*InMemoryEvaluatorHook)(nil)
	_ Flusher                = (*InMemoryEvaluatorHook)(nil)
)

// NewInMemoryEvaluatorHook returns a hook, or all that is wrong with its config.
func NewInMemoryEvaluatorHook(config InMemoryEvaluatorHookConfig) (*InMemoryEvaluatorHook, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	timer, err := session.NewSecondOrStepTimer(config.EveryNSecs, config.EveryNIter)
	if err != nil {
		return nil, err
	}
	return &InMemoryEvaluatorHook{config: config, timer: timer}, nil
}

// Name tells several evaluations apart.
func (h *InMemoryEvaluatorHook) Name() string {
	return "InMemoryEvaluatorHook(" + h.config.Name + ")"
}

// EvalDir is the folder of the event files of the evaluations; "" without an
// OutputDir.
func (h *InMemoryEvaluatorHook) EvalDir() string {
	switch {
	case h.config.OutputDir == "":
		return ""
	case h.config.Name == "":
		return filepath.Join(h.config.OutputDir, "eval")
	}
	return filepath.Join(h.config.OutputDir, "eval_"+h.config.Name)
}

// Begin resolves the names in the evaluating engine, and gets the writer.
func (h *InMemoryEvaluatorHook) Begin(_ context.Context, graph session.Graph) error {
	h.timer.Reset()
	h.runs = 0
	switch {
	case !faults.IsNil(h.config.Scaffold.Saver):
		return errors.New("the evaluation's Scaffold has a Saver, and its variables are those of the training")
	case h.config.Scaffold.InitFn != nil:
		return errors.New("the evaluation's Scaffold has an InitFn, and its variables are those of the training")
	}
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil && !errors.Is(err, session.ErrNoGlobalStep) {
		return err
	}
	for _, tag := range slices.Sorted(maps.Keys(h.config.Metrics)) {
		if err := h.config.Engine.Resolve(h.config.Metrics[tag]); err != nil {
			return fmt.Errorf("metric %q of the evaluation: %w", tag, err)
		}
	}
	for _, name := range h.config.Update {
		if err := h.config.Engine.Resolve(name); err != nil {
			return fmt.Errorf("update of the evaluation: %w", err)
		}
	}
	return h.sink.Begin(h.config.SummaryWriter, h.EvalDir())
}

// AfterCreateSession evaluates what the session begins with.
func (h *InMemoryEvaluatorHook) AfterCreateSession(ctx context.Context, s session.Session, _ *session.Coordinator) error {
	step, err := h.globalStep(ctx, s)
	if err != nil {
		return err
	}
	h.sink.SessionAt(step)
	return h.evaluate(ctx, s)
}

// BeforeRun asks for nothing.
func (h *InMemoryEvaluatorHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return nil, nil
}

// AfterRun evaluates if it is time to.
func (h *InMemoryEvaluatorHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
	h.runs++
	if !h.timer.ShouldTriggerForStep(h.runs) {
		return nil
	}
	return h.evaluate(ctx, rc.Session())
}

// End evaluates the last run, if it was not.
func (h *InMemoryEvaluatorHook) End(ctx context.Context, s session.Session) error {
	if evaluated, ok := h.timer.LastTriggeredStep(); !ok || evaluated != h.runs {
		if err := h.evaluate(ctx, s); err != nil {
			return err
		}
	}
	return h.Flush()
}

// Flush implements [Flusher].
func (h *InMemoryEvaluatorHook) Flush() error { return h.sink.Flush() }

// CloseSession gives the writer back.
func (h *InMemoryEvaluatorHook) CloseSession(context.Context, error) error {
	return h.sink.CloseSession()
}

// globalStep is that of the training; 0 if it has none.
func (h *InMemoryEvaluatorHook) globalStep(ctx context.Context, s session.Session) (int64, error) {
	if h.step == nil {
		return 0, nil
	}
	return h.step.Read(ctx, s)
}

// evaluate evaluates the variables of a session that trains.
func (h *InMemoryEvaluatorHook) evaluate(ctx context.Context, training session.Session) error {
	h.timer.UpdateLastTriggeredStep(h.runs)
	step, err := h.globalStep(ctx, training)
	if err != nil {
		return err
	}
	trained, ok := session.Ability[session.Saveable](training)
	if !ok {
		return fmt.Errorf("hooks: InMemoryEvaluatorHook: the training's session is no Saveable, so that its variables cannot be read")
	}
	variables, err := trained.Variables(ctx)
	if err != nil {
		return err
	}
	final, err := h.run(ctx, variables)
	if err != nil {
		return fmt.Errorf("hooks: InMemoryEvaluatorHook: evaluation of step %d: %w", step, err)
	}
	metrics := make(map[string]float64, len(h.config.Metrics))
	var values []summary.Value
	for _, tag := range slices.Sorted(maps.Keys(h.config.Metrics)) {
		v, _ := final.Lookup(h.config.Metrics[tag])
		number, ok := v.Number()
		if !ok {
			return fmt.Errorf("hooks: InMemoryEvaluatorHook: metric %q is %v, want a number", tag, v)
		}
		metrics[tag] = number
		values = append(values, summary.ScalarValue(tag, number))
	}
	if err := h.sink.Add(step, values...); err != nil {
		return err
	}
	if err := h.Flush(); err != nil { // early stopping reads it
		return err
	}
	if h.config.OnEvaluated != nil {
		return h.config.OnEvaluated(ctx, step, metrics)
	}
	return nil
}

// run runs one evaluation, and returns its metrics.
func (h *InMemoryEvaluatorHook) run(ctx context.Context, variables []session.Variable) (session.Values, error) {
	chief, err := session.NewChiefSessionCreator(session.ChiefConfig{Engine: h.config.Engine, Scaffold: h.config.Scaffold})
	if err != nil {
		return session.Values{}, err
	}
	final := NewFinalOpsHook(FinalOpsHookConfig{FinalOps: slices.Compact(slices.Sorted(maps.Values(h.config.Metrics)))})
	config := session.Config{
		Engine:         h.config.Engine,
		SessionCreator: &transplantingCreator{chief, variables},
		Hooks:          append(slices.Clone(h.config.Hooks), final),
	}
	if h.config.Steps > 0 {
		stop, err := NewStopAfterNEvalsHook(StopAfterNEvalsHookConfig{NumEvals: h.config.Steps, Logger: h.config.Logger})
		if err != nil {
			return session.Values{}, err
		}
		config.Hooks = append(config.Hooks, stop)
	}
	err = session.With(ctx, config, func(s *session.MonitoredSession) error { return s.RunUntilStop(ctx, h.config.Update...) })
	return final.FinalOpsValues(), err
}

// A transplantingCreator gives new sessions the variables of another one, as far
// as they have variables of the names.
type transplantingCreator struct {
	session.SessionCreator
	variables []session.Variable
}

// CreateSession implements [session.SessionCreator].
func (c *transplantingCreator) CreateSession(ctx context.Context) (session.Session, error) {
	s, err := c.SessionCreator.CreateSession(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.transplant(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (c *transplantingCreator) transplant(ctx context.Context, s session.Session) error {
	saveable, ok := session.Ability[session.Saveable](s)
	if !ok {
		return errors.New("the evaluation's session is no Saveable, so that its variables cannot be set")
	}
	known, err := saveable.Variables(ctx)
	if err != nil {
		return err
	}
	values := make(map[string]session.Value)
	for _, v := range c.variables {
		if v.Initialized && slices.ContainsFunc(known, func(k session.Variable) bool { return k.Name == v.Name }) {
			values[v.Name] = v.Value.Clone() // which the session takes over
		}
	}
	return saveable.SetVariables(ctx, values)
}
