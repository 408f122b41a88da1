package tftrace

import "slices"

// A stack is what has monitored sessions: this library, or the model of
// TensorFlow.
type stack interface {
	// construct makes a hook.
	construct(h hookSpec) error
	// open opens a monitored session over hooks that were constructed.
	open(p phaseSpec, hooks []string) (monitored, error)
	// with does the same, calls body, and leaves the block with what it returned.
	with(p phaseSpec, hooks []string, body func(monitored) error) error
	// closeWriter closes the cached writer of a folder.
	closeWriter(dir string) error
	// close ends what is still open of files.
	close() error
}

// A monitored session. Values come in the structure of the fetches.
type monitored interface {
	run(r runSpec) (any, error)
	shouldStop() (bool, error)
	runStepFn(fn func(c stepContext) (any, error)) (any, error)
	close() error
}

// A stepContext is what a step function works with.
type stepContext interface {
	run(r runSpec) (any, error)
	rawRun(r runSpec) (any, error)
	requestStop() error
}

// perform plays a scenario on a stack. What it sees goes to r. The job ends with
// a hook that cannot be constructed.
func perform(s *scenario, r *recorder, on stack) {
	for _, h := range s.Hooks {
		if err := on.construct(h); err != nil {
			r.add("call", "op", "construct", "hook", h.Name)
			r.add("raise", "op", "construct").fail(err)
			return
		}
	}
	objects := make(map[string]*optionsSpec)
	for _, phase := range s.Phases {
		p := &program{recorder: r, stack: on, objects: objects, catchAll: phase.Style == "explicit"}
		p.play(phase, s.hookNames(phase))
	}
}

func (s *scenario) hookNames(p phaseSpec) []string {
	if p.Hooks != nil {
		return p.Hooks
	}
	var names []string
	for _, h := range s.Hooks {
		names = append(names, h.Name)
	}
	return names
}

// A program plays one phase.
type program struct {
	*recorder
	stack    stack
	objects  map[string]*optionsSpec
	catchAll bool

	session monitored
}

func (p *program) play(phase phaseSpec, hooks []string) {
	p.add("call", "op", "open")
	if p.catchAll {
		s, err := p.stack.open(phase, hooks)
		p.ended("open", nil, err)
		if err == nil {
			p.session = s
			p.operations(phase.Program)
			p.off = true
			p.session.close()
			p.off = false
		}
		return
	}
	opened := false
	err := p.stack.with(phase, hooks, func(s monitored) error {
		opened = true
		p.session = s
		p.ended("open", nil, nil)
		err := p.operations(phase.Program)
		p.add("call", "op", "exit").fail(err)
		return err
	})
	if !opened {
		p.ended("open", nil, err)
	} else {
		p.ended("exit", nil, err)
	}
}

// ended writes what came of an operation.
func (p *program) ended(op string, value any, err error) error {
	if err != nil {
		return p.add("raise", "op", op).fail(err)
	}
	p.add("return", "op", op, "value", value)
	return nil
}

func (p *program) operations(program []operation) error {
	for _, op := range program {
		if op.OptionsObject != "" {
			if p.objects[op.OptionsObject] == nil {
				p.objects[op.OptionsObject] = op.Options.clone()
			}
			op.Options, op.shared = p.objects[op.OptionsObject], true
		}
		if err := p.operation(op); err != nil && !op.Catch && !p.catchAll {
			return err
		}
	}
	return nil
}

func (p *program) operation(op operation) error {
	switch op.Op {
	case "run":
		return p.run(op.runSpec)
	case "should_stop":
		_, err := p.shouldStop()
		return err
	case "run_until_stop":
		return p.runUntilStop(op)
	case "pause":
		sleep(op.Secs)
		return nil
	case "run_step_fn":
		return p.runStepFn(op.Steps)
	case "raise":
		p.add("call", "op", "raise")
		return p.ended("raise", nil, &scriptedError{kind: op.Kind})
	case "close":
		p.add("call", "op", "close")
		return p.ended("close", nil, p.session.close())
	case "close_writer":
		return p.stack.closeWriter(op.Dir)
	}
	panic("operation " + op.Op)
}

func (p *program) run(r runSpec) error {
	p.add("call", "op", "run")
	value, err := p.session.run(r.fresh())
	return p.ended("run", value, err)
}

func (p *program) shouldStop() (bool, error) {
	p.add("call", "op", "should_stop")
	stop, err := p.session.shouldStop()
	return stop, p.ended("should_stop", stop, err)
}

func (p *program) runUntilStop(op operation) error {
	for range op.Max {
		if stop, err := p.shouldStop(); stop || err != nil {
			return err
		}
		if err := p.run(op.runSpec); err != nil {
			return err
		}
		sleep(op.Pause)
	}
	return nil
}

func (p *program) runStepFn(steps []stepSpec) error {
	p.add("call", "op", "run_step_fn")
	attempt := 0
	value, err := p.session.runStepFn(func(c stepContext) (value any, err error) {
		attempt++
		p.add("step_fn")
		for _, step := range steps {
			switch step.Do {
			case "run":
				value, err = c.run(step.fresh())
			case "raw_run":
				value, err = c.rawRun(step.runSpec)
			case "request_stop":
				err = c.requestStop()
			case "raise":
				if step.Attempt == 0 || step.Attempt == attempt {
					err = &scriptedError{kind: step.Kind}
				}
			default:
				panic("step " + step.Do)
			}
			if err != nil {
				return nil, err
			}
		}
		return value, nil
	})
	return p.ended("run_step_fn", value, err)
}

// hookTypes returns the types of a scenario's hooks, each once.
func (s *scenario) hookTypes() []string {
	var types []string
	for _, h := range s.Hooks {
		types = append(types, h.Type)
	}
	return slices.Compact(slices.Sorted(slices.Values(types)))
}
