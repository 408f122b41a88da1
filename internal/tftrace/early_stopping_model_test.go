package tftrace

import "github.com/runhook/runhook/session"

func init() {
	for name, make := range map[string]func(m *model, h hookSpec) (modelCallbacks, error){
		"stop_if_higher":      newModelStopIf(func(s stopIfSpec, x float64) bool { return x > s.threshold() }, nil),
		"stop_if_lower":       newModelStopIf(func(s stopIfSpec, x float64) bool { return x < s.threshold() }, nil),
		"stop_if_no_increase": newModelStopIf(nil, func(x, best float64) bool { return x > best }),
		"stop_if_no_decrease": newModelStopIf(nil, func(x, best float64) bool { return x < best }),
		"make_early_stopping": newModelOwnFunction,
		"checkpoint_saver":    newModelEvaluatedSaver,

		"stop_at_checkpoint_step": newModelCheckpointStep,
		"stop_at_secs":            newModelStopAtSecs,
		"stop_after_n_evals":      newModelNEvals,
	} {
		modelHooks[earlyPrefix+name] = make
	}
}

// A modelEarlyStopping is TensorFlow's hook of a stop function.
type modelEarlyStopping struct {
	noCallbacks
	model *model
	name  string
	timer *modelTimer
	ask   func() (bool, error)
}

func newModelEarlyStopping(m *model, name string, period modelPeriod, ask func() (bool, error)) (modelCallbacks, error) {
	distributed := m.world.estimator.TrainDistribute && m.makes("N-09")
	if distributed && period.secs != nil {
		return nil, modelError("value_error")
	}
	if distributed {
		panic("a multi-worker hook, which this model does not have")
	}
	idle := m.world.estimator.isWorker() && period.none(m) // it has no timer
	if err := period.check(m); err != nil && !idle {
		return nil, err
	}
	return &modelEarlyStopping{model: m, name: name, timer: &modelTimer{model: m, period: period}, ask: ask}, nil
}

func (h *modelEarlyStopping) begin() error {
	if h.model.globalStep() == "" && !h.model.makes("N-12") {
		return modelError("no_global_step")
	}
	if !h.model.makes("D-17") {
		h.timer.reset()
	}
	return nil
}

func (h *modelEarlyStopping) beforeRun(*modelContext) (*modelRequest, error) {
	if h.model.globalStep() == "" {
		return nil, nil
	}
	return &modelRequest{runSpec: runSpec{Fetches: session.GlobalStepName}}, nil
}

func (h *modelEarlyStopping) afterRun(rc *modelContext, values map[string]session.Value) error {
	if h.model.world.estimator.isWorker() {
		rc.stop = rc.stop || h.model.flagIn(rc.raw)
		return nil
	}
	step, known := values[session.GlobalStepName].Int64()
	if !known && h.timer.triggered {
		return modelError("type_error") // None - None
	}
	if !h.timer.shouldTrigger(step) {
		return nil
	}
	h.timer.update(step)
	stop, err := h.ask()
	e := h.model.add("check", "hook", h.name)
	if e.fail(err) != nil {
		return err
	}
	e["value"] = stop
	if stop {
		rc.stop = true
		h.model.setFlag(rc.raw)
	}
	return nil
}

// setFlag sets the stop flag: TensorFlow's is a variable, saved with the others.
func (m *model) setFlag(s *machineSession) {
	if m.makes("N-11") {
		s.vars.counters["stop flag"] = 1
	} else {
		m.world.flag = true
	}
}

func (m *model) flagIn(s *machineSession) bool {
	if m.makes("N-11") {
		return s.vars.counters["stop flag"] > 0 || m.world.signalled()
	}
	return m.world.flag || m.world.signalled()
}

func newModelOwnFunction(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[ownFunctionSpec](h)
	if args.wrongType() {
		return nil, modelError("type_error")
	}
	return newModelEarlyStopping(m, h.Name, args.period(), args.answers())
}

