package session_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// localGraph has a variable v, which "init" sets to x (1 unless it is fed), and
// a local variable w, which "local init" sets to v + y (y: 0). "v ready" fails
// while v has no value; "not ready" always names v.
func localGraph() *graph.Graph {
	g := graph.New()
	number := func() session.Value { return session.Float64(0) }
	g.Variable("v", number)
	g.Variable("w", number)
	g.Placeholder("x", session.Float64(1))
	g.Placeholder("y", session.Float64(0))
	g.Assign("init", "v", "x")
	g.Node("v+y", func(_ context.Context, in []session.Value) (session.Value, error) {
		v, _ := in[0].Float64()
		y, _ := in[1].Float64()
		return session.Float64(v + y), nil
	}, "v", "y")
	g.Assign("local init", "w", "v+y")
	g.Node("v ready", func(context.Context, []session.Value) (session.Value, error) {
		return session.Value{}, nil
	}, "v")
	g.Node("not ready", func(context.Context, []session.Value) (session.Value, error) {
		return session.TensorOf([]string{"v"}), nil
	})
	return g
}

// A memorySaver keeps the value of v by path, and the states of folders.
type memorySaver struct {
	mu        sync.Mutex // a checkpoint may come while it is waited for
	saved     map[string]session.Value
	states    map[string]*session.CheckpointState
	recovered []string

	restoreErr, stateErr, recoverErr error
}

func newMemorySaver() *memorySaver {
	return &memorySaver{saved: make(map[string]session.Value), states: make(map[string]*session.CheckpointState)}
}

// has makes path the newest checkpoint in dir, where v is 5.
func (s *memorySaver) has(dir, path string) *memorySaver {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved[path] = session.Float64(5)
	s.states[dir] = &session.CheckpointState{ModelCheckpointPath: path, AllModelCheckpointPaths: []string{"old", path}}
	return s
}

func (s *memorySaver) Save(context.Context, session.Session, string, int64) (string, error) {
	return "", errBroken
}

func (s *memorySaver) Restore(ctx context.Context, open session.Session, path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.restoreErr != nil {
		return s.restoreErr
	}
	v, ok := s.saved[path]
	if !ok {
		return errors.New("no such checkpoint")
	}
	_, err := session.Ops{"init"}.Run(ctx, open, session.Feeds{"x": v})
	return err
}

func (s *memorySaver) CheckpointState(_ context.Context, dir string) (*session.CheckpointState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states[dir], s.stateErr
}

func (s *memorySaver) RecoverLastCheckpoints(_ context.Context, paths []string) error {
	s.recovered = paths
	return s.recoverErr
}

var report = session.ReportUninitializedVariables()

// managed is a manager over localGraph, and what happens to the engine.
func managed(t *testing.T, config session.SessionManagerConfig) (*session.SessionManager, *journal) {
	t.Helper()
	j := new(journal)
	config.Engine = j.engine(localGraph())
	m, err := session.NewSessionManager(config)
	require.NoError(t, err)
	return m, j
}

func valuesOf(t *testing.T, s session.Session, names ...string) []string {
	t.Helper()
	values, err := session.Eval(t.Context(), s, names...)
	require.NoError(t, err)
	return collect(values)
}

func TestASessionManagersConfigIsChecked(t *testing.T) {
	leaktest.Check(t)
	_, err := session.NewSessionManager(session.SessionManagerConfig{
		ReadyForLocalInitOp: session.Ops{"v ready"},
		LocalInitFeeds:      session.Feeds{"y": session.Float64(1)},
		RecoveryWait:        -time.Second,
	})
	require.EqualError(t, err, "session: SessionManagerConfig: Engine is nil\n"+
		"session: SessionManagerConfig: ReadyForLocalInitOp is \"v ready\", but LocalInitOp is not set\n"+
		"session: SessionManagerConfig: LocalInitFeeds is set, but LocalInitOp is not\n"+
		"session: SessionManagerConfig: RecoveryWait is -1s, want a positive duration or 0 (30s)")
}

