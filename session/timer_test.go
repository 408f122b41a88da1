package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func newTimer(t *testing.T, every time.Duration, steps int64) *session.SecondOrStepTimer {
	t.Helper()
	timer, err := session.NewSecondOrStepTimer(every, steps)
	require.NoError(t, err)
	return timer
}

func TestATimerHasExactlyOnePeriod(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		every time.Duration
		steps int64
		want  string
	}{
		{0, 0, "neither everySteps nor every is set, want exactly one"},
		{time.Second, 1, "both everySteps (1) and every (1s) are set, want exactly one"},
		{-time.Second, 0, "every is -1s, want a positive duration"},
		{0, -1, "everySteps is -1, want a positive number of steps"},
		{time.Second, -1, "everySteps is -1, want a positive number of steps"},
	} {
		_, err := session.NewSecondOrStepTimer(c.every, c.steps)
		require.ErrorContains(t, err, c.want)
	}
}

// The steps at which a hook acts that runs its timer in the usual way: after
// each of so many steps, which take so long.
func TestTimersTriggerAtTheStepsOfTensorFlow(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name       string
		every      time.Duration
		everySteps int64
		stepTime   time.Duration
		increment  int64
		runs       int
		want       []int64
	}{
		{"every 8 steps", 0, 8, 0, 1, 30, []int64{1, 9, 17, 25}},
		{"every 8 steps, 10 runs", 0, 8, 0, 1, 10, []int64{1, 9}},
		{"every 10 steps", 0, 10, 0, 1, 30, []int64{1, 11, 21}},
		{"every step", 0, 1, 0, 1, 3, []int64{1, 2, 3}},
		{"every 2 steps", 0, 2, 0, 1, 6, []int64{1, 3, 5}},
		{"late triggers shift those after them", 0, 10, 0, 4, 8, []int64{4, 16, 28}},
		{"runs of more steps than the period", 0, 5, 0, 10, 3, []int64{10, 20, 30}},
		{"every 0.5 s", 500 * time.Millisecond, 0, 500 * time.Millisecond, 1, 4, []int64{1, 2, 3, 4}},
		{"every 9 s", 9 * time.Second, 0, 3100 * time.Millisecond, 1, 8, []int64{1, 4, 7}},
		{"every 0.1 s with slower steps", 100 * time.Millisecond, 0, 200 * time.Millisecond, 1, 3, []int64{1, 2, 3}},
		{"the bound is included", 3 * time.Second, 0, time.Second, 1, 8, []int64{1, 4, 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				timer := newTimer(t, c.every, c.everySteps)
				var got []int64
				for run := range c.runs {
					step := int64(run+1) * c.increment
					if timer.ShouldTriggerForStep(step) {
						timer.UpdateLastTriggeredStep(step)
						got = append(got, step)
					}
					time.Sleep(c.stepTime)
				}
				require.Equal(t, c.want, got)
			})
		})
	}
}

func TestCheckpointTimesOfTensorFlow(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		timer := newTimer(t, 2*time.Second, 0)
		start := time.Now()
		var got []int64
		for i, at := range []time.Duration{0, 500, 2500, 2600, 2700, 10_000} {
			time.Sleep(time.Until(start.Add(at * time.Millisecond)))
			if step := int64(i + 1); timer.ShouldTriggerForStep(step) {
				timer.UpdateLastTriggeredStep(step)
				got = append(got, step)
			}
		}
		require.Equal(t, []int64{1, 3, 6}, got)
	})
}

func TestATimerOfOneSecond(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		timer := newTimer(t, time.Second, 0)
		require.True(t, timer.ShouldTriggerForStep(1))
		require.True(t, timer.ShouldTriggerForStep(1), "asking changes nothing")
		timer.UpdateLastTriggeredStep(1)
		require.False(t, timer.ShouldTriggerForStep(1))
		require.False(t, timer.ShouldTriggerForStep(2))
		time.Sleep(time.Second - time.Nanosecond)
		require.False(t, timer.ShouldTriggerForStep(2))
		time.Sleep(time.Nanosecond)
		require.False(t, timer.ShouldTriggerForStep(1), "the same step never triggers twice")
		require.True(t, timer.ShouldTriggerForStep(2))
	})
}

func TestATimerOfThreeSteps(t *testing.T) {
	leaktest.Check(t)
	timer := newTimer(t, 0, 3)
	require.True(t, timer.ShouldTriggerForStep(1))
	timer.UpdateLastTriggeredStep(1)
	for step, want := range map[int64]bool{1: false, 2: false, 3: false, 4: true, 5: true} {
		require.Equal(t, want, timer.ShouldTriggerForStep(step), "step %d", step)
	}
}

func TestAnUpdateTellsWhatHasPassed(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		timer := newTimer(t, 0, 1)
		_, known := timer.LastTriggeredStep()
		require.False(t, known)
		for _, c := range []struct {
			step    int64
			elapsed time.Duration
			steps   int64
			ok      bool
		}{
			{1, 0, 0, false},
			{5, time.Second, 4, true},
			{7, time.Second, 2, true},
			{3, time.Second, -4, true},
		} {
			elapsed, steps, ok := timer.UpdateLastTriggeredStep(c.step)
			require.Equal(t, c.elapsed, elapsed)
			require.Equal(t, c.steps, steps)
			require.Equal(t, c.ok, ok)
			last, known := timer.LastTriggeredStep()
			require.True(t, known)
			require.Equal(t, c.step, last)
			time.Sleep(time.Second)
		}
		timer.Reset()
		_, known = timer.LastTriggeredStep()
		require.False(t, known)
		require.True(t, timer.ShouldTriggerForStep(3), "a timer that was reset triggers at once")
		_, _, ok := timer.UpdateLastTriggeredStep(3)
		require.False(t, ok)
	})
}

func TestAStepThatGoesBackTriggers(t *testing.T) {
	leaktest.Check(t)
	for name, timer := range map[string]*session.SecondOrStepTimer{
		"every 100 steps": newTimer(t, 0, 100), "every hour": newTimer(t, time.Hour, 0),
	} {
		t.Run(name, func(t *testing.T) {
			timer.UpdateLastTriggeredStep(500)
			require.False(t, timer.ShouldTriggerForStep(501))
			require.True(t, timer.ShouldTriggerForStep(400), "training has gone back to an older checkpoint")
			timer.UpdateLastTriggeredStep(400)
			require.False(t, timer.ShouldTriggerForStep(401))
		})
	}
}

func TestStepZeroIsAStep(t *testing.T) {
	leaktest.Check(t)
	timer := newTimer(t, 0, 2)
	require.True(t, timer.ShouldTriggerForStep(0))
	timer.UpdateLastTriggeredStep(0)
	require.False(t, timer.ShouldTriggerForStep(0))
	require.False(t, timer.ShouldTriggerForStep(1))
	require.True(t, timer.ShouldTriggerForStep(2))
	last, ok := timer.LastTriggeredStep()
	require.True(t, ok)
	require.Zero(t, last)
}

func TestTheNeverTriggerTimerNeverTriggers(t *testing.T) {
	leaktest.Check(t)
	var timer session.Timer = session.NeverTriggerTimer{}
	for step := range int64(3) {
		require.False(t, timer.ShouldTriggerForStep(step))
		elapsed, steps, ok := timer.UpdateLastTriggeredStep(step)
		require.Zero(t, elapsed)
		require.Zero(t, steps)
		require.False(t, ok)
	}
	timer.Reset()
	_, ok := timer.LastTriggeredStep()
	require.False(t, ok)
}
