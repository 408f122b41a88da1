package session_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// counting is a closure with one output: the number of its call.
func counting(calls *int) *session.StepEngine {
	return session.StepFunc(func(_ context.Context, out []session.Value) error {
		*calls++
		out[0] = session.Int64(int64(*calls))
		return nil
	}, "calls")
}

func TestFetchingTrainRunsTheClosureOnce(t *testing.T) {
	leaktest.Check(t)
	var calls int
	s := open(t, counting(&calls))
	for _, c := range []struct {
		fetches []string
		want    []string
	}{
		{[]string{"train"}, []string{"train=<none>"}},
		{[]string{"calls", "global_step"}, []string{"calls=1", "global_step=1"}},
		{[]string{"calls", "train", "global_step", "train"}, []string{"calls=2", "train=<none>", "global_step=1", "train=<none>"}},
		{[]string{"global_step"}, []string{"global_step=2"}},
		{nil, nil},
		{[]string{"calls"}, []string{"calls=2"}},
	} {
		values, err := s.Run(t.Context(), c.fetches...)
		require.NoError(t, err)
		require.Equal(t, c.want, collect(values))
	}
	require.Equal(t, 2, calls)
}

func TestBeforeTheFirstStepThereAreNoOutputs(t *testing.T) {
	leaktest.Check(t)
	var calls int
	s := open(t, counting(&calls))
	_, err := s.Run(t.Context(), "global_step", "calls")
	require.EqualError(t, err, `session: "calls" has no value before the first step`)
	values, err := s.Run(t.Context(), "global_step")
	require.NoError(t, err)
	require.Equal(t, []string{"global_step=0"}, collect(values))
	require.Zero(t, calls)
}

func TestAStepThatFailsCountsForNothing(t *testing.T) {
	leaktest.Check(t)
	fail := false
	e := session.StepFunc(func(_ context.Context, out []session.Value) error {
		out[0] = session.Bool(fail)
		if fail {
			return errBroken
		}
		return nil
	}, "failed")
	s := open(t, e)
	_, err := s.Run(t.Context(), "train")
	require.NoError(t, err)
	fail = true
	_, err = s.Run(t.Context(), "train", "failed")
	require.ErrorIs(t, err, errBroken)
	values, err := s.Run(t.Context(), "failed", "global_step")
	require.NoError(t, err)
	require.Equal(t, []string{"failed=false", "global_step=1"}, collect(values))
}

func TestAStepThatPanicsCountsForNothing(t *testing.T) {
	leaktest.Check(t)
	e := session.StepFunc(func(_ context.Context, out []session.Value) error {
		if out[0] = session.Int64(1); len(out) == 1 {
			panic("overboard")
		}
		return nil
	}, "x")
	s := open(t, e)
	require.PanicsWithValue(t, "overboard", func() { s.Run(t.Context(), "train") })
	values, err := s.Run(t.Context(), "global_step")
	require.NoError(t, err)
	require.Equal(t, []string{"global_step=0"}, collect(values))
	_, err = s.Run(t.Context(), "x")
	require.Error(t, err)
}

func TestAnOutputThatTheClosureLeavesOutHasNoValue(t *testing.T) {
	leaktest.Check(t)
	first := true
	s := open(t, session.StepFunc(func(_ context.Context, out []session.Value) error {
		if first {
			out[0] = session.Int64(1)
		}
		first = false
		return nil
	}, "x"))
	for _, want := range []string{"x=1", "x=<none>", "x=<none>"} {
		values, err := s.Run(t.Context(), "train", "x")
		require.NoError(t, err)
		require.Equal(t, want, collect(values)[1], "values of earlier steps do not come back")
	}
}

func TestIoEOFOfTheClosureEndsTheInput(t *testing.T) {
	leaktest.Check(t)
	n := 0
	require.NoError(t, session.With(t.Context(), session.Config{Engine: session.StepFunc(func(context.Context, []session.Value) error {
		if n == 3 {
			return io.EOF
		}
		n++
		return nil
	})}, func(s *session.MonitoredSession) error {
		for {
			if _, err := s.Run(t.Context(), "train"); err != nil {
				return err
			}
		}
	}))
	require.Equal(t, 3, n)
}

