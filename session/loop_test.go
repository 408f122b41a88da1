package session_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestEveryCallsAtOnceAndThenAtFixedTimes(t *testing.T) {
	leaktest.Check(t)
	const s = time.Second
	for _, c := range []struct {
		name           string
		interval, stop time.Duration
		takes          []time.Duration // a call; the last goes on
		want           []time.Duration // begin of each call
	}{
		{"until the stop", 2 * s, 5 * s, []time.Duration{0}, []time.Duration{0, 2 * s, 4 * s}},
		{"what a call takes does not matter", 2 * s, 5 * s, []time.Duration{s}, []time.Duration{0, 2 * s, 4 * s}},
		{"missed calls are made one after another", 2 * s, 11 * s, []time.Duration{5 * s, s / 2}, []time.Duration{0, 5 * s, 5*s + s/2, 6 * s, 8 * s, 10 * s}},
		{"without an interval call follows call", 0, 4 * s, []time.Duration{s + s/2}, []time.Duration{0, s + s/2, 3 * s}},
		{"calls that are missed at the stop are not made", 2 * s, 6 * s, []time.Duration{7 * s}, []time.Duration{0}},
		{"not at all after a stop", s, 0, []time.Duration{0}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				coord := newCoordinator(t)
				start := time.Now()
				if c.stop == 0 {
					coord.RequestStop(nil)
				}
				stop := time.AfterFunc(c.stop, func() { coord.RequestStop(nil) })
				defer stop.Stop()
				var calls []time.Duration
				coord.Every("tick", c.interval, func(context.Context) error {
					calls = append(calls, time.Since(start))
					time.Sleep(c.takes[min(len(calls), len(c.takes))-1])
					return nil
				})
				require.NoError(t, coord.Join(time.Minute))
				require.Equal(t, c.want, calls)
			})
		})
	}
}

func TestAStopWakesALoopThatWaits(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		coord.Every("rare", 100*time.Hour, func(context.Context) error { return nil })
		time.Sleep(time.Second)
		start := time.Now()
		coord.RequestStop(nil)
		require.NoError(t, coord.Join(0))
		require.Zero(t, time.Since(start))
	})
}

func TestALoopEndsWithItsFunction(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name string
		fn   func(ctx context.Context, coord *session.Coordinator) error
		want string // of Join, "" for none
	}{
		{"that fails", func(context.Context, *session.Coordinator) error { return errBroken }, `session: goroutine "tick": broken`},
		{"that has come to the end of input", func(context.Context, *session.Coordinator) error { return session.ErrOutOfRange }, ""},
		{"that asks for a stop", func(_ context.Context, coord *session.Coordinator) error { return coord.RequestStop(nil) }, ""},
		{"that is interrupted", func(ctx context.Context, coord *session.Coordinator) error {
			coord.RequestStop(nil)
			return fmt.Errorf("read: %w", ctx.Err())
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				coord := newCoordinator(t)
				calls := 0
				coord.Every("tick", 0, func(ctx context.Context) error {
					if calls++; calls == 4 {
						return c.fn(ctx, coord)
					}
					return nil
				})
				err := coord.Join(time.Minute)
				require.Equal(t, 4, calls)
				require.True(t, coord.ShouldStop())
				if c.want == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, c.want)
				}
			})
		})
	}
}

func TestALoopThatIsInterruptedGoesOnToWhatFollowsIt(t *testing.T) {
	leaktest.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, session.Loop(ctx, 0, func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	}))
	require.Equal(t, errBroken, session.Loop(t.Context(), 0, func(context.Context) error { return errBroken }))
}

func TestALoopThatCannotBe(t *testing.T) {
	leaktest.Check(t)
	coord := newCoordinator(t)
	coord.Every("nothing", time.Second, nil)
	require.EqualError(t, coord.Join(0), `session: goroutine "nothing": session: Loop: the function is nil`)
	coord.ClearStop()
	coord.Go("nothing", nil)
	require.EqualError(t, coord.Join(time.Minute), `session: goroutine "nothing": session: Go: the function is nil`)
	coord.ClearStop()
	coord.Every("back", -time.Second, func(context.Context) error { return nil })
	require.EqualError(t, coord.Join(0), `session: goroutine "back": session: Loop: the interval is -1s, want 0 or more`)
}
