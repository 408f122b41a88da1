package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func chief(t *testing.T, config session.ChiefConfig) *session.ChiefSessionCreator {
	t.Helper()
	c, err := session.NewChiefSessionCreator(config)
	require.NoError(t, err)
	return c
}

func TestCreatorsCheckTheirConfig(t *testing.T) {
	leaktest.Check(t)
	_, err := session.NewChiefSessionCreator(session.ChiefConfig{CheckpointDir: "d", CheckpointFilenameWithPath: "d/m-1"})
	require.EqualError(t, err, "session: ChiefConfig: Engine is nil\n"+
		`session: ChiefConfig: both CheckpointDir ("d") and CheckpointFilenameWithPath ("d/m-1") are set, want at most one`)
	_, err = session.NewWorkerSessionCreator(session.WorkerConfig{MaxWait: -2})
	require.EqualError(t, err, "session: WorkerConfig: Engine is nil\n"+
		"session: WorkerConfig: MaxWait is -2ns, want a positive duration, 0 (30m) or Off")
	_, err = session.NewMonitoredSession(t.Context(), session.Config{
		Engine: lineGraph(), SessionCreator: (*session.ChiefSessionCreator)(nil),
	})
	require.ErrorContains(t, err, "SessionCreator is a nil *session.ChiefSessionCreator")
}

func TestACheckpointNeedsASaver(t *testing.T) {
	leaktest.Check(t)
	for _, config := range []session.ChiefConfig{{CheckpointDir: "d"}, {CheckpointFilenameWithPath: "d"}} {
		config.Engine = lineGraph()
		_, err := chief(t, config).CreateSession(t.Context())
		require.ErrorContains(t, err, `session: nothing to restore "d" with: Scaffold.Saver is not set`)
	}
}

func TestTheEngineIsFinalizedAfterBeginWithTheScaffoldsNames(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(graphWithOps())
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, Hooks: hooks(j.hook("a")),
		SessionCreator: chief(t, session.ChiefConfig{Engine: e, Scaffold: &session.Scaffold{
			InitFn: func(context.Context, *session.Scaffold, session.Session) error {
				j.add("InitFn")
				return nil
			},
			LocalInitOp: session.Ops{"local init"},
		}}),
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"a Begin", "engine Finalize", "engine NewSession", "engine Init", "InitFn", "engine Run local init", "a AfterCreateSession",
	}, j.take())
	require.NoError(t, s.Close())
	require.Equal(t, []string{"a End", "engine Close", "a CloseSession"}, j.take(), "closed once")
}

func TestALocalCheckNeedsALocalInit(t *testing.T) {
	leaktest.Check(t)
	scaffold := func() *session.Scaffold {
		return &session.Scaffold{ReadyForLocalInitOp: session.ReportUninitializedVariables()}
	}
	_, err := chief(t, session.ChiefConfig{Engine: lineGraph(), Scaffold: scaffold()}).CreateSession(t.Context())
	require.ErrorContains(t, err, `ReadyForLocalInitOp is "report of uninitialized variables", but LocalInitOp is not set`)
	worker, err := session.NewWorkerSessionCreator(session.WorkerConfig{Engine: lineGraph(), Scaffold: scaffold()})
	require.NoError(t, err)
	_, err = worker.CreateSession(t.Context())
	require.ErrorContains(t, err, "but LocalInitOp is not set")
}

func TestAnUnknownNameInTheScaffoldEndsTheOpening(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	_, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, Hooks: hooks(j.hook("a")),
		SessionCreator: chief(t, session.ChiefConfig{Engine: e, Scaffold: &session.Scaffold{InitOp: session.Ops{"unknown"}}}),
	})
	require.ErrorIs(t, err, session.ErrUnknownName)
	require.ErrorContains(t, err, "Scaffold.InitOp")
	require.Equal(t, []string{"a Begin", "a CloseSession"}, j.take())
}

func TestAnAbortedInitFnIsCalledAgain(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	fail := failingOnce(1, session.ErrAborted)
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, Recovery: atOnce,
		SessionCreator: chief(t, session.ChiefConfig{Engine: e, Scaffold: &session.Scaffold{
			InitFn: func(ctx context.Context, _ *session.Scaffold, s session.Session) error {
				j.add("InitFn")
				return fail(ctx)
			},
		}}),
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"engine Finalize",
		"engine NewSession", "engine Init", "InitFn", "engine Close",
		"engine NewSession", "engine Init", "InitFn",
	}, j.take())
	require.False(t, s.ShouldStop())
	require.NoError(t, s.Close())
}

func TestInitFnGetsItsScaffoldAndTheSession(t *testing.T) {
	leaktest.Check(t)
	e := localGraph()
	var scaffold *session.Scaffold
	scaffold = &session.Scaffold{
		InitOp: session.Ops{"init"}, InitFeeds: session.Feeds{"x": session.Float64(3)},
		LocalInitOp: session.Ops{"local init"}, LocalInitFeeds: session.Feeds{"y": session.Float64(0.5)},
		InitFn: func(ctx context.Context, s *session.Scaffold, open session.Session) error {
			if s != scaffold {
				return errors.New("another scaffold")
			}
			values, err := session.Eval(ctx, open, "v")
			if err != nil {
				return err
			}
			v, _ := values.At(0).Float64()
			_, err = session.Ops{"init"}.Run(ctx, open, session.Feeds{"x": session.Float64(v + 1)})
			return err
		},
	}
	s, err := chief(t, session.ChiefConfig{Engine: e, Scaffold: scaffold}).CreateSession(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"v=4", "w=4.5"}, valuesOf(t, s, "v", "w"))
	require.NoError(t, s.Close())
}