// newModelStopIf makes the hook of a condition: on a value, or on the steps since
// one that was better.
func newModelStopIf(wanted func(stopIfSpec, float64) bool, better func(x, best float64) bool) func(m *model, h hookSpec) (modelCallbacks, error) {
	return func(m *model, h hookSpec) (modelCallbacks, error) {
		args := argumentsOf[stopIfSpec](h)
		return newModelEarlyStopping(m, h.Name, args.period(), func() (bool, error) {
			metrics := m.world.metrics(args.dir())
			var best *float64
			var bestStep int64
			for _, step := range sortedKeys(metrics) {
				if step < args.MinSteps {
					continue
				}
				x, ok := metrics[step][args.MetricName]
				if !ok && m.makes("N-08") {
					return false, &scriptedError{kind: "key_error", message: args.MetricName}
				}
				if !ok {
					continue
				}
				if wanted != nil {
					if wanted(args, x) {
						return true, nil
					}
					continue
				}
				if best == nil || better(x, *best) {
					best, bestStep = &x, step
				}
				if step-bestStep >= args.Increase+args.Decrease {
					return true, nil
				}
			}
			return false, nil
		})
	}
}

// A scriptedEvaluation is what a scenario's evaluations come to.
type scriptedEvaluation struct {
	machine                    *machine
	spec                       evaluationSpec
	befores, afters, evaluated int
}

func newScriptedEvaluation(m *machine, spec evaluationSpec) *scriptedEvaluation {
	return &scriptedEvaluation{machine: m, spec: spec}
}

func answerAt[T any](answers []T, call *int, otherwise T) T {
	*call++
	if len(answers) == 0 {
		return otherwise
	}
	return answers[min(*call, len(answers))-1]
}

func (s *scriptedEvaluation) before() bool {
	goOn := answerAt(s.spec.BeforeEval, &s.befores, true)
	s.machine.add("before_eval", "listener", s.spec.Name, "value", goOn)
	return goOn
}

func (s *scriptedEvaluation) after() bool {
	goOn := answerAt(s.spec.AfterEval, &s.afters, true)
	s.machine.add("after_eval", "listener", s.spec.Name, "value", goOn)
	return goOn
}

// evaluate returns an error if nothing was evaluated.
func (s *scriptedEvaluation) evaluate() error {
	status := answerAt(s.spec.EvaluateAndExport, &s.evaluated, "evaluated")
	s.machine.add("evaluate_and_export", "listener", s.spec.Name, "value", status)
	switch status {
	case "evaluated":
		return nil
	case "no new checkpoint":
		return modelError("runtime_error")
	}
	return &scriptedError{kind: status}
}

// A modelEvaluation is TensorFlow's listener that evaluates new checkpoints.
type modelEvaluation struct {
	model     *model
	script    *scriptedEvaluation
	hook      string
	saved     bool
	evaluated bool
	lastStep  int64
	lastTime  float64
}

func newModelEvaluatedSaver(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[evaluatedSaverSpec](h)
	period := modelPeriod{args.SaveSteps, args.SaveSecs}
	if err := period.check(m); err != nil {
		return nil, err
	}
	c := &modelCheckpoints{model: m, name: h.Name, dir: "model", path: "model/model.ckpt", timer: &modelTimer{model: m, period: period}}
	for _, spec := range args.Listeners {
		c.listeners = append(c.listeners, &modelEvaluation{model: m, script: newScriptedEvaluation(m.machine, spec), hook: h.Name})
	}
	return c, nil
}

func (l *modelEvaluation) begin() error {
	l.saved, l.evaluated = false, false
	return nil
}

func (l *modelEvaluation) beforeSave(int64) error { return nil }

func (l *modelEvaluation) afterSave(step int64) (stop bool, err error) {
	e := l.script.machine.add("listener", "hook", l.hook, "listener", l.script.spec.Name, "call", "after_save", "step", step)
	if !l.saved {
		l.saved = true
		return false, nil
	}
	if !l.script.before() {
		e["stop"] = true
		return true, nil
	}
	wentBack := step < l.lastStep && !l.model.makes("D-17")
	early := step == l.lastStep || l.model.now() < l.lastTime+l.script.spec.EvalThrottleSecs
	if l.evaluated && early && !wentBack {
		return false, nil
	}
	goOn, err := l.evaluate(step)
	if err == nil && !goOn {
		e["stop"] = true
	}
	return !goOn, err
}