func TestBadArgumentsOpenNoSession(t *testing.T) {
	leaktest.Check(t)
	m, j := managed(t, session.SessionManagerConfig{})
	both := session.RestoreArgs{CheckpointDir: "d", CheckpointFilenameWithPath: "d/m-1", MaxWait: -2}
	want := "session: RestoreArgs: both CheckpointDir (\"d\") and CheckpointFilenameWithPath (\"d/m-1\") are set, want at most one\n" +
		"session: RestoreArgs: MaxWait is -2ns, want a positive duration, 0 (2h) or Off"
	_, err := m.PrepareSession(t.Context(), session.PrepareSessionArgs{InitOp: session.Ops{"init"}, Restore: both})
	require.EqualError(t, err, want)
	_, _, err = m.RecoverSession(t.Context(), both)
	require.EqualError(t, err, want)
	_, err = m.PrepareSession(t.Context(), session.PrepareSessionArgs{InitFeeds: session.Feeds{"x": session.Float64(1)}})
	require.ErrorContains(t, err, "InitFeeds is set, but InitOp is not")
	_, err = m.WaitForSession(t.Context(), -2)
	require.ErrorContains(t, err, "MaxWait is -2ns")
	require.Empty(t, j.take())
}

func TestPrepareSession(t *testing.T) {
	leaktest.Check(t)
	initFn := func(ctx context.Context, s session.Session) error {
		_, err := session.Ops{"init"}.Run(ctx, s, session.Feeds{"x": session.Float64(7)})
		return err
	}
	both := session.SessionManagerConfig{ReadyOp: report, ReadyForLocalInitOp: session.Ops{"v ready"}, LocalInitOp: session.Ops{"local init"}}
	withFeeds := both
	withFeeds.LocalInitFeeds = session.Feeds{"y": session.Float64(0.5)}
	saver := newMemorySaver().has("d", "d/m-5")
	for _, c := range []struct {
		name   string
		config session.SessionManagerConfig
		args   session.PrepareSessionArgs
		want   []string // v and w
	}{
		{"init op", both, session.PrepareSessionArgs{InitOp: session.Ops{"init"}}, []string{"v=1", "w=1"}},
		{"init op with feeds", both, session.PrepareSessionArgs{
			InitOp: session.Ops{"init"}, InitFeeds: session.Feeds{"x": session.Float64(3)},
		}, []string{"v=3", "w=3"}},
		{"init fn alone", both, session.PrepareSessionArgs{InitFn: initFn}, []string{"v=7", "w=7"}},
		{"init fn after init op", both, session.PrepareSessionArgs{InitOp: session.Ops{"init"}, InitFn: initFn}, []string{"v=7", "w=7"}},
		{"local init with feeds", withFeeds, session.PrepareSessionArgs{InitOp: session.Ops{"init"}}, []string{"v=1", "w=1.5"}},
		{"a checkpoint instead of init", both, session.PrepareSessionArgs{
			InitOp: session.Ops{"init"}, InitFn: initFn, Restore: session.RestoreArgs{Saver: saver, CheckpointDir: "d"},
		}, []string{"v=5", "w=5"}},
		{"a checkpoint by its name", both, session.PrepareSessionArgs{
			Restore: session.RestoreArgs{Saver: saver, CheckpointFilenameWithPath: "d/m-5"},
		}, []string{"v=5", "w=5"}},
		{"no checkpoint in the folder", both, session.PrepareSessionArgs{
			InitOp: session.Ops{"init"}, Restore: session.RestoreArgs{Saver: saver, CheckpointDir: "empty"},
		}, []string{"v=1", "w=1"}},
		{"the initializer", session.SessionManagerConfig{ReadyOp: report}, session.PrepareSessionArgs{
			InitOp: session.GlobalVariablesInitializer(),
		}, []string{"v=0", "w=0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := managed(t, c.config)
			s, err := m.PrepareSession(t.Context(), c.args)
			require.NoError(t, err)
			require.Equal(t, c.want, valuesOf(t, s, "v", "w"))
			require.NoError(t, s.Close())
			require.ErrorIs(t, s.Run(t.Context(), new(session.Request)), session.ErrClosed)
		})
	}
	require.Equal(t, []string{"old", "d/m-5"}, saver.recovered)
}

