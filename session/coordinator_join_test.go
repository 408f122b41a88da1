package session_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// letStragglersEnd is the last thing that a bubble waits for.
func letStragglersEnd() { time.Sleep(2 * time.Hour) }

func TestGoroutinesFromBeforeClearStopAreStillJoined(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		coord.Go("slow", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Minute)
			return ctx.Err()
		})
		coord.RequestStop(nil)
		coord.ClearStop()
		start := time.Now()
		require.NoError(t, coord.Join(0), "without a new stop there is no limit")
		require.Equal(t, time.Minute, time.Since(start))
	})
}

func TestJoinWaitsAsLongAsNobodyAskedForAStop(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		coord.Go("long", func(context.Context) error { time.Sleep(time.Hour); return nil })
		start := time.Now()
		require.NoError(t, coord.Join(time.Second))
		require.Equal(t, time.Hour, time.Since(start))
	})
}

func TestJoinWaitsTheGracePeriodFromTheStopAndNamesStragglers(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
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
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
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

func TestJoinWaitsForRegisteredGoroutines(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		for _, d := range []time.Duration{time.Second, 3 * time.Second, 2 * time.Second} {
			ended := coord.Register("own")
			go func() {
				defer ended()
				time.Sleep(d)
			}()
		}
		coord.Go("started", func(context.Context) error { time.Sleep(4 * time.Second); return nil })
		twice := coord.Register("twice")
		twice()
		twice()
		start := time.Now()
		require.NoError(t, coord.Join(0))
		require.Equal(t, 4*time.Second, time.Since(start))
		require.False(t, coord.ShouldStop())
	})
}

func TestJoinGivesGoroutinesAMomentToSeeTheStop(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		for _, grace := range []time.Duration{-1, 0, 1} {
			coord := newCoordinator(t)
			coord.Go("prompt", func(ctx context.Context) error { <-ctx.Done(); return nil })
			coord.RequestStop(nil)
			require.NoError(t, coord.Join(grace))
		}
	})
}

func TestJoinGivesUpWhenTheGracePeriodIsOver(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		defer letStragglersEnd()
		for _, grace := range []time.Duration{0, 2 * time.Millisecond, time.Second} {
			coord := newCoordinator(t)
			coord.Go("long", func(context.Context) error { time.Sleep(10 * time.Second); return nil })
			coord.RequestStop(nil)
			start := time.Now()
			err := coord.Join(grace)
			require.ErrorIs(t, err, session.ErrStillRunning)
			require.ErrorContains(t, err, `["long"]`)
			require.Equal(t, max(grace, time.Millisecond), time.Since(start))
			require.NoError(t, coord.Err(), "for those who do not mind stragglers")
			require.NoError(t, coord.Join(grace), "they are not waited for again")
		}
	})
}

func TestJoinAndGoroutinesStartedMeanwhile(t *testing.T) {
	leaktest.Check(t)
	nested := func(coord *session.Coordinator, then func()) func(context.Context) error {
		return func(context.Context) error {
			time.Sleep(time.Second)
			coord.Go("inner", func(context.Context) error { time.Sleep(time.Minute); return nil })
			then()
			return nil
		}
	}
	t.Run("without a stop the next Join waits for them", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			coord := newCoordinator(t)
			coord.Go("outer", nested(coord, func() {}))
			start := time.Now()
			require.NoError(t, coord.Join(0))
			require.Equal(t, time.Second, time.Since(start))
			require.NoError(t, coord.Join(0))
			require.Equal(t, time.Minute+time.Second, time.Since(start))
		})
	})
	t.Run("after a stop they are waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			coord := newCoordinator(t)
			coord.Go("outer", nested(coord, func() {}))
			coord.RequestStop(nil)
			start := time.Now()
			require.NoError(t, coord.Join(time.Hour))
			require.Equal(t, time.Minute+time.Second, time.Since(start))
		})
	})
	t.Run("a stop right after is one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for range 20 { // the end of outer and the stop are seen in any order
				coord := newCoordinator(t)
				coord.Go("outer", nested(coord, func() { coord.RequestStop(nil) }))
				require.ErrorContains(t, coord.Join(time.Second), `["inner"]`)
				time.Sleep(time.Minute)
			}
		})
	})
	t.Run("they are named as stragglers beside those before", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			defer letStragglersEnd()
			coord := newCoordinator(t)
			coord.Go("outer", nested(coord, func() { time.Sleep(time.Minute) }))
			coord.RequestStop(nil)
			require.ErrorContains(t, coord.Join(2*time.Second), `["inner" "outer"]`)
			require.NoError(t, coord.Join(0))
		})
	})
}

func TestStragglersDoNotHideErrors(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		defer letStragglersEnd()
		coord := newCoordinator(t)
		coord.Go("long", func(context.Context) error { time.Sleep(time.Hour); return nil })
		coord.RequestStop(errBroken)
		require.EqualError(t, coord.Join(time.Second), "broken\nsession: goroutines still running after 1s: [\"long\"]")
	})
}

func TestTheErrorOfAStragglerIsKept(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		coord := newCoordinator(t)
		coord.Go("late", func(context.Context) error { time.Sleep(time.Hour); return errBroken })
		coord.RequestStop(nil)
		require.ErrorIs(t, coord.Join(time.Second), session.ErrStillRunning)
		require.NoError(t, coord.Err())
		letStragglersEnd()
		require.EqualError(t, coord.Err(), `session: goroutine "late": broken`)
	})
}

func TestEachJoinKnowsItsStragglers(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		defer letStragglersEnd()
		coord := newCoordinator(t)
		coord.Go("long", func(context.Context) error { time.Sleep(time.Hour); return nil })
		coord.RequestStop(nil)
		patient := make(chan error, 1)
		go func() { patient <- coord.Join(time.Minute) }()
		synctest.Wait()
		require.ErrorIs(t, coord.Join(time.Second), session.ErrStillRunning)
		require.ErrorIs(t, <-patient, session.ErrStillRunning)
	})
}

func TestAGoroutineThatBeginsWhileTheSessionClosesIsReported(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var coord *session.Coordinator
		h := &session.HookFuncs{
			OnAfterCreateSession: func(_ context.Context, _ session.Session, c *session.Coordinator) error {
				coord = c
				return nil
			},
			OnCloseSession: func(context.Context, error) error {
				coord.Go("upload", func(context.Context) error { <-release; return nil })
				return nil
			},
		}
		s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{h}})
		require.NoError(t, err)
		err = s.Close()
		require.ErrorIs(t, err, session.ErrStillRunning)
		require.ErrorContains(t, err, `"upload"`)
	})
}
