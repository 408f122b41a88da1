package tftrace

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
)

func init() { replayers["early_stopping"] = replayEarlyStopping }

// earlyPrefix is what the types of this family's hooks are registered with: some
// have other arguments than those of the same name elsewhere.
const earlyPrefix = "early_stopping "

func replayEarlyStopping(t *testing.T, d document) outcome {
	var s earlyStopping
	require.NoError(t, decodeStrictly(d.Scenario, &s))
	for _, phase := range s.phases() {
		for _, h := range phase.Hooks {
			if libraryHooks[earlyPrefix+h.Type] == nil {
				return unknown("hook " + h.Type + " of early_stopping")
			}
		}
	}
	want := recorded(t, d)
	if len(s.Reads) > 0 {
		return outcome{different: difference(want, playReads(t, &s), exactly)}
	}
	return judge(want, playEarlyLibrary(t, &s), func(mended mended) trace { return playEarlyModel(t, &s, mended) })
}

// playReads reads evaluations while they are written.
func playReads(t *testing.T, s *earlyStopping) (tr trace) {
	dir := t.TempDir()
	inBubble(t, func(t *testing.T) {
		r := newRecorder()
		w := newWorld(s, r, dir)
		for _, read := range s.Reads {
			if read.Op == "pause" {
				sleep(read.Secs)
				continue
			}
			require.NoError(t, w.catchUp())
			metrics, err := hooks.ReadEvalMetrics(w.folder(read.Dir))
			if err != nil {
				require.ErrorAs(t, err, new(*hooks.DamagedEvalError))
			}
			shown := []any{}
			for _, m := range metrics {
				values := make(map[string]any)
				for tag, value := range m.Values {
					values[tag] = asJSON(value)
				}
				shown = append(shown, []any{asJSON(m.Step), values})
			}
			r.add("eval_metrics", "dir", read.Dir)["value"] = shown
		}
		tr.Events = r.events
	})
	return tr
}

func playEarlyLibrary(t *testing.T, s *earlyStopping) (tr trace) {
	t.Helper()
	dir := t.TempDir()
	inBubble(t, func(t *testing.T) {
		r := newRecorder()
		r.noting = true
		m := newMachine(new(scenario), r)
		m.world = newWorld(s, r, dir)
		l := newLibrary(t.Context(), dir, m)
		performEarly(s, m, l)
		require.NoError(t, l.close())
		tr = trace{Events: r.events}
	})
	return tr.early()
}

func playEarlyModel(t *testing.T, s *earlyStopping, mended mended) (tr trace) {
	t.Helper()
	inBubble(t, func(t *testing.T) {
		r := newRecorder()
		r.noting = true
		m := newModel(newMachine(new(scenario), r), mended)
		m.machine.world = newWorld(s, r, "")
		performEarly(s, m.machine, m)
		tr = trace{Events: r.events}
	})
	return tr.early()
}

// early leaves of a trace what traces of this family have.
func (tr trace) early() trace {
	return trace{Events: slices.DeleteFunc(tr.Events, func(e event) bool {
		switch e["ev"] {
		case "open", "ran", "check", "asks_stop", "sleep", "failed", "should_stop", "end", "exit",
			"evaluate", "log", "listener", "before_eval", "after_eval", "evaluate_and_export", "construct":
			delete(e, "session")
			if parts, failed := e["error"].([]errorPart); failed {
				e["error"] = asRaised(parts)
			}
			if e["ev"] == "ran" {
				e["ev"] = "engine_run"
			}
			if e["ev"] == "end" {
				delete(e, "error") // which comes by itself
			}
			if e["ev"] == "construct" {
				e["ev"] = "raise"
			}
			return false
		}
		return true
	})}
}

// asRaised gives the error of a missing global step the kind that it has in
// traces of this family.
func asRaised(parts []errorPart) []errorPart {
	raised := slices.Clone(parts)
	for i := range raised {
		if raised[i].kind == "no_global_step" {
			raised[i].kind = "runtime_error"
		}
	}
	return raised
}

// performEarly plays the phases of a scenario.
func performEarly(s *earlyStopping, m *machine, on stack) {
	for _, phase := range s.phases() {
		m.world.estimator = *phase.Estimator
		m.world.flag, m.world.saveableObjects = false, phase.Graph.SaveableObjects
		m.graph, m.spec = phase.Graph.spec(), s.Engine
		if m.spec.RunSecs == nil {
			m.spec.RunSecs = perRun[float64]{1}
		}
		m.spec.OnRecreate = "reset"
		if phase.Restore {
			m.spec.OnRecreate = "checkpoint"
		}
		performEarlyPhase(m.recorder, phase, on)
	}
}

func performEarlyPhase(r *recorder, phase earlyPhase, on stack) {
	var names []string
	for _, h := range phase.Hooks {
		h.Type = earlyPrefix + h.Type
		if err := on.construct(h); err != nil {
			r.add("construct", "op", "construct", "hook", h.Name).fail(err)
			return
		}
		names = append(names, h.Name)
	}
	err := on.with(phaseSpec{}, names, func(m monitored) error {
		r.add("open")
		for _, op := range phase.Program {
			if err := earlyRuns(r, m, op); err != nil {
				return err
			}
		}
		return nil
	})
	r.add("exit").fail(err)
}

func earlyRuns(r *recorder, m monitored, op operation) error {
	if op.Op != "run_until_stop" {
		panic("operation " + op.Op)
	}
	for range op.Max {
		if stop, err := m.shouldStop(); stop || err != nil {
			break
		}
		if _, err := m.run(runSpec{Fetches: "train"}); err != nil {
			return err
		}
		sleep(op.Pause)
	}
	stop, err := m.shouldStop()
	if err != nil {
		return err
	}
	r.add("should_stop", "value", stop)
	return nil
}