func TestWhatIsNotPreparedIsClosed(t *testing.T) {
	leaktest.Check(t)
	prepare := session.PrepareSessionArgs{InitOp: session.Ops{"init"}}
	unrecoverable := newMemorySaver().has("d", "d/m-5")
	unrecoverable.recoverErr = errBroken
	failing := func(err error) session.PrepareSessionArgs {
		return session.PrepareSessionArgs{InitFn: func(context.Context, session.Session) error { return err }}
	}
	for _, c := range []struct {
		name   string
		config session.SessionManagerConfig
		args   session.PrepareSessionArgs
		is     error
		text   string
	}{
		{"not ready", session.SessionManagerConfig{ReadyOp: report}, prepare, session.ErrNotReady,
			"session: init operations did not make model ready (InitOp: init, InitFn: none, LocalInitOp: none): variables not initialized: w"},
		{"not ready after a list of ops", session.SessionManagerConfig{ReadyOp: report, LocalInitOp: session.Ops{"init"}}, session.PrepareSessionArgs{InitOp: session.Ops{"init", "x"}}, session.ErrNotReady,
			"(InitOp: init, x, InitFn: none, LocalInitOp: init): variables not initialized: w"},
		{"not ready for local init", session.SessionManagerConfig{ReadyOp: report, ReadyForLocalInitOp: session.Ops{"not ready"}, LocalInitOp: session.Ops{"local init"}}, prepare, session.ErrNotReady,
			"session: init operations did not make model ready for local init (InitOp: init, InitFn: none, LocalInitOp: local init): variables not initialized: v"},
		{"the local check is insufficient", session.SessionManagerConfig{ReadyOp: report, ReadyForLocalInitOp: session.Ops{"v ready"}, LocalInitOp: session.Ops{"init"}}, prepare, session.ErrNotReady,
			"variables not initialized: w"},
		{"a check that needs an uninitialized variable", session.SessionManagerConfig{ReadyOp: session.Ops{"v ready"}}, failing(nil), session.ErrNotReady,
			`(InitOp: none, InitFn: given, LocalInitOp: none): graph: variable "v" is not initialized`},
		{"a check with a wrong answer", session.SessionManagerConfig{ReadyOp: session.Ops{"v"}}, prepare, nil,
			`session: ready op "v" gave a float64, want no value, an int32 tensor, or the names of what is not initialized`},
		{"nothing to initialize with", session.SessionManagerConfig{ReadyOp: report}, session.PrepareSessionArgs{}, session.ErrNothingToInitialize, ""},
		{"nothing to initialize with, and no checkpoint", session.SessionManagerConfig{}, session.PrepareSessionArgs{
			Restore: session.RestoreArgs{Saver: newMemorySaver(), CheckpointDir: "d"},
		}, session.ErrNothingToInitialize, ""},
		{"local init needs what is missing", session.SessionManagerConfig{LocalInitOp: session.Ops{"local init"}}, session.PrepareSessionArgs{}, session.ErrUninitialized, ""},
		{"init op fails", session.SessionManagerConfig{}, session.PrepareSessionArgs{InitOp: session.Ops{"unknown"}}, session.ErrUnknownName, ""},
		{"init fn fails", session.SessionManagerConfig{}, failing(errBroken), errBroken, "broken"},
		{"init fn returns io.EOF", session.SessionManagerConfig{}, failing(io.EOF), io.EOF, "EOF"},
		{"restoring fails", session.SessionManagerConfig{}, session.PrepareSessionArgs{
			Restore: session.RestoreArgs{Saver: &memorySaver{restoreErr: errBroken}, CheckpointFilenameWithPath: "x"},
		}, errBroken, "broken"},
		{"the state cannot be read", session.SessionManagerConfig{}, session.PrepareSessionArgs{
			Restore: session.RestoreArgs{Saver: &memorySaver{stateErr: errBroken}, CheckpointDir: "d"},
		}, errBroken, "broken"},
		{"the list of checkpoints cannot be taken over", session.SessionManagerConfig{}, session.PrepareSessionArgs{
			Restore: session.RestoreArgs{Saver: unrecoverable, CheckpointDir: "d"},
		}, errBroken, "broken"},
		{"a state without a checkpoint", session.SessionManagerConfig{}, session.PrepareSessionArgs{
			InitOp:  session.Ops{"init"},
			Restore: session.RestoreArgs{Saver: &memorySaver{states: map[string]*session.CheckpointState{"d": {}}}, CheckpointDir: "d"},
		}, session.ErrInvalidCheckpointState, `session: invalid checkpoint state of "d": it names no checkpoint`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, j := managed(t, c.config)
			s, err := m.PrepareSession(t.Context(), c.args)
			require.Nil(t, s)
			require.ErrorContains(t, err, c.text)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			lines := j.take()
			require.Equal(t, "engine NewSession", lines[0])
			require.Equal(t, "engine Close", lines[len(lines)-1])
		})
	}
}

