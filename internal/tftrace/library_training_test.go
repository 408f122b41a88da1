package tftrace

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"time"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/summary"
)

// A libraryTraining plays phases through this library's MonitoredTrainingSession,
// with its own saver.
type libraryTraining struct {
	*library
	phase   phaseSpec
	created int // sessions that were asked for
}

var _ trainingStack = (*libraryTraining)(nil)

func (l *libraryTraining) next(p phaseSpec) {
	l.phase = p
	l.spec.OnRecreate = "reset" // the saver restores
}

func (l *libraryTraining) open(phaseSpec, []string) (monitored, error) {
	config, err := l.trainingConfig()
	if err != nil {
		return nil, err
	}
	s, err := session.NewMonitoredSession(l.ctx, config)
	if err != nil {
		return nil, err
	}
	return &libraryMonitored{l.library, s}, nil
}

func (l *libraryTraining) with(_ phaseSpec, _ []string, body func(monitored) error) error {
	config, err := l.trainingConfig()
	if err != nil {
		return err
	}
	return session.With(l.ctx, config, func(s *session.MonitoredSession) error { return body(&libraryMonitored{l.library, s}) })
}

// given is a period as this library's config has it: 0 if it was not passed, Off
// for None and 0.
func given[T int64 | float64](o optional[T]) T {
	switch {
	case !o.given:
		return 0
	case o.value == nil || *o.value == 0:
		return hooks.Off
	}
	return *o.value
}

func givenSeconds(o optional[float64]) time.Duration {
	if secs := given(o); secs != hooks.Off {
		return seconds(secs)
	}
	return hooks.Off
}

// trainingConfig is what MonitoredTrainingSession opens in this phase, with
// everything in it written down.
func (l *libraryTraining) trainingConfig() (session.Config, error) {
	args := l.phase.Args
	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{})
	if err != nil {
		return session.Config{}, err
	}
	scaffold := &session.Scaffold{Saver: &recordingSaver{Saver: saver, library: l.library}}
	if l.phase.ChiefIsReady != nil && !*l.phase.ChiefIsReady {
		scaffold.ReadyOp = neverReady{}
	}
	config := hooks.MonitoredTrainingSessionConfig{
		Engine:              trainingEngine{libraryEngine{l.machine}, l},
		IsWorker:            args.isWorker(),
		Scaffold:            scaffold,
		SaveCheckpointSecs:  givenSeconds(args.SaveCheckpointSecs),
		SaveCheckpointSteps: given(args.SaveCheckpointStep),
		SaveSummariesSecs:   givenSeconds(args.SaveSummariesSecs),
		SaveSummariesSteps:  given(args.SaveSummariesSteps),
		LogStepCountSteps:   given(args.LogStepCountSteps),
		Hooks:               l.recorded(args.Hooks),
		ChiefOnlyHooks:      l.recorded(args.ChiefOnlyHooks),
		SkipGraphDef:        args.SaveGraphDef != nil && !*args.SaveGraphDef,
		Recovery:            session.Recovery{Backoff: func(int) time.Duration { return 0 }, MaxAttempts: session.Off},
		Logger:              l.logger("step_counter"),
	}
	if args.CheckpointDir != "" {
		config.CheckpointDir = l.folder(args.CheckpointDir)
	}
	if args.SummaryDir != "" {
		config.SummaryDir = l.folder(args.SummaryDir)
	}
	if args.MaxWaitSecs != nil {
		config.MaxWaitSecs = seconds(*args.MaxWaitSecs)
	}
	if args.StopGracePeriod != nil {
		config.StopGracePeriodSecs = seconds(*args.StopGracePeriod)
	}
	made, err := config.SessionConfig()
	if err != nil {
		return session.Config{}, &scriptedError{kind: "value_error", message: err.Error()}
	}
	for i, h := range made.Hooks {
		r, ok := h.(*recordedHook)
		if !ok {
			r = l.made(h)
			made.Hooks[i] = r
		}
		r.first = i == 0
	}
	made.SessionCreator = &recordedCreator{SessionCreator: made.SessionCreator, training: l}
	return made, nil
}

func (l *libraryTraining) recorded(names []string) (recorded []session.SessionRunHook) {
	for _, name := range names {
		recorded = append(recorded, l.hooks[name])
	}
	return recorded
}

