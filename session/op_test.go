package session_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestOpsAreRunTogether(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s, err := j.engine(lineGraph()).NewSession(t.Context())
	require.NoError(t, err)
	_, err = session.GlobalVariablesInitializer().Run(t.Context(), s, nil)
	require.NoError(t, err)
	j.take()
	values, err := session.Ops{"loss", "w"}.Run(t.Context(), s, session.Feeds{"x": session.Float64(3)})
	require.NoError(t, err)
	require.Equal(t, []session.Value{session.Float64(3), session.Float64(1)}, values)
	require.Equal(t, []string{"engine Run loss,w"}, j.take())
}

func TestOpsEndTheInputOnlyByExactlyEOF(t *testing.T) {
	leaktest.Check(t)
	s, err := session.StepFunc(func(context.Context, []session.Value) error { return io.EOF }).NewSession(t.Context())
	require.NoError(t, err)
	_, err = session.Ops{"train"}.Run(t.Context(), s, nil)
	require.Equal(t, session.ErrOutOfRange, err)
}

func TestTheInitializerInitialisesOnce(t *testing.T) {
	leaktest.Check(t)
	var j journal
	s, err := j.engine(lineGraph()).NewSession(t.Context())
	require.NoError(t, err)
	j.take()
	report := session.ReportUninitializedVariables()
	values, err := report.Run(t.Context(), s, nil)
	require.NoError(t, err)
	require.Equal(t, []session.Value{session.TensorOf([]string{"global_step", "w"})}, values)
	for range 2 {
		values, err := session.GlobalVariablesInitializer().Run(t.Context(), s, nil)
		require.NoError(t, err)
		require.Empty(t, values)
	}
	require.Equal(t, []string{"engine Init"}, j.take())
	values, err = report.Run(t.Context(), s, nil)
	require.NoError(t, err)
	require.Equal(t, 0, len(values[0].Any().(session.Tensor).Data.([]string)))
}

func TestASessionThatIsNoInitializerNeedsNone(t *testing.T) {
	leaktest.Check(t)
	s, err := session.StepFunc(func(context.Context, []session.Value) error { return nil }).NewSession(t.Context())
	require.NoError(t, err)
	for _, op := range []session.Op{session.GlobalVariablesInitializer(), session.ReportUninitializedVariables()} {
		values, err := op.Run(t.Context(), s, nil)
		require.NoError(t, err)
		require.Empty(t, values)
	}
}

func TestTheInitializerTakesNoFeeds(t *testing.T) {
	leaktest.Check(t)
	s, err := lineGraph().NewSession(t.Context())
	require.NoError(t, err)
	_, err = session.GlobalVariablesInitializer().Run(t.Context(), s, session.Feeds{"x": session.Float64(1)})
	require.ErrorContains(t, err, "takes no feeds")
	require.NotEmpty(t, s.(session.Initializer).Uninitialized())
}

// wrapping is a session in another one.
type wrapping struct{ session.Session }

func (w wrapping) Unwrap() session.Session { return w.Session }

func TestAnAbilityIsFoundBehindWrappings(t *testing.T) {
	leaktest.Check(t)
	s, err := lineGraph().NewSession(t.Context())
	require.NoError(t, err)
	own, ok := session.Ability[session.Initializer](wrapping{wrapping{s}})
	require.True(t, ok)
	require.Same(t, s, own)

	_, ok = session.Ability[interface{ Fly() }](wrapping{s})
	require.False(t, ok)
	_, ok = session.Ability[session.Initializer](wrapping{nil})
	require.False(t, ok)
	_, ok = session.Ability[session.Initializer](nil)
	require.False(t, ok)
}