func (l *modelEvaluation) evaluate(step int64) (goOn bool, err error) {
	l.evaluated, l.lastStep, l.lastTime = true, step, l.script.machine.now()
	if err := l.script.evaluate(); err != nil {
		return false, err
	}
	return l.script.after(), nil
}

func (l *modelEvaluation) end(step int64) error {
	l.script.machine.add("listener", "hook", l.hook, "listener", l.script.spec.Name, "call", "end", "step", step)
	if l.evaluated && step == l.lastStep || !l.script.before() {
		return nil
	}
	_, err := l.evaluate(step)
	return err
}

// A modelCheckpointStep is TensorFlow's hook of a worker that stops when its
// chief has saved the last step.
type modelCheckpointStep struct {
	noCallbacks
	model *model
	name  string
	last  int64
	wait  float64
}

func newModelCheckpointStep(m *model, h hookSpec) (modelCallbacks, error) {
	args := argumentsOf[checkpointStepSpec](h)
	if !m.world.estimator.isWorker() {
		return newModelStopAt(m, nil, args.LastStep)
	}
	if args.LastStep == nil {
		return nil, modelError("value_error")
	}
	c := &modelCheckpointStep{model: m, name: h.Name, last: *args.LastStep, wait: 30}
	if args.Wait != nil {
		c.wait = *args.Wait
	}
	return c, nil
}

func (h *modelCheckpointStep) begin() error {
	if h.model.globalStep() == "" {
		return modelError("no_global_step")
	}
	return nil
}

func (h *modelCheckpointStep) beforeRun(*modelContext) (*modelRequest, error) {
	return &modelRequest{runSpec: runSpec{Fetches: session.GlobalStepName}}, nil
}

func (h *modelCheckpointStep) afterRun(rc *modelContext, values map[string]session.Value) error {
	if stale, _ := values[session.GlobalStepName].Int64(); stale+1 < h.last {
		return nil
	}
	if rc.stop && !h.model.makes("D-24") {
		return nil
	}
	if saved := h.model.newest(); saved != nil && saved.step >= h.last {
		rc.stop = true
		return nil
	}
	h.model.add("sleep", "hook", h.name, "secs", h.wait)
	sleep(h.wait)
	return nil
}

// A modelStopAtSecs is TensorFlow's hook that stops after some time.
type modelStopAtSecs struct {
	noCallbacks
	model *model
	secs  float64
	began float64
}

func newModelStopAtSecs(m *model, h hookSpec) (modelCallbacks, error) {
	return &modelStopAtSecs{model: m, secs: argumentsOf[stopAtSecsSpec](h).StopAfterSecs}, nil
}

func (h *modelStopAtSecs) begin() error {
	h.began = h.model.now()
	return nil
}

func (h *modelStopAtSecs) afterRun(rc *modelContext, _ map[string]session.Value) error {
	rc.stop = rc.stop || h.model.now()-h.began >= h.secs
	return nil
}

// A modelNEvals is TensorFlow's hook that stops after a number of evaluations.
type modelNEvals struct {
	noCallbacks
	model *model
	nEvalsSpec
}

func newModelNEvals(m *model, h hookSpec) (modelCallbacks, error) {
	return &modelNEvals{model: m, nEvalsSpec: argumentsOf[nEvalsSpec](h)}, nil
}

func (h *modelNEvals) beforeRun(*modelContext) (*modelRequest, error) {
	return &modelRequest{runSpec: runSpec{Fetches: evaluations}}, nil
}

func (h *modelNEvals) afterRun(rc *modelContext, values map[string]session.Value) error {
	done, _ := values[evaluations].Int64()
	if h.NumEvals == nil {
		if h.logs() {
			h.model.add("log", "text", evaluationText(done, nil))
		}
		return nil
	}
	of := *h.NumEvals
	every := int64(1)
	if of >= 20 {
		every = of / 10
	}
	if h.logs() && (done%every == 0 || done == of) {
		h.model.add("log", "text", evaluationText(done, of))
	}
	rc.stop = rc.stop || done >= of
	return nil
}