// made writes down a hook that the library has made, named after its type.
func (l *libraryTraining) made(h session.SessionRunHook) *recordedHook {
	r := &recordedHook{library: l.library, hook: h}
	args := make(map[string]any)
	config := reflect.ValueOf(h).Elem().FieldByName("config")
	folder := func(key, field string) {
		if dir, err := filepath.Rel(l.dir, config.FieldByName(field).String()); err == nil {
			args[key] = dir
		}
	}
	number := func(key, field string) {
		n := config.FieldByName(field).Int()
		if config.FieldByName(field).Type() == reflect.TypeFor[time.Duration]() {
			args[key] = time.Duration(n).Seconds()
		} else {
			args[key] = float64(n)
		}
		if n == 0 {
			delete(args, key)
		}
	}
	switch h.(type) {
	case *hooks.StepCounterHook:
		r.name = "step_counter"
		number("every_n_steps", "EveryNSteps")
		folder("output_dir", "OutputDir")
	case *summary.SummarySaverHook:
		r.name, r.summaries = "summary_saver", []string{allSummaries}
		number("save_steps", "SaveSteps")
		number("save_secs", "SaveSecs")
		folder("output_dir", "OutputDir")
	case *hooks.CheckpointSaverHook:
		r.name = "checkpoint_saver"
		number("save_steps", "SaveSteps")
		number("save_secs", "SaveSecs")
		folder("checkpoint_dir", "CheckpointDir")
	default:
		panic(fmt.Sprintf("a %T, which MonitoredTrainingSession has not in TensorFlow", h))
	}
	l.add("construct", "hook", r.name, "args", args)
	return r
}

// allSummaries is how traces name the merge of all summaries.
const allSummaries = "all"

// A trainingEngine has the summaries of its graph in its collections.
type trainingEngine struct {
	libraryEngine
	training *libraryTraining
}

var _ session.Collections = trainingEngine{}

// NewSession counts the sessions that a creator opens until one is ready as one
// attempt, as scenarios do.
func (e trainingEngine) NewSession(ctx context.Context) (session.Session, error) {
	e.machine.attempts = e.training.created - 1
	return e.libraryEngine.NewSession(ctx)
}

func (e trainingEngine) Collection(key string) []any {
	if key != session.SummariesKey {
		return nil
	}
	var ops []any
	for _, s := range e.machine.graph.allSummaries() {
		ops = append(ops, summary.Scalar(s.Tag, s.Tensor))
	}
	return ops
}

func (e trainingEngine) AddToCollection(string, any) {}

// allSummaries are those of the graph, in the order of their names.
func (g graphSpec) allSummaries() (all []summarySpec) {
	for _, name := range sortedKeys(g.Summaries) {
		all = append(all, g.Summaries[name]...)
	}
	return all
}

// neverReady is the ready op of a worker whose chief does nothing.
type neverReady struct{}

func (neverReady) String() string { return "never ready" }

func (neverReady) Run(context.Context, session.Session, session.Feeds) ([]session.Value, error) {
	return []session.Value{session.TensorOf([]string{"v"})}, nil
}

// A recordedCreator writes down the sessions that it is asked for, however many
// it takes to have one that is ready.
type recordedCreator struct {
	session.SessionCreator
	training *libraryTraining
}

func (c *recordedCreator) CreateSession(ctx context.Context) (session.Session, error) {
	l := c.training
	l.created++
	e := l.add("create_session", "session", l.created)
	l.off = true
	s, err := c.SessionCreator.CreateSession(ctx)
	l.off = false
	if errors.Is(err, session.ErrNotReady) && errors.Is(err, context.DeadlineExceeded) {
		err = &scriptedError{kind: "deadline_exceeded", message: err.Error()}
	}
	if err != nil {
		return nil, e.fail(err)
	}
	engine, _ := session.Ability[*librarySession](s)
	engine.number = l.created
	if l.globalStep() != "" {
		e.set("step", engine.vars.step)
	}
	return s, nil
}

// A recordingSaver writes down what a saver saves.
type recordingSaver struct {
	*checkpoint.Saver
	library *library
}

func (r *recordingSaver) Save(ctx context.Context, s session.Session, prefix string, step int64) (string, error) {
	path, err := filepath.Rel(r.library.dir, prefix)
	if err != nil {
		return "", err
	}
	e := r.library.add("save", "hook", r.library.by, "path", path, "step", step)
	saved, err := r.Saver.Save(ctx, s, prefix, step)
	return saved, e.fail(err)
}

// Variables makes the sessions of machines ready to be saved.
func (s *librarySession) Variables(context.Context) ([]session.Variable, error) {
	if w := s.machine.world; w != nil && w.saveableObjects {
		return nil, &scriptedError{kind: "value_error", message: "there is more than variables"}
	}
	var all []session.Variable
	if s.machine.globalStep() != "" {
		all = append(all, session.Variable{Name: session.GlobalStepName, Value: session.Int64(s.vars.step), Initialized: true})
	}
	for _, name := range sortedKeys(s.machine.graph.Tensors) {
		switch spec := s.machine.graph.Tensors[name]; spec.Type {
		case "counter":
			all = append(all, session.Variable{Name: name, Value: session.Int64(s.vars.counters[name]), Initialized: true})
		case "trained":
			value := session.Float32(float32(spec.Scale) * float32(s.vars.counters[name]))
			all = append(all, session.Variable{Name: name, Value: value, Initialized: true})
		}
	}
	return all, nil
}

// SetVariables takes values over.
func (s *librarySession) SetVariables(_ context.Context, values map[string]session.Value) error {
	for name, v := range values {
		n, _ := v.Int64()
		if name == session.GlobalStepName {
			s.vars.step = n
		} else {
			s.vars.counters[name] = n
		}
	}
	return nil
}