func TestAPanicInInitFnClosesTheSession(t *testing.T) {
	leaktest.Check(t)
	m, j := managed(t, session.SessionManagerConfig{})
	require.PanicsWithValue(t, "broken", func() {
		m.PrepareSession(t.Context(), session.PrepareSessionArgs{
			InitFn: func(context.Context, session.Session) error { panic("broken") },
		})
	})
	require.Equal(t, []string{"engine NewSession", "engine Close"}, j.take())
}

func TestAnErrorOfClosingIsJoined(t *testing.T) {
	leaktest.Check(t)
	errClose := errors.New("cannot close")
	for _, c := range []struct {
		closing error
		want    string
	}{{errClose, "broken\ncannot close"}, {session.ErrAborted, "broken"}} {
		var j journal
		m, err := session.NewSessionManager(session.SessionManagerConfig{Engine: j.engine(localGraph()).failing("Close", c.closing)})
		require.NoError(t, err)
		_, err = m.PrepareSession(t.Context(), session.PrepareSessionArgs{
			InitFn: func(context.Context, session.Session) error { return errBroken },
		})
		require.EqualError(t, err, c.want)
	}
}

func TestASessionThatCannotBeOpened(t *testing.T) {
	leaktest.Check(t)
	var j journal
	m, err := session.NewSessionManager(session.SessionManagerConfig{Engine: j.engine(localGraph()).failing("NewSession", errBroken)})
	require.NoError(t, err)
	_, err = m.PrepareSession(t.Context(), session.PrepareSessionArgs{InitOp: session.Ops{"init"}})
	require.Equal(t, errBroken, err)
	_, _, err = m.RecoverSession(t.Context(), session.RestoreArgs{})
	require.Equal(t, errBroken, err)
	_, err = m.WaitForSession(t.Context(), 0)
	require.Equal(t, errBroken, err)
}

func TestWhatIsAReadyAnswer(t *testing.T) {
	leaktest.Check(t)
	tensor := func(data any, shape ...int) session.Value {
		return session.TensorValue(session.Tensor{Shape: shape, Data: data})
	}
	for _, c := range []struct {
		name    string
		answer  session.Value
		missing string // "": ready
	}{
		{"nothing", session.Value{}, ""},
		{"an int32", tensor([]int32{5}), ""},
		{"several int32", tensor([]int32{5, 6}, 2), ""},
		{"no strings", tensor([]string{}, 0), ""},
		{"no floats", tensor([]float32{}, 0), ""},
		{"a string", session.String("v"), "variables not initialized: v"},
		{"a tensor of one string", tensor([]string{"v"}), "variables not initialized: v"},
		{"strings", tensor([]string{"v", "w"}, 2), "variables not initialized: v, w"},
		{"floats", tensor([]float32{1, 2}, 2), "gave a float32 tensor of shape [2]"},
		{"an unknown tensor", tensor(nil), "gave a invalid tensor"},
		{"a truth value", session.Bool(true), "gave a bool"},
		{"an int64", session.Int64(0), "gave a int64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.New()
			g.Node("answer", func(context.Context, []session.Value) (session.Value, error) { return c.answer, nil })
			m, err := session.NewSessionManager(session.SessionManagerConfig{Engine: g, ReadyOp: session.Ops{"answer"}})
			require.NoError(t, err)
			s, err := m.PrepareSession(t.Context(), session.PrepareSessionArgs{InitOp: session.GlobalVariablesInitializer()})
			if c.missing == "" {
				require.NoError(t, err)
				require.NoError(t, s.Close())
				return
			}
			require.ErrorContains(t, err, c.missing)
		})
	}
}