func TestNothingOfAStepFuncCanBeFed(t *testing.T) {
	leaktest.Check(t)
	var calls int
	s := open(t, counting(&calls))
	for _, c := range []struct {
		feeds session.Feeds
		want  string
	}{
		{session.Feeds{"calls": session.Int64(1)}, `session: "calls" is computed by a step function and cannot be fed`},
		{session.Feeds{"train": {}, "calls": {}, "global_step": {}}, `session: "calls" is computed by a step function and cannot be fed`},
		{session.Feeds{"call": session.Int64(1)}, `session: run: unknown name "call", did you mean "calls"`},
	} {
		_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{Fetches: []string{"train"}, Feeds: c.feeds}, nil)
		require.EqualError(t, err, c.want)
	}
	require.Zero(t, calls)
	_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{Fetches: []string{"train"}, Feeds: session.Feeds{}}, nil)
	require.NoError(t, err, "no feeds are no feeds")
}

func TestAFeedErrorDoesNotDependOnTheOrderOfAMap(t *testing.T) {
	leaktest.Check(t)
	var calls int
	s := open(t, counting(&calls))
	for range 50 {
		_, err := s.RunArgs(t.Context(), &session.SessionRunArgs{Feeds: session.Feeds{
			"b": session.Int64(1), "a": session.Int64(1), "c": session.Int64(1), "d": session.Int64(1),
		}}, nil)
		require.EqualError(t, err, `session: run: unknown name "a", there are ["calls" "global_step" "train"]`)
	}
}

func TestTheStateOfAStepFuncOutlivesItsSessions(t *testing.T) {
	leaktest.Check(t)
	var calls int
	e := counting(&calls)
	for _, want := range []string{"global_step=0", "global_step=1"} {
		s := open(t, e)
		values, err := s.Run(t.Context(), "train", "global_step")
		require.NoError(t, err)
		require.Equal(t, want, collect(values)[1])
		require.NoError(t, s.Close())
	}
	s := open(t, e)
	values, err := s.Run(t.Context(), "calls")
	require.NoError(t, err)
	require.Equal(t, []string{"calls=2"}, collect(values))
}

func TestAStepFuncKnowsItsNames(t *testing.T) {
	leaktest.Check(t)
	e := session.StepFunc(func(context.Context, []session.Value) error { return nil }, "loss")
	require.Equal(t, "global_step", e.GlobalStep())
	for _, name := range []string{"train", "global_step", "loss"} {
		require.NoError(t, e.Resolve(name))
	}
	require.EqualError(t, e.Resolve("trian"), `unknown name "trian", did you mean "train"`)
	require.ErrorIs(t, e.Resolve(""), session.ErrUnknownName)
}

func TestAStepFuncReportsAllThatIsWrongWithItsArguments(t *testing.T) {
	leaktest.Check(t)
	_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: session.StepFunc(nil, "loss", "", "loss", "train", "")})
	for _, want := range []string{
		"the function is nil", "output 1 has no name", "output 4 has no name", `output name "loss" is used twice`, `output name "train" is used twice`,
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = session.StepFunc(nil).NewSession(t.Context())
	require.EqualError(t, err, "session: StepFunc: the function is nil")
}

func TestAStepFuncCopiesTheNamesOfItsOutputs(t *testing.T) {
	leaktest.Check(t)
	names := []string{"loss"}
	e := session.StepFunc(func(context.Context, []session.Value) error { return nil }, names...)
	names[0] = "overwritten"
	require.NoError(t, e.Resolve("loss"))
}

// A session that waits for a step of another one heeds its context.
func TestWaitingForAnotherSessionsStepEndsWithTheContext(t *testing.T) {
	leaktest.Check(t)
	release, stepping := make(chan struct{}), make(chan struct{})
	e := session.StepFunc(func(context.Context, []session.Value) error {
		close(stepping)
		<-release
		return nil
	})
	first, second := open(t, e), open(t, e)
	done := make(chan error, 2)
	go func() {
		_, err := first.Run(t.Context(), "train")
		done <- err
	}()
	<-stepping
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() {
		_, err := second.Run(ctx, "global_step")
		waited <- err
	}()
	cancel()
	select {
	case err := <-waited:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(10 * time.Second): // only where it fails
		t.Error("the second session still waits")
	}
	close(release)
	require.NoError(t, <-done)
}
