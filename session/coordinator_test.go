package session_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// newCoordinator returns one with TensorFlow's clean stops.
func newCoordinator(t *testing.T) *session.Coordinator {
	t.Helper()
	return session.NewCoordinator(t.Context(), session.CoordinatorConfig{})
}

func TestACoordinatorToldToStop(t *testing.T) {
	leaktest.Check(t)
	other := errors.New("other")
	for _, c := range []struct {
		name  string
		errs  []error // of RequestStop, in order
		want  []error // of Err
		cause error
	}{
		{"for no reason", []error{nil}, nil, session.ErrStopRequested},
		{"by the end of input", []error{fmt.Errorf("queue: %w", session.ErrOutOfRange)}, nil, session.ErrStopRequested},
		{"by the end of input and more", []error{errors.Join(session.ErrOutOfRange, errBroken)}, []error{session.ErrOutOfRange, errBroken}, errors.Join(session.ErrOutOfRange, errBroken)},
		{"by ErrStop, which is an error", []error{session.ErrStop}, []error{session.ErrStop}, session.ErrStop},
		{"by an error", []error{errBroken}, []error{errBroken}, errBroken},
		{"by two errors keeps both, the first first", []error{errBroken, other}, []error{errBroken, other}, errBroken},
		{"by an error after a plain stop keeps the error", []error{nil, errBroken}, []error{errBroken}, session.ErrStopRequested},
		{"by an error after the end of input keeps the error", []error{session.ErrOutOfRange, errBroken}, []error{errBroken}, session.ErrStopRequested},
	} {
		t.Run(c.name, func(t *testing.T) {
			coord := newCoordinator(t)
			require.False(t, coord.ShouldStop())
			require.NoError(t, coord.Err())
			for _, err := range c.errs {
				require.NoError(t, coord.RequestStop(err))
			}
			require.True(t, coord.ShouldStop())
			require.Equal(t, c.cause, context.Cause(coord.Context()))
			for _, want := range c.want {
				require.ErrorIs(t, coord.Err(), want)
			}
			switch {
			case len(c.want) == 0:
				require.NoError(t, coord.Err())
			case len(c.errs) == 2 && c.errs[0] != nil && len(c.want) == 2:
				require.EqualError(t, coord.Err(), "broken\nother")
			case len(c.want) == 1:
				require.Equal(t, c.want[0], coord.Err())
			}
			require.Equal(t, coord.Err(), coord.Join(0))
			require.Equal(t, coord.Err(), coord.Join(0), "another Join returns it again")
		})
	}
}

func TestWhatIsACleanStopCanBeChosen(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name  string
		clean func(error) bool
		err   error
		want  bool
	}{
		{"nothing", func(error) bool { return false }, session.ErrOutOfRange, false},
		{"one's own error", func(err error) bool { return errors.Is(err, errBroken) }, fmt.Errorf("x: %w", errBroken), true},
		{"one's own error and no other", func(err error) bool { return errors.Is(err, errBroken) }, session.ErrOutOfRange, false},
		{"that of monitored sessions", session.IsCleanStop, session.ErrStop, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			coord := session.NewCoordinator(t.Context(), session.CoordinatorConfig{CleanStop: c.clean})
			coord.Go("reader", func(context.Context) error { return c.err })
			err := coord.Join(time.Minute)
			require.True(t, coord.ShouldStop())
			if c.want {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.err)
			}
		})
	}
}

func TestWaitForStop(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		within := func(d time.Duration) bool {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			defer cancel()
			return coord.WaitForStop(ctx)
		}
		start := time.Now()
		require.False(t, within(time.Second))
		require.Equal(t, time.Second, time.Since(start))
		require.False(t, within(0))

		time.AfterFunc(2*time.Second, func() { coord.RequestStop(nil) })
		require.True(t, within(time.Hour), "woken by another goroutine")
		require.Equal(t, 3*time.Second, time.Since(start))
		require.True(t, within(0), "a stop counts even if there is no time to wait")
		require.True(t, coord.WaitForStop(t.Context()))
	})
}

func TestAWaiterSeesAStopThatIsClearedAtOnce(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		seen := make(chan bool, 1)
		go func() { seen <- coord.WaitForStop(t.Context()) }()
		synctest.Wait()
		coord.RequestStop(nil)
		coord.ClearStop()
		require.True(t, <-seen)
	})
}

func TestAfterJoinErrorsAreReturnedToWhoReportsThem(t *testing.T) {
	leaktest.Check(t)
	coord := newCoordinator(t)
	require.False(t, coord.Joined())
	require.NoError(t, coord.Join(0))
	require.True(t, coord.Joined())

	require.Equal(t, errBroken, coord.RequestStop(errBroken))
	require.False(t, coord.ShouldStop())
	require.NoError(t, coord.Err())
	require.NoError(t, coord.RequestStop(session.ErrOutOfRange), "a clean stop is no error")
	require.True(t, coord.ShouldStop())

	coord.ClearStop()
	require.False(t, coord.Joined())
	require.NoError(t, coord.RequestStop(errBroken))
	require.Equal(t, errBroken, coord.Join(0))
}