func TestRecoverSession(t *testing.T) {
	leaktest.Check(t)
	both := session.SessionManagerConfig{ReadyOp: report, ReadyForLocalInitOp: session.Ops{"v ready"}, LocalInitOp: session.Ops{"local init"}}
	tooStrict := both
	tooStrict.ReadyForLocalInitOp = session.Ops{"not ready"}
	notReady := both
	notReady.ReadyOp = session.Ops{"not ready"}
	always := session.SessionManagerConfig{ReadyOp: report, LocalInitOp: session.Ops{"init"}}
	saver := newMemorySaver().has("d", "d/m-5")
	for _, c := range []struct {
		name    string
		config  session.SessionManagerConfig
		args    session.RestoreArgs
		want    bool
		missing []string // variables
	}{
		{"from a folder", both, session.RestoreArgs{Saver: saver, CheckpointDir: "d"}, true, nil},
		{"from a file", both, session.RestoreArgs{Saver: saver, CheckpointFilenameWithPath: "d/m-5"}, true, nil},
		{"restored but not ready", notReady, session.RestoreArgs{Saver: saver, CheckpointDir: "d"}, false, nil},
		{"restored but not ready for local init", tooStrict, session.RestoreArgs{Saver: saver, CheckpointDir: "d"}, false, []string{"w"}},
		{"no checkpoint", both, session.RestoreArgs{Saver: saver, CheckpointDir: "empty"}, false, []string{"v", "w"}},
		{"no checkpoint, and local init runs all the same", always, session.RestoreArgs{Saver: saver, CheckpointDir: "empty"}, false, []string{"w"}},
		{"no saver, and local init runs all the same", always, session.RestoreArgs{}, false, []string{"w"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := managed(t, c.config)
			s, initialized, err := m.RecoverSession(t.Context(), c.args)
			require.NoError(t, err)
			require.Equal(t, c.want, initialized)
			own, ok := session.Ability[session.Initializer](s)
			require.True(t, ok)
			require.Equal(t, c.missing, own.Uninitialized())
			require.NoError(t, s.Close())
		})
	}
}

func TestAnErrorOfRecoveringClosesTheSession(t *testing.T) {
	leaktest.Check(t)
	m, j := managed(t, session.SessionManagerConfig{LocalInitOp: session.Ops{"unknown"}})
	s, initialized, err := m.RecoverSession(t.Context(), session.RestoreArgs{})
	require.ErrorIs(t, err, session.ErrUnknownName)
	require.Nil(t, s)
	require.False(t, initialized)
	require.Equal(t, []string{"engine NewSession", "engine Run unknown", "engine Close"}, j.take())
}

func TestAnErrorEndsTheWaitForASession(t *testing.T) {
	leaktest.Check(t)
	m, j := managed(t, session.SessionManagerConfig{ReadyOp: session.Ops{"unknown"}})
	_, err := m.WaitForSession(t.Context(), 0)
	require.ErrorIs(t, err, session.ErrUnknownName)
	require.Equal(t, []string{"engine NewSession", "engine Run unknown", "engine Close"}, j.take())
}

func TestWaitForSessionGivesUp(t *testing.T) {
	leaktest.Check(t)
	for _, config := range []session.SessionManagerConfig{
		{ReadyOp: report, RecoveryWait: time.Second},
		{ReadyOp: report, ReadyForLocalInitOp: session.Ops{"not ready"}, LocalInitOp: session.Ops{"local init"}, RecoveryWait: time.Second},
		{ReadyOp: report, LocalInitOp: session.Ops{"x"}, RecoveryWait: time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			m, j := managed(t, config)
			start := time.Now()
			_, err := m.WaitForSession(t.Context(), 3*time.Second)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, err, session.ErrNotReady)
			require.ErrorIs(t, err, session.ErrUninitialized)
			require.ErrorContains(t, err, "session was not ready after waiting 3s: variables not initialized: v")
			require.False(t, session.IsLost(err))
			require.Equal(t, 3*time.Second, time.Since(start))
			opened, closed := 0, 0
			for _, line := range j.take() {
				switch line {
				case "engine NewSession":
					opened++
				case "engine Close":
					closed++
				}
			}
			require.Equal(t, 4, opened)
			require.Equal(t, 4, closed)
		})
	}
}

