package tftrace

import (
	"encoding/json"
	"maps"
)

// A modelTraining is TensorFlow's MonitoredTrainingSession.
type modelTraining struct {
	*model
	phase    phaseSpec
	scenario map[string][]summarySpec // its summaries
	saved    map[string]*variables    // newest checkpoint by folder
}

var _ trainingStack = (*modelTraining)(nil)

func (m *modelTraining) next(p phaseSpec) {
	if dir := m.phase.Args.CheckpointDir; dir != "" && !m.phase.Args.isWorker() {
		m.saved[dir] = m.machine.saved
	}
	m.phase = p
	m.writers = make(map[string]*modelWriter) // of a new process
	m.graph.Summaries = maps.Clone(m.scenario)
	if len(m.scenario) > 0 {
		m.graph.Summaries[allSummaries] = graphSpec{Summaries: m.scenario}.allSummaries()
	}
}

func (m *modelTraining) open(phaseSpec, []string) (monitored, error) {
	names, err := m.hookNames()
	if err != nil {
		return nil, err
	}
	return m.model.open(phaseSpec{}, names)
}

func (m *modelTraining) with(_ phaseSpec, _ []string, body func(monitored) error) error {
	names, err := m.hookNames()
	if err != nil {
		return err
	}
	return m.model.with(phaseSpec{}, names, body)
}

// either is what two periods that exclude each other come to: the defaults if
// neither is given, else None for the one that is not.
func either(steps optional[int64], secs optional[float64], defaultSteps, defaultSecs float64) (modelPeriod, bool) {
	p := modelPeriod{steps: steps.value, secs: secs.value}
	if !steps.given && !secs.given {
		if n := int64(defaultSteps); n > 0 {
			p.steps = &n
		}
		if defaultSecs > 0 {
			p.secs = &defaultSecs
		}
	}
	return p, p.steps != nil && *p.steps > 0 || p.secs != nil && *p.secs > 0
}

// both reports whether steps and seconds are given.
func (p modelPeriod) both() bool {
	steps, secs := p.orZero()
	return steps > 0 && secs > 0
}

// hookNames makes the hooks of the phase and names them in their order.
func (m *modelTraining) hookNames() ([]string, error) {
	args := m.phase.Args
	m.spec.OnRecreate = "reset"
	m.machine.saved = nil
	summaries, recorded := either(args.SaveSummariesSteps, args.SaveSummariesSecs, 100, 0)
	checkpoints, kept := either(args.SaveCheckpointStep, args.SaveCheckpointSecs, 0, 600)
	if (summaries.both() || checkpoints.both()) && !m.makes("D-14") {
		return nil, modelError("value_error") // before anything is made
	}
	if args.isWorker() {
		m.waits = m.worker()
		return args.Hooks, nil
	}
	m.waits = nil
	if args.CheckpointDir != "" {
		m.spec.OnRecreate = "checkpoint"
		m.machine.saved = m.saved[args.CheckpointDir]
	}
	summaryDir := args.SummaryDir
	if summaryDir == "" {
		summaryDir = args.CheckpointDir
	}
	names := args.ChiefOnlyHooks
	make := func(hookType string, args map[string]any) error {
		encoded, err := json.Marshal(args)
		if err != nil {
			return err
		}
		shown := event{}
		for key, value := range args {
			if key != "scaffold" && value != nil {
				shown[key] = asJSON(value)
			}
		}
		if err := m.construct(hookSpec{Type: hookType, Name: hookType, arguments: encoded}); err != nil {
			return err
		}
		m.add("construct", "hook", hookType, "args", map[string]any(shown))
		names = append(names, hookType)
		return nil
	}
	counts := int64(100)
	if n := args.LogStepCountSteps; n.given {
		counts = 0
		if n.value != nil {
			counts = *n.value
		}
	}
	if summaryDir != "" && counts > 0 {
		if err := make("step_counter", map[string]any{"every_n_steps": counts, "output_dir": summaryDir}); err != nil {
			return nil, err
		}
	}
	if summaryDir != "" && recorded {
		saver := m.periodArgs(summaries)
		saver["output_dir"] = summaryDir
		scaffold := map[string]any{}
		if len(m.scenario) > 0 {
			scaffold["summary_op"] = allSummaries
		}
		saver["scaffold"] = scaffold
		if err := make("summary_saver", saver); err != nil {
			return nil, err
		}
	}
	user := args.Hooks
	if !m.makes("D-12") { // what they do at the end belongs to the last checkpoint
		names, user = append(names, user...), nil
	}
	if args.CheckpointDir != "" && kept {
		saver := m.periodArgs(checkpoints)
		saver["checkpoint_dir"] = args.CheckpointDir
		if err := make("checkpoint_saver", saver); err != nil {
			return nil, err
		}
	}
	return append(names, user...), nil
}

// periodArgs are the arguments that a period is passed as. To TensorFlow 0 is one.
func (m *modelTraining) periodArgs(p modelPeriod) map[string]any {
	args := make(map[string]any)
	if p.steps != nil && (*p.steps > 0 || m.makes("D-14")) {
		args["save_steps"] = *p.steps
	}
	if p.secs != nil && (*p.secs > 0 || m.makes("D-14")) {
		args["save_secs"] = *p.secs
	}
	return args
}

// worker is how a worker waits for its chief, with one session open already: it
// tries another one every 30 s, while that fits into the limit.
func (m *modelTraining) worker() func() error {
	return func() error {
		if m.phase.ChiefIsReady == nil || *m.phase.ChiefIsReady {
			return nil
		}
		limit := 7200.0
		if m.phase.Args.MaxWaitSecs != nil {
			limit = *m.phase.Args.MaxWaitSecs
		}
		try := 30 + m.spec.CreateSecs
		for waited := m.spec.CreateSecs; waited+30 <= limit; waited += try {
			sleep(try)
		}
		return modelError("deadline_exceeded")
	}
}