func TestClearStopMakesACoordinatorNew(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		other := errors.New("other")
		first := coord.Context()
		require.Equal(t, first, coord.Context())
		coord.ClearStop()
		require.Equal(t, first, coord.Context(), "there was nothing to clear")

		coord.RequestStop(errBroken)
		require.Equal(t, errBroken, coord.Join(0))
		coord.ClearStop()
		require.False(t, coord.ShouldStop())
		require.NoError(t, coord.Err())
		require.NoError(t, coord.Context().Err())
		require.Error(t, first.Err(), "whoever began before is told to stop for good")

		coord.Go("second", func(ctx context.Context) error { time.Sleep(time.Second); return other })
		require.EqualError(t, coord.Join(0), `session: goroutine "second": other`)
	})
}

func TestClearStopDoesNotOutliveTheContext(t *testing.T) {
	leaktest.Check(t)
	ctx, cancel := context.WithCancel(t.Context())
	coord := session.NewCoordinator(ctx, session.CoordinatorConfig{})
	coord.RequestStop(nil)
	coord.ClearStop()
	require.False(t, coord.ShouldStop())
	cancel()
	require.True(t, coord.ShouldStop())
	coord.ClearStop()
	require.True(t, coord.ShouldStop())
}

func TestACoordinatorEndsWithItsContext(t *testing.T) {
	leaktest.Check(t)
	reason := errors.New("ctrl-c")
	ctx, cancel := context.WithCancelCause(t.Context())
	coord := session.NewCoordinator(ctx, session.CoordinatorConfig{})
	cancel(reason)
	require.True(t, coord.ShouldStop())
	require.Equal(t, reason, context.Cause(coord.Context()))
	require.NoError(t, coord.Err(), "an interruption is no failure of its goroutines")
}

func TestErrorsOfGoroutines(t *testing.T) {
	leaktest.Check(t)
	for _, c := range []struct {
		name string
		fn   func(ctx context.Context) error
		stop bool   // on its own
		want string // of Join, "" for none
	}{
		{"a goroutine that ends well stops nothing", func(context.Context) error { return nil }, false, ""},
		{"an error stops all and is named", func(context.Context) error { return errBroken }, true, `session: goroutine "worker": broken`},
		{"the end of input stops all", func(context.Context) error { return session.ErrOutOfRange }, true, ""},
		{"ErrStop is an error", func(context.Context) error { return session.ErrStop }, true, `session: goroutine "worker": session: stop`},
		{"the news of the stop is no error", func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("read: %w", ctx.Err()) }, false, ""},
		{"the cause of the stop is no error", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, false, ""},
		{"a cancellation before any stop is an error", func(context.Context) error { return context.Canceled }, true, `session: goroutine "worker": context canceled`},
		{"an error after the stop is one", func(ctx context.Context) error { <-ctx.Done(); return errors.Join(ctx.Err(), errBroken) }, false, "session: goroutine \"worker\": context canceled\nbroken"},
		{"runtime.Goexit is an end", func(context.Context) error { runtime.Goexit(); return nil }, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				coord := newCoordinator(t)
				coord.Go("worker", c.fn)
				synctest.Wait()
				require.Equal(t, c.stop, coord.ShouldStop())
				coord.RequestStop(nil)
				err := coord.Join(time.Minute)
				if c.want == "" {
					require.NoError(t, err)
				} else {
					require.EqualError(t, err, c.want)
				}
			})
		})
	}
}

func TestTheFirstErrorIsNotRepeatedByThoseItStops(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		for range 3 {
			coord.Go("follower", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		}
		coord.Go("first", func(context.Context) error { return errBroken })
		require.EqualError(t, coord.Join(time.Minute), `session: goroutine "first": broken`)
	})
}

func TestACoordinatorServesManyGoroutines(t *testing.T) {
	leaktest.Check(t)
	coord := newCoordinator(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				coord.Go("worker", func(ctx context.Context) error { <-ctx.Done(); return errBroken })
			}
			coord.RequestStop(errBroken)
			coord.ShouldStop()
			if err := coord.Join(time.Minute); !errors.Is(err, errBroken) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.True(t, coord.ShouldStop())
}

func TestAGoroutineThatAddsToTheErrorOfAnotherIsHeard(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		c := session.NewCoordinator(t.Context(), session.CoordinatorConfig{})
		c.Go("same", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		c.Go("more", func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("disk b: %w", context.Cause(ctx)) })
		c.RequestStop(errBroken)
		require.EqualError(t, c.Join(time.Second), "broken\nsession: goroutine \"more\": disk b: broken")
	})
}