func TestOffIsNoLimit(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		g := graph.New()
		tries := 0
		g.Node("ready", func(context.Context, []session.Value) (session.Value, error) {
			if tries++; tries < 1000 {
				return session.String("v"), nil
			}
			return session.Value{}, nil
		})
		m, err := session.NewSessionManager(session.SessionManagerConfig{Engine: g, ReadyOp: session.Ops{"ready"}})
		require.NoError(t, err)
		s, err := m.WaitForSession(t.Context(), session.Off)
		require.NoError(t, err)
		require.Equal(t, 1000, tries)
		require.NoError(t, s.Close())
	})
	synctest.Test(t, func(t *testing.T) {
		m, _ := managed(t, session.SessionManagerConfig{})
		saver := newMemorySaver()
		time.AfterFunc(10*time.Hour, func() { saver.has("d", "d/m-5") })
		s, initialized, err := m.RecoverSession(t.Context(), session.RestoreArgs{
			Saver: saver, CheckpointDir: "d", WaitForCheckpoint: true, MaxWait: session.Off,
		})
		require.NoError(t, err)
		require.True(t, initialized)
		require.NoError(t, s.Close())
	})
}

func TestWaitsEndWithTheirContext(t *testing.T) {
	leaktest.Check(t)
	const noCheckpoint = `session: waiting for a checkpoint in "d": context deadline exceeded`
	waiting := session.RestoreArgs{Saver: newMemorySaver(), CheckpointDir: "d", WaitForCheckpoint: true}
	for name, c := range map[string]struct {
		wait func(ctx context.Context, m *session.SessionManager) error
		text string
		is   error
	}{
		"for a session": {func(ctx context.Context, m *session.SessionManager) error {
			_, err := m.WaitForSession(ctx, 0)
			return err
		}, "session: context deadline exceeded while waiting for the model to be ready: variables not initialized: v, w", session.ErrNotReady},
		"for a checkpoint, to prepare": {func(ctx context.Context, m *session.SessionManager) error {
			_, err := m.PrepareSession(ctx, session.PrepareSessionArgs{InitOp: session.Ops{"init"}, Restore: waiting})
			return err
		}, noCheckpoint, context.DeadlineExceeded},
		"for a checkpoint, to recover": {func(ctx context.Context, m *session.SessionManager) error {
			_, _, err := m.RecoverSession(ctx, waiting)
			return err
		}, noCheckpoint, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, j := managed(t, session.SessionManagerConfig{ReadyOp: report})
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
				defer cancel()
				start := time.Now()
				err := c.wait(ctx, m)
				require.EqualError(t, err, c.text)
				require.ErrorIs(t, err, c.is)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 100*time.Second, time.Since(start))
				lines := j.take()
				require.Equal(t, "engine Close", lines[len(lines)-1])
			})
		})
	}
}

func TestTheLoggerIsToldWhatIsWaitedFor(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var j journal
		m, err := session.NewSessionManager(session.SessionManagerConfig{
			Engine:  j.engine(localGraph()).failing("Close", errBroken),
			ReadyOp: session.Ops{"not ready"},
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})),
		})
		require.NoError(t, err)
		_, err = m.WaitForSession(t.Context(), 30*time.Second)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		saver := newMemorySaver()
		time.AfterFunc(time.Second, func() { saver.has("d", "d/m-5") })
		s, initialized, err := m.RecoverSession(t.Context(), session.RestoreArgs{Saver: saver, CheckpointDir: "d", WaitForCheckpoint: true})
		require.NoError(t, err)
		require.False(t, initialized)
		require.ErrorIs(t, s.Close(), errBroken)
		require.Equal(t, `level=WARN msg="closing a session that is not ready" error=broken
level=INFO msg="waiting for the model to be ready" reason="variables not initialized: v"
level=WARN msg="closing a session that is not ready" error=broken
level=INFO msg="waiting for a checkpoint" dir=d
level=INFO msg="restored, but not ready" reason="variables not initialized: v"
`, log.String())
	})
}
