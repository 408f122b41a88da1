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

	"github.com/runhook/runhook/session"
)

func TestACoordinatorToldToStop(t *testing.T) {
	other := errors.New("other")
	for _, c := range []struct {
		name  string
		errs  []error // of RequestStop, in order
		want  []error // of Err
		cause error
	}{
		{"for no reason", []error{nil}, nil, session.ErrStopRequested},
		{"by ErrStop", []error{session.ErrStop}, nil, session.ErrStopRequested},
		{"by the end of input", []error{fmt.Errorf("queue: %w", session.ErrOutOfRange)}, nil, session.ErrStopRequested},
		{"by an error", []error{errBroken}, []error{errBroken}, errBroken},
		{"by two errors keeps both, the first first", []error{errBroken, other}, []error{errBroken, other}, errBroken},
		{"by an error after a plain stop keeps the error", []error{nil, errBroken}, []error{errBroken}, session.ErrStopRequested},
	} {
		t.Run(c.name, func(t *testing.T) {
			coord := session.NewCoordinator(t.Context())
			require.False(t, coord.ShouldStop())
			require.NoError(t, coord.Err())
			for _, err := range c.errs {
				coord.RequestStop(err)
			}
			require.True(t, coord.ShouldStop())
			require.Equal(t, c.cause, context.Cause(coord.Context()))
			if len(c.want) == 0 {
				require.NoError(t, coord.Err())
			}
			for _, want := range c.want {
				require.ErrorIs(t, coord.Err(), want)
			}
			if len(c.want) == 1 {
				require.Equal(t, c.want[0], coord.Err())
			}
			if len(c.want) > 1 {
				require.EqualError(t, coord.Err(), "broken\nother")
			}
			require.Equal(t, coord.Err(), coord.Join(0))
		})
	}
}

func TestACoordinatorEndsWithItsContext(t *testing.T) {
	reason := errors.New("ctrl-c")
	ctx, cancel := context.WithCancelCause(t.Context())
	coord := session.NewCoordinator(ctx)
	cancel(reason)
	require.True(t, coord.ShouldStop())
	require.Equal(t, reason, context.Cause(coord.Context()))
	require.NoError(t, coord.Err(), "an interruption is no failure of its goroutines")
}

func TestErrorsOfGoroutines(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(ctx context.Context) error
		stop bool   // on its own
		want string // of Join, "" for none
	}{
		{"a goroutine that ends well stops nothing", func(context.Context) error { return nil }, false, ""},
		{"an error stops all and is named", func(context.Context) error { return errBroken }, true, `session: goroutine "worker": broken`},
		{"the end of input stops all", func(context.Context) error { return session.ErrOutOfRange }, true, ""},
		{"the news of the stop is no error", func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("read: %w", ctx.Err()) }, false, ""},
		{"the cause of the stop is no error", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }, false, ""},
		{"a cancellation before any stop is an error", func(context.Context) error { return context.Canceled }, true, `session: goroutine "worker": context canceled`},
		{"an error after the stop is one", func(ctx context.Context) error { <-ctx.Done(); return errors.Join(ctx.Err(), errBroken) }, false, "session: goroutine \"worker\": context canceled\nbroken"},
		{"runtime.Goexit is an end", func(context.Context) error { runtime.Goexit(); return nil }, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				coord := session.NewCoordinator(t.Context())
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
	synctest.Test(t, func(t *testing.T) {
		coord := session.NewCoordinator(t.Context())
		for range 3 {
			coord.Go("follower", func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) })
		}
		coord.Go("first", func(context.Context) error { return errBroken })
		require.EqualError(t, coord.Join(time.Minute), `session: goroutine "first": broken`)
	})
}

func TestJoinWaitsAsLongAsNobodyAskedForAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		coord := session.NewCoordinator(t.Context())
		coord.Go("long", func(context.Context) error { time.Sleep(time.Hour); return nil })
		start := time.Now()
		require.NoError(t, coord.Join(time.Second))
		require.Equal(t, time.Hour, time.Since(start))
	})
}

func TestJoinWaitsTheGracePeriodFromTheStopAndNamesStragglers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		coord := session.NewCoordinator(t.Context())
		release := make(chan struct{})
		for _, name := range []string{"zulu", "alpha", "zulu"} {
			coord.Go(name, func(context.Context) error { <-release; return nil })
		}
		coord.Go("brief", func(ctx context.Context) error { <-ctx.Done(); time.Sleep(time.Second); return ctx.Err() })
		coord.Go("trouble", func(context.Context) error { time.Sleep(time.Minute); return errBroken })
		start := time.Now()
		err := coord.Join(10 * time.Second)
		require.Equal(t, time.Minute+10*time.Second, time.Since(start))
		require.ErrorIs(t, err, errBroken)
		require.ErrorIs(t, err, session.ErrStillRunning)
		require.ErrorContains(t, err, `after 10s: ["alpha" "zulu" "zulu"]`)
		close(release)
		require.Equal(t, coord.Err(), coord.Join(time.Second), "then they did end")
	})
}

func TestJoinReturnsAsSoonAsTheLastGoroutineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		coord := session.NewCoordinator(t.Context())
		for i := range 5 {
			coord.Go("worker", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Duration(i) * time.Second)
				return nil
			})
		}
		coord.RequestStop(nil)
		start := time.Now()
		require.NoError(t, coord.Join(time.Hour))
		require.Equal(t, 4*time.Second, time.Since(start))
	})
}

func TestACoordinatorServesManyGoroutines(t *testing.T) {
	coord := session.NewCoordinator(t.Context())
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
