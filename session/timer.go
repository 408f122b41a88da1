package session

import (
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
)

// A Timer tells a hook at which global steps to act.
type Timer interface {
	// Reset forgets the last triggered step.
	Reset()
	// ShouldTriggerForStep reports whether it is time to act at step. It changes
	// nothing.
	ShouldTriggerForStep(step int64) bool
	// UpdateLastTriggeredStep says that the hook acts at step, now. It returns the
	// time and the steps since the time before; ok is false if there was none.
	UpdateLastTriggeredStep(step int64) (elapsed time.Duration, steps int64, ok bool)
	// LastTriggeredStep returns the step of the last update; ok is false if there
	// was none.
	LastTriggeredStep() (step int64, ok bool)
}

// A SecondOrStepTimer triggers at the first step it is asked for, and then
// every so many steps, or as soon as so much time has passed. The next period
// begins at the step that the last one was updated with, so that late triggers
// shift those after them: a period of 8 that begins at 1 gives 1, 9, 17, 25.
// The same step never triggers twice. A step below the last triggered one
// triggers: training has gone back to an older checkpoint.
//
// Time is monotonic. A timer is used by one goroutine at a time.
type SecondOrStepTimer struct {
	everySteps int64 // 0: every is what counts
	every      time.Duration

	triggered bool
	lastStep  int64
	lastTime  time.Time
}

var (
	_ Timer = (*SecondOrStepTimer)(nil)
	_ Timer = NeverTriggerTimer{}
)

// NewSecondOrStepTimer returns a timer with a period of every or of
// everySteps: exactly one of them is positive, the other 0.
func NewSecondOrStepTimer(every time.Duration, everySteps int64) (*SecondOrStepTimer, error) {
	if err := faults.Join("session: NewSecondOrStepTimer", cadence.Check("everySteps", everySteps, "every", every)); err != nil {
		return nil, err
	}
	return &SecondOrStepTimer{everySteps: everySteps, every: every}, nil
}

// Reset implements [Timer].
func (t *SecondOrStepTimer) Reset() { t.triggered = false }

// ShouldTriggerForStep implements [Timer].
func (t *SecondOrStepTimer) ShouldTriggerForStep(step int64) bool {
	switch {
	case !t.triggered || step < t.lastStep:
		return true
	case step == t.lastStep:
		return false
	case t.everySteps > 0:
		return step-t.lastStep >= t.everySteps
	default:
		return time.Since(t.lastTime) >= t.every
	}
}

// UpdateLastTriggeredStep implements [Timer]. steps is negative when training
// has gone back.
func (t *SecondOrStepTimer) UpdateLastTriggeredStep(step int64) (elapsed time.Duration, steps int64, ok bool) {
	now := time.Now()
	if t.triggered {
		elapsed, steps, ok = now.Sub(t.lastTime), step-t.lastStep, true
	}
	t.triggered, t.lastStep, t.lastTime = true, step, now
	return elapsed, steps, ok
}

// LastTriggeredStep implements [Timer].
func (t *SecondOrStepTimer) LastTriggeredStep() (step int64, ok bool) {
	if !t.triggered {
		return 0, false
	}
	return t.lastStep, true
}

// NeverTriggerTimer is a [Timer] that never triggers.
type NeverTriggerTimer struct{}

// Reset does nothing.
func (NeverTriggerTimer) Reset() {}

// ShouldTriggerForStep returns false.
func (NeverTriggerTimer) ShouldTriggerForStep(int64) bool { return false }

// UpdateLastTriggeredStep does nothing.
func (NeverTriggerTimer) UpdateLastTriggeredStep(int64) (time.Duration, int64, bool) {
	return 0, 0, false
}

// LastTriggeredStep knows of none.
func (NeverTriggerTimer) LastTriggeredStep() (int64, bool) { return 0, false }
