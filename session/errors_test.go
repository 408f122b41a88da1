package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// isStop is an error type of somebody else that says what it is.
type isStop struct{}

func (isStop) Error() string        { return "enough" }
func (isStop) Is(target error) bool { return target == session.ErrStop }

// hollow wraps nothing.
type hollow struct{}

func (hollow) Error() string { return "hollow" }
func (hollow) Unwrap() error { return nil }

// uncomparable cannot be compared by ==.
type uncomparable []string

func (uncomparable) Error() string { return "uncomparable" }

func TestErrorsAreCleanOrLostOnlyIfEveryLeafIs(t *testing.T) {
	leaktest.Check(t)
	hook := func(err error) error {
		return &session.HookError{Hook: "h", Phase: session.PhaseEnd, Err: err}
	}
	for _, c := range []struct {
		name        string
		err         error
		clean, lost bool
	}{
		{"nil", nil, false, false},
		{"ErrOutOfRange", session.ErrOutOfRange, true, false},
		{"ErrStop", session.ErrStop, true, false},
		{"ErrAborted", session.ErrAborted, false, true},
		{"ErrUnavailable", session.ErrUnavailable, false, true},
		{"another", errBroken, false, false},
		{"io.EOF", io.EOF, false, false},
		{"wrapped ErrStop", fmt.Errorf("a: %w", fmt.Errorf("b: %w", session.ErrStop)), true, false},
		{"wrapped ErrAborted", fmt.Errorf("a: %w", session.ErrAborted), false, true},
		{"ErrOutOfRange of a hook", hook(session.ErrOutOfRange), true, false},
		{"io.EOF of a hook", hook(io.EOF), false, false},
		{"ErrStop formatted away", fmt.Errorf("a: %v", session.ErrStop), false, false},
		{"joined clean ones", errors.Join(session.ErrStop, hook(session.ErrOutOfRange)), true, false},
		{"joined lost ones", errors.Join(session.ErrAborted, fmt.Errorf("a: %w", session.ErrUnavailable)), false, true},
		{"clean joined with lost", errors.Join(session.ErrStop, session.ErrAborted), false, false},
		{"clean joined with another", errors.Join(session.ErrStop, errBroken), false, false},
		{"another joined with clean", errors.Join(errBroken, session.ErrStop), false, false},
		{"lost joined with another", errors.Join(session.ErrAborted, errBroken), false, false},
		{"two wrapped at once", fmt.Errorf("%w: %w", session.ErrStop, errBroken), false, false},
		{"two clean ones wrapped at once", fmt.Errorf("%w: %w", session.ErrStop, session.ErrOutOfRange), true, false},
		{"a join within a hook's error within a join", errors.Join(hook(errors.Join(session.ErrStop, errBroken)), session.ErrStop), false, false},
		{"an error that says it Is ErrStop", isStop{}, true, false},
		{"a wrapper of nothing", hollow{}, false, false},
		{"an error that cannot be compared", uncomparable{"a"}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.clean, session.IsCleanStop(c.err))
			require.Equal(t, c.lost, session.IsLost(c.err))
		})
	}
}

func TestSentinelsAreWhatTheirDocumentationSays(t *testing.T) {
	leaktest.Check(t)
	require.ErrorIs(t, session.ErrOutOfRange, io.EOF)
	require.ErrorIs(t, session.ErrClosed, fs.ErrClosed)
	for _, err := range []error{session.ErrStop, session.ErrAborted, session.ErrUnavailable, session.ErrRunAfterStop, session.ErrInRun} {
		require.False(t, errors.Is(err, io.EOF))
		require.False(t, errors.Is(err, fs.ErrClosed))
	}
}

func TestAHookErrorNamesHookAndPhase(t *testing.T) {
	leaktest.Check(t)
	for _, phase := range []session.Phase{
		session.PhaseBegin, session.PhaseAfterCreateSession, session.PhaseBeforeRun, session.PhaseAfterRun, session.PhaseEnd, session.PhaseCloseSession,
	} {
		t.Run(string(phase), func(t *testing.T) {
			var j journal
			require.NotPanics(t, func() {
				err := session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(j.hook("mine").failing(phase, errBroken))},
					func(s *session.MonitoredSession) error {
						if phase == session.PhaseBeforeRun || phase == session.PhaseAfterRun {
							_, err := s.Run(t.Context(), "loss")
							return err
						}
						return nil
					})
				var failed *session.HookError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, session.HookError{Hook: "mine", Phase: phase, Err: errBroken}, *failed)
				require.EqualError(t, err, `session: hook "mine": `+string(phase)+": broken")
			})
		})
	}
}

func TestAnUnknownNameSuggestsCloseOnes(t *testing.T) {
	leaktest.Check(t)
	known := []string{"loss", "train", "global_step", "hidden/w", "hidden/b"}
	for _, c := range []struct{ name, want string }{
		{"los", `unknown name "los", did you mean "loss"`},
		{"hidden/x", `unknown name "hidden/x", did you mean "hidden/b" or "hidden/w"`},
		{"zzz", `unknown name "zzz", there are ["global_step" "hidden/b" "hidden/w" "loss" "train"]`},
	} {
		err := session.UnknownName(c.name, known)
		require.EqualError(t, err, c.want)
		require.ErrorIs(t, fmt.Errorf("engine: %w", err), session.ErrUnknownName)
	}
}

func TestARunOfAnUnknownNameFails(t *testing.T) {
	leaktest.Check(t)
	for name, e := range map[string]session.Engine{
		"graph":    lineGraph(),
		"StepFunc": session.StepFunc(func(context.Context, []session.Value) error { return nil }, "loss"),
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, e)
			_, err := s.Run(t.Context(), "train", "losss")
			var unknown *session.UnknownNameError
			require.ErrorAs(t, err, &unknown)
			require.Equal(t, "losss", unknown.Name)
			require.Equal(t, []string{"loss"}, unknown.Similar)
			_, err = s.RunArgs(t.Context(), &session.SessionRunArgs{Feeds: session.Feeds{"los": session.Float64(1)}}, nil)
			require.ErrorIs(t, err, session.ErrUnknownName)
			require.ErrorContains(t, err, `did you mean "loss"`)
			values, err := s.Run(t.Context(), "global_step")
			require.NoError(t, err)
			require.Equal(t, []string{"global_step=0"}, collect(values), "nothing was trained")
		})
	}
}
