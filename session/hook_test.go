package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

// silent has no fields: pointers to different ones may be equal.
type silent struct{ session.BaseHook }

// lister cannot be compared.
type lister struct {
	session.BaseHook
	names []string
}

func (l lister) Begin(context.Context, session.Graph) error { return errors.New(l.names[0]) }

type sized struct {
	session.BaseHook
	id int
}

func TestHooksAreValidatedWhenTheSessionIsBuilt(t *testing.T) {
	leaktest.Check(t)
	a := &sized{id: 1}
	var none *sized
	var noFuncs *session.HookFuncs
	for _, c := range []struct {
		name  string
		hooks []session.SessionRunHook
		want  []string
	}{
		{"no hooks", nil, nil},
		{"nil", []session.SessionRunHook{a, nil}, []string{"session: Config: Hooks[1] is nil"}},
		{"a typed nil", []session.SessionRunHook{none}, []string{"session: Config: Hooks[0] is a nil *session_test.sized"}},
		{"a nil HookFuncs", []session.SessionRunHook{noFuncs}, []string{"session: Config: Hooks[0] is a nil *session.HookFuncs"}},
		{"the same pointer twice", []session.SessionRunHook{a, &sized{id: 1}, a}, []string{"session: Config: Hooks[2] is Hooks[0] again (*session_test.sized)"}},
		{"all faults at once", []session.SessionRunHook{nil, none, a, a}, []string{"Hooks[0]", "Hooks[1]", "Hooks[3] is Hooks[2] again"}},
		{"the same empty hook twice", []session.SessionRunHook{&silent{}, &silent{}}, nil},
		{"the same value twice", []session.SessionRunHook{silent{}, silent{}, session.BaseHook{}, sized{id: 1}, sized{id: 1}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j journal
			s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: j.engine(lineGraph()), Hooks: c.hooks})
			if len(c.want) == 0 {
				require.NoError(t, err)
				require.NoError(t, s.Close())
				return
			}
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, j.take(), "nothing is begun")
		})
	}
}

func TestAHookWithoutANameIsCalledByItsType(t *testing.T) {
	leaktest.Check(t)
	fails := func(context.Context, session.Graph) error { return errBroken }
	for _, c := range []struct {
		name  string
		hooks []session.SessionRunHook
		want  string
	}{
		{"a pointer", []session.SessionRunHook{&session.HookFuncs{OnBegin: fails}}, "session.HookFuncs"},
		{"a value", []session.SessionRunHook{lister{names: []string{"x"}}}, "session_test.lister"},
		{"the second of its type", []session.SessionRunHook{&session.HookFuncs{}, &session.HookFuncs{OnBegin: fails}}, "session.HookFuncs#2"},
		{"a name of its own", []session.SessionRunHook{&session.HookFuncs{HookName: "warm-up", OnBegin: fails}}, "warm-up"},
		{"the second of that name", []session.SessionRunHook{&session.HookFuncs{HookName: "warm-up"}, &session.HookFuncs{HookName: "warm-up", OnBegin: fails}}, "warm-up#2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: c.hooks})
			var failed *session.HookError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, c.want, failed.Hook)
			require.Equal(t, session.PhaseBegin, failed.Phase)
		})
	}
}

func TestHookFuncsCallsEachFunction(t *testing.T) {
	leaktest.Check(t)
	var calls []string
	h := &session.HookFuncs{
		OnBegin: func(_ context.Context, graph session.Graph) error {
			calls = append(calls, "OnBegin "+graph.GlobalStep())
			return graph.Resolve("loss")
		},
		OnAfterCreateSession: func(ctx context.Context, s session.Session, coord *session.Coordinator) error {
			values, err := session.Eval(ctx, s, "loss")
			calls = append(calls, "OnAfterCreateSession "+collect(values)[0])
			require.False(t, coord.ShouldStop())
			return err
		},
		OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			calls = append(calls, "OnBeforeRun")
			return &session.SessionRunArgs{Fetches: []string{"loss"}}, nil
		},
		OnAfterRun: func(_ context.Context, _ *session.SessionRunContext, values *session.SessionRunValues) error {
			calls = append(calls, "OnAfterRun "+collect(values.Results)[0])
			return nil
		},
		OnEnd: func(ctx context.Context, s session.Session) error {
			values, err := session.Eval(ctx, s, "loss")
			calls = append(calls, "OnEnd "+collect(values)[0])
			return err
		},
		OnCloseSession: func(_ context.Context, cause error) error {
			calls = append(calls, "OnCloseSession")
			return cause
		},
	}
	require.NoError(t, session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
		_, err := s.Run(t.Context(), "train")
		return err
	}))
	require.Equal(t, []string{
		"OnBegin global_step", "OnAfterCreateSession loss=2", "OnBeforeRun", "OnAfterRun loss=2", "OnEnd loss=4", "OnCloseSession",
	}, calls)
}

func TestHooksWithoutAnythingToDo(t *testing.T) {
	leaktest.Check(t)
	for name, h := range map[string]session.SessionRunHook{"BaseHook": session.BaseHook{}, "HookFuncs": &session.HookFuncs{}} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{h}}, func(s *session.MonitoredSession) error {
				values, err := s.Run(t.Context(), "loss")
				require.Equal(t, []string{"loss=2"}, collect(values))
				return err
			}))
		})
	}
}

func TestAHookThatCannotResolveItsNamesFailsInBegin(t *testing.T) {
	leaktest.Check(t)
	h := &session.HookFuncs{OnBegin: func(_ context.Context, graph session.Graph) error { return graph.Resolve("looss") }}
	_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: []session.SessionRunHook{h}})
	require.ErrorIs(t, err, session.ErrUnknownName)
	require.ErrorContains(t, err, `did you mean "loss"`)
}

func TestAHookMayBeginAgainAfterItsSessionIsClosed(t *testing.T) {
	leaktest.Check(t)
	var j journal
	a := j.hook("a").failing(session.PhaseBegin, errBroken)
	_, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(a)})
	require.ErrorIs(t, err, errBroken)
	delete(a.at, session.PhaseBegin)
	require.NoError(t, session.With(t.Context(), session.Config{Engine: lineGraph(), Hooks: hooks(a)}, func(*session.MonitoredSession) error { return nil }))
	require.Equal(t, []string{"a Begin", "a CloseSession", "a Begin", "a AfterCreateSession", "a End", "a CloseSession"}, j.take())
}
