package tftrace

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
)

func init() { replayers["timer"] = replayTimer }

// A timerScenario is a SecondOrStepTimer by itself.
type timerScenario struct {
	scenarioHead
	Timer struct {
		EverySteps *int64   `json:"every_steps"`
		EverySecs  *float64 `json:"every_secs"`
	}
	Ops []struct {
		Op   string
		Step int64
		Secs float64
	}
}

func replayTimer(t *testing.T, d document) outcome {
	var s timerScenario
	require.NoError(t, decodeStrictly(d.Scenario, &s))
	play := func(make func(r *recorder) (timed, error)) (tr trace) {
		inBubble(t, func(*testing.T) {
			r := newRecorder()
			s.play(r, make)
			tr = trace{Events: r.events}.binding(nil)
		})
		return tr
	}
	got := play(func(*recorder) (timed, error) { return s.libraryTimer() })
	return judge(recorded(t, d).binding(nil), got, func(mended mended) trace {
		return play(func(r *recorder) (timed, error) {
			m := newModel(&machine{recorder: r}, mended)
			timer := &modelTimer{model: m, period: modelPeriod{s.Timer.EverySteps, s.Timer.EverySecs}}
			return timer, timer.period.check(m)
		})
	})
}

// A timed is a timer of the library or of the model.
type timed interface {
	reset()
	shouldTrigger(step int64) bool
	update(step int64) (secs float64, steps int64, ok bool)
	last() (step int64, ok bool)
}

func (s *timerScenario) play(r *recorder, make func(r *recorder) (timed, error)) {
	r.add("call", "op", "construct")
	timer, err := make(r)
	if err != nil {
		r.add("raise", "op", "construct").fail(err)
		return
	}
	r.add("return", "op", "construct")
	for _, op := range s.Ops {
		switch op.Op {
		case "should_trigger":
			r.add("timer", "op", op.Op, "step", op.Step, "value", timer.shouldTrigger(op.Step))
		case "update":
			e := r.add("timer", "op", op.Op, "step", op.Step)
			if secs, steps, ok := timer.update(op.Step); ok {
				e.set("elapsed_secs", secs)
				e.set("elapsed_steps", steps)
			}
		case "last":
			e := r.add("timer", "op", op.Op)
			if step, ok := timer.last(); ok {
				e.set("value", step)
			}
		case "reset":
			timer.reset()
			r.add("timer", "op", op.Op)
		case "advance":
			sleep(op.Secs)
		default:
			panic("timer: " + op.Op)
		}
	}
}

// A libraryTimer is a timer of this library.
type libraryTimer struct{ session.Timer }

func (s *timerScenario) libraryTimer() (timed, error) {
	var steps int64
	if s.Timer.EverySteps != nil {
		steps = *s.Timer.EverySteps
	}
	var every time.Duration
	if s.Timer.EverySecs != nil {
		every = seconds(*s.Timer.EverySecs)
	}
	timer, err := session.NewSecondOrStepTimer(every, steps)
	if err != nil {
		return nil, &scriptedError{kind: "value_error", message: err.Error()}
	}
	return libraryTimer{timer}, nil
}

func (t libraryTimer) reset() { t.Reset() }

func (t libraryTimer) shouldTrigger(step int64) bool { return t.ShouldTriggerForStep(step) }

func (t libraryTimer) update(step int64) (float64, int64, bool) {
	elapsed, steps, ok := t.UpdateLastTriggeredStep(step)
	return elapsed.Seconds(), steps, ok
}

func (t libraryTimer) last() (int64, bool) { return t.LastTriggeredStep() }