// stepSaver keeps the global step and w of lineGraph, as its newest checkpoint.
type stepSaver struct {
	saved    []session.Value
	restored []string
}

func (s *stepSaver) Save(ctx context.Context, open session.Session, prefix string, _ int64) (string, error) {
	values, err := session.Eval(ctx, open, "w")
	if err == nil {
		s.saved = append(s.saved, values.At(0))
	}
	return prefix, err
}

func (s *stepSaver) Restore(ctx context.Context, open session.Session, path string) error {
	s.restored = append(s.restored, path)
	if _, err := session.GlobalVariablesInitializer().Run(ctx, open, nil); err != nil {
		return err
	}
	_, err := session.Ops{"grow"}.Run(ctx, open, session.Feeds{"w+1": s.saved[len(s.saved)-1]})
	return err
}

func (s *stepSaver) CheckpointState(_ context.Context, dir string) (*session.CheckpointState, error) {
	if len(s.saved) == 0 {
		return nil, nil
	}
	return &session.CheckpointState{ModelCheckpointPath: dir + "/newest"}, nil
}

func (s *stepSaver) RecoverLastCheckpoints(context.Context, []string) error { return nil }

func TestALostSessionGoesOnFromTheNewestCheckpoint(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(lineGraph())
	saver := new(stepSaver)
	save := &session.HookFuncs{OnAfterRun: func(ctx context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
		_, err := saver.Save(ctx, rc.Session(), "d/m", 0)
		return err
	}}
	config := session.Config{
		Engine: e, Hooks: []session.SessionRunHook{save}, Recovery: atOnce,
		SessionCreator: chief(t, session.ChiefConfig{Engine: e, CheckpointDir: "d", Scaffold: &session.Scaffold{Saver: saver}}),
	}
	s, err := session.NewMonitoredSession(t.Context(), config)
	require.NoError(t, err)
	for range 2 {
		_, err = s.Run(t.Context(), "train")
		require.NoError(t, err)
	}
	require.Empty(t, saver.restored)
	e.at["Run"] = failingOnce(1, session.ErrAborted)
	values, err := s.Run(t.Context(), "train", "w")
	require.NoError(t, err)
	require.Equal(t, []string{"train=<none>", "w=4"}, collect(values), "w grew from 3, not from 1")
	require.Equal(t, []string{"d/newest"}, saver.restored)
	require.NoError(t, s.Close())

	// So does the next job, by folder and by file.
	for _, c := range []session.ChiefConfig{
		{CheckpointDir: "d"}, {CheckpointFilenameWithPath: "d/other"},
	} {
		c.Engine, c.Scaffold = e, &session.Scaffold{Saver: saver}
		open, err := chief(t, c).CreateSession(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"w=4"}, valuesOf(t, open, "w"))
		require.NoError(t, open.Close())
	}
	require.Equal(t, []string{"d/newest", "d/newest", "d/other"}, saver.restored)
}

func TestAWorkerWaitsUntilTheVariablesAreThere(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		var j journal
		e := j.engine(lineGraph())
		worker, err := session.NewWorkerSessionCreator(session.WorkerConfig{Engine: e})
		require.NoError(t, err)
		start := time.Now()
		_, err = session.NewMonitoredSession(t.Context(), session.Config{Engine: e, SessionCreator: worker, Recovery: atOnce})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "session was not ready after waiting 30m0s: variables not initialized: global_step, w")
		require.Equal(t, 30*time.Minute, time.Since(start))
	})
	// The state of a step engine is there from the start.
	e := session.StepFunc(func(context.Context, []session.Value) error { return nil })
	worker, err := session.NewWorkerSessionCreator(session.WorkerConfig{Engine: e})
	require.NoError(t, err)
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: e, SessionCreator: worker})
	require.NoError(t, err)
	_, err = s.Run(t.Context(), "train")
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// creatorFunc is a creator of somebody else's.
type creatorFunc func(ctx context.Context) (session.Session, error)

func (f creatorFunc) CreateSession(ctx context.Context) (session.Session, error) { return f(ctx) }

func TestASessionMayComeFromSomebodyElse(t *testing.T) {
	leaktest.Check(t)
	var j journal
	e := j.engine(session.StepFunc(func(context.Context, []session.Value) error { return nil }))
	s, err := session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, SessionCreator: creatorFunc(func(ctx context.Context) (session.Session, error) { return e.NewSession(ctx) }),
	})
	require.NoError(t, err)
	_, err = s.Run(t.Context(), "train")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"engine NewSession", "engine Run train", "engine Close"}, j.take())

	_, err = session.NewMonitoredSession(t.Context(), session.Config{
		Engine: e, SessionCreator: creatorFunc(func(context.Context) (session.Session, error) { return nil, nil }),
	})
	require.ErrorContains(t, err, "creatorFunc: CreateSession returned no session")
}
