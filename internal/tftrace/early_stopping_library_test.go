package tftrace

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
)

func init() {
	for name, make := range map[string]func(l *library, h hookSpec) (session.SessionRunHook, error){
		"stop_if_higher":      newStopIf(hooks.StopIfHigher),
		"stop_if_lower":       newStopIf(hooks.StopIfLower),
		"stop_if_no_increase": newStopIf(hooks.StopIfNoIncrease),
		"stop_if_no_decrease": newStopIf(hooks.StopIfNoDecrease),
		"make_early_stopping": newEarlyStopping,
		"checkpoint_saver":    newEvaluatedSaver,

		"stop_at_checkpoint_step": newStopAtCheckpointStep,
		"stop_at_secs":            newStopAtSecs,
		"stop_after_n_evals":      newStopAfterNEvals,
	} {
		libraryHooks[earlyPrefix+name] = make
	}
}

// Set implements [hooks.StopFlag].
func (w *world) Set(context.Context) error {
	w.flag = true
	return nil
}

// IsSet implements [hooks.StopFlag].
func (w *world) IsSet(context.Context) (bool, error) { return w.flag || w.signalled(), nil }

// An earlyPeriod is how often a stop function is asked. TensorFlow's defaults are
// those that it has when nothing is said.
type earlyPeriod struct {
	RunEverySecs  optional[float64] `json:"run_every_secs"`
	RunEverySteps *int64            `json:"run_every_steps"`
}

// period returns the two as TensorFlow has them, nil for None.
func (p earlyPeriod) period() modelPeriod {
	secs := p.RunEverySecs.value
	if !p.RunEverySecs.given {
		minute := 60.0
		secs = &minute
	}
	return modelPeriod{steps: p.RunEverySteps, secs: secs}
}

// forLibrary returns them as this library has them.
func (p earlyPeriod) forLibrary() (secs time.Duration, steps int64) {
	period := p.period()
	if steps, inSecs := period.orZero(); inSecs != 0 {
		return seconds(inSecs), steps
	} else {
		return hooks.Off, steps
	}
}

// checked asks a stop function and writes down its answer.
func (l *library) checked(hook string, ask func(context.Context) (bool, error)) func(context.Context) (bool, error) {
	if ask == nil {
		return nil
	}
	return func(ctx context.Context) (bool, error) {
		if err := l.world.catchUp(); err != nil {
			return false, err
		}
		stop, err := ask(ctx)
		e := l.add("check", "hook", hook)
		if e.fail(err) == nil {
			e["value"] = stop
		}
		return stop, err
	}
}

type stopIfSpec struct {
	MetricName string `json:"metric_name"`
	Threshold  any
	Increase   int64  `json:"max_steps_without_increase"`
	Decrease   int64  `json:"max_steps_without_decrease"`
	MinSteps   int64  `json:"min_steps"`
	EvalDir    string `json:"eval_dir"`
	earlyPeriod
}

func (s stopIfSpec) dir() string {
	if s.EvalDir == "" {
		return "model/eval"
	}
	return s.EvalDir
}

func (s stopIfSpec) threshold() float64 {
	if number, ok := s.Threshold.(float64); ok {
		return number
	}
	if s.Threshold == nil {
		return 0
	}
	return float64(toFloat(s.Threshold))
}

func newStopIf(condition func(hooks.StopIfConfig) (func(context.Context) (bool, error), error)) func(l *library, h hookSpec) (session.SessionRunHook, error) {
	return func(l *library, h hookSpec) (session.SessionRunHook, error) {
		args := argumentsOf[stopIfSpec](h)
		ask, err := condition(hooks.StopIfConfig{
			EvalDir: l.world.folder(args.dir()), MetricName: args.MetricName, Threshold: args.threshold(),
			MaxSteps: args.Increase + args.Decrease, MinSteps: args.MinSteps,
		})
		if err != nil {
			return nil, err
		}
		secs, steps := args.forLibrary()
		return hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{
			ShouldStop: l.checked(h.Name, ask), RunEverySecs: secs, RunEverySteps: steps, Flag: l.world, IsWorker: l.world.estimator.isWorker(),
		})
	}
}

// An ownFunctionSpec is a stop function of the user's.
type ownFunctionSpec struct {
	ShouldStop []any `json:"should_stop"`
	Estimator  *bool
	Callable   *bool
	earlyPeriod
}

// wrongType reports arguments that no program in Go could give.
func (s ownFunctionSpec) wrongType() bool {
	return s.Estimator != nil && !*s.Estimator || s.Callable != nil && !*s.Callable
}

// answers returns the function.
func (s ownFunctionSpec) answers() func() (bool, error) {
	calls := 0
	return func() (bool, error) {
		answer := s.ShouldStop[min(calls, len(s.ShouldStop)-1)]
		calls++
		switch a := answer.(type) {
		case bool:
			return a, nil
		case float64:
			return a != 0, nil
		case string:
			return a != "", nil
		case map[string]any:
			return false, &scriptedError{kind: a["error"].(string)}
		}
		return answer != nil, nil
	}
}

func newEarlyStopping(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[ownFunctionSpec](h)
	if args.wrongType() {
		return nil, &scriptedError{kind: "type_error", message: "does not compile"}
	}
	answer := args.answers()
	secs, steps := args.forLibrary()
	return hooks.NewEarlyStoppingHook(hooks.EarlyStoppingHookConfig{
		ShouldStop:   l.checked(h.Name, func(context.Context) (bool, error) { return answer() }),
		RunEverySecs: secs, RunEverySteps: steps, Flag: l.world, IsWorker: l.world.estimator.isWorker(),
	})
}

// An evaluatedSaverSpec is a checkpoint_saver whose listeners evaluate.
type evaluatedSaverSpec struct {
	SaveSteps *int64   `json:"save_steps"`
	SaveSecs  *float64 `json:"save_secs"`
	Listeners []evaluationSpec
}

type evaluationSpec struct {
	Name              string
	EvalThrottleSecs  float64  `json:"eval_throttle_secs"`
	BeforeEval        []bool   `json:"before_eval"`
	AfterEval         []bool   `json:"after_eval"`
	EvaluateAndExport []string `json:"evaluate_and_export"`
}

func newEvaluatedSaver(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[evaluatedSaverSpec](h)
	config := hooks.CheckpointSaverHookConfig{
		CheckpointDir: l.world.folder("model"),
		Saver:         &earlySaver{rememberingSaver{library: l, hook: h.Name}},
	}
	if args.SaveSteps != nil {
		config.SaveSteps = *args.SaveSteps
	}
	if args.SaveSecs != nil {
		config.SaveSecs = seconds(*args.SaveSecs)
	}
	for _, spec := range args.Listeners {
		script := newScriptedEvaluation(l.machine, spec)
		listener, err := hooks.NewEvaluationListener(hooks.EvaluationListenerConfig{
			EvalThrottleSecs: seconds(spec.EvalThrottleSecs),
			Evaluate:         func(context.Context, int64) error { return script.evaluate() },
			BeforeEval:       func(context.Context, int64) (bool, error) { return script.before(), nil },
			AfterEval:        func(context.Context, int64) (bool, error) { return script.after(), nil },
		})
		if err != nil {
			return nil, err
		}
		config.Listeners = append(config.Listeners, &notedListener{listener, l.machine, h.Name, spec.Name})
	}
	return hooks.NewCheckpointSaverHook(config)
}

// An earlySaver writes as well what a checkpoint has that others look for.
type earlySaver struct{ rememberingSaver }

func (e *earlySaver) Save(ctx context.Context, s session.Session, prefix string, step int64) (string, error) {
	path, err := e.rememberingSaver.Save(ctx, s, prefix, step)
	if err != nil {
		return "", err
	}
	w := e.library.world
	if err := w.catchUp(); err != nil {
		return "", err
	}
	return path, w.save(step)
}

// A notedListener writes down the calls of a listener.
type notedListener struct {
	hooks.CheckpointSaverListener
	machine    *machine
	hook, name string
}

func (n *notedListener) AfterSave(ctx context.Context, s session.Session, step int64) (bool, error) {
	e := n.machine.add("listener", "hook", n.hook, "listener", n.name, "call", "after_save", "step", step)
	stop, err := n.CheckpointSaverListener.AfterSave(ctx, s, step)
	if stop && err == nil {
		e["stop"] = true
	}
	return stop, err
}

func (n *notedListener) End(ctx context.Context, s session.Session, step int64) error {
	n.machine.add("listener", "hook", n.hook, "listener", n.name, "call", "end", "step", step)
	return n.CheckpointSaverListener.End(ctx, s, step)
}

// A checkpointStepSpec is a stop_at_checkpoint_step.
type checkpointStepSpec struct {
	LastStep *int64   `json:"last_step"`
	Wait     *float64 `json:"wait_after_file_check_secs"`
}

func newStopAtCheckpointStep(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[checkpointStepSpec](h)
	if !l.world.estimator.isWorker() {
		return hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: orZero(args.LastStep)})
	}
	config := hooks.StopAtCheckpointStepHookConfig{ModelDir: l.world.folder("model"), LastStep: orZero(args.LastStep)}
	if args.Wait != nil {
		config.WaitAfterFileCheckSecs = seconds(*args.Wait)
	}
	hook, err := hooks.NewStopAtCheckpointStepHook(config)
	if err != nil {
		return nil, err
	}
	return &sleeper{hook, l, h.Name}, nil
}

// A sleeper writes down when a hook sleeps after a run.
type sleeper struct {
	*hooks.StopAtCheckpointStepHook
	library *library
	name    string
}

func (s *sleeper) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	if err := s.library.world.catchUp(); err != nil {
		return err
	}
	began := s.library.now()
	err := s.StopAtCheckpointStepHook.AfterRun(ctx, rc, values)
	if slept := s.library.now() - began; slept > 0 {
		s.library.add("sleep", "hook", s.name, "secs", slept)["t"] = began
	}
	return err
}

type stopAtSecsSpec struct {
	StopAfterSecs float64 `json:"stop_after_secs"`
}

func newStopAtSecs(_ *library, h hookSpec) (session.SessionRunHook, error) {
	return hooks.NewStopAtSecsHook(seconds(argumentsOf[stopAtSecsSpec](h).StopAfterSecs))
}

type nEvalsSpec struct {
	NumEvals    *int64 `json:"num_evals"`
	LogProgress *bool  `json:"log_progress"`
}

func (s nEvalsSpec) logs() bool { return s.LogProgress == nil || *s.LogProgress }

func newStopAfterNEvals(l *library, h hookSpec) (session.SessionRunHook, error) {
	args := argumentsOf[nEvalsSpec](h)
	config := hooks.StopAfterNEvalsHookConfig{EvalStep: evaluations}
	if args.NumEvals != nil {
		config.NumEvals = *args.NumEvals
	}
	config.Logger = slog.New(slog.DiscardHandler)
	if args.logs() {
		config.Logger = l.logs(func(_ slog.Record, attrs map[string]any) {
			l.add("log", "text", evaluationText(attrs["done"], attrs["of"]))
		})
	}
	return hooks.NewStopAfterNEvalsHook(config)
}

// evaluationText is TensorFlow's.
func evaluationText(done, of any) string {
	if of == nil {
		return fmt.Sprintf("Evaluation [%v]", done)
	}
	return fmt.Sprintf("Evaluation [%v/%v]", done, of)
}
