package tftrace

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
)

func init() { replayers["session_manager"] = replaySessionManager }

func replaySessionManager(t *testing.T, d document) outcome {
	s := parseManagerScenario(t, d)
	want, mistakes := s.mended(recorded(t, d))
	if diff := difference(want, playManagers(t, s), sameManagerErrors); diff != "" {
		return outcome{different: diff}
	}
	return outcome{deviations: mistakes}
}

// managerKinds are the kinds of the errors that session managers and scaffolds
// make themselves.
var managerKinds = []struct {
	sentinel error
	kind     string
}{
	{context.DeadlineExceeded, "deadline_exceeded"},
	{session.ErrNotReady, "runtime_error"},
	{session.ErrNothingToInitialize, "runtime_error"},
	{session.ErrAmbiguousCollection, "runtime_error"},
	{session.ErrInvalidCheckpointState, "value_error"},
	{errNotAssignable, "type_error"},
}

// wrongArguments is how the errors about configs and arguments begin, which have
// no sentinel.
var wrongArguments = []string{
	"session: SessionManagerConfig: ", "session: RestoreArgs: ", "session: ChiefConfig: ", "session: WorkerConfig: ",
}

func managerErrorParts(err error) []errorPart {
	for _, k := range managerKinds {
		if errors.Is(err, k.sentinel) {
			return []errorPart{{k.kind, err.Error()}}
		}
	}
	if scripted, ok := errors.AsType[*scriptedError](err); ok {
		return []errorPart{{scripted.kind, scripted.Error()}}
	}
	if slices.ContainsFunc(wrongArguments, func(begin string) bool { return strings.HasPrefix(err.Error(), begin) }) {
		return []errorPart{{"value_error", err.Error()}}
	}
	return []errorPart{{"of no known kind", err.Error()}}
}

// A managers plays scenarios with this library.
type managers struct {
	*scriptEngine
	t         *testing.T
	managers  map[string]*session.SessionManager
	scaffolds map[string]*session.Scaffold
	creators  map[[2]string]session.SessionCreator
	saver     session.Saver
}

func playManagers(t *testing.T, s *managerScenario) (tr trace) {
	t.Helper()
	inBubble(t, func(t *testing.T) {
		e := newScriptEngine(s, newRecorder())
		m := &managers{
			scriptEngine: e,
			t:            t,
			managers:     make(map[string]*session.SessionManager),
			scaffolds:    make(map[string]*session.Scaffold),
			creators:     make(map[[2]string]session.SessionCreator),
			saver:        scriptSaver{namedSaver{name: "scripted"}, e},
		}
		for _, op := range s.Ops {
			m.do(op)
		}
		tr = trace{Events: e.events}
	})
	return tr
}

// do does an operation and writes down what came of it.
func (m *managers) do(op managerOp) {
	first := m.attempts
	value, err := m.perform(op)
	if err == nil {
		done := m.write("return", "op", op.Op)
		if value != nil {
			done["value"] = value
		}
		return
	}
	var left []any
	for _, s := range m.open {
		if s.number > first {
			left = append(left, float64(s.number))
		}
	}
	if op.excludes() && m.attempts == first {
		m.attempts++ // TensorFlow has opened one, and the scenario counts it
	}
	failed := m.write("raise", "op", op.Op, "left_open", left)
	failed["error"] = managerErrorParts(err)
}

func (m *managers) perform(op managerOp) (value any, err error) {
	ctx := m.t.Context()
	switch op.Op {
	case "new_manager":
		_, err = m.newManager(op.Manager)
		return nil, err
	case "prepare_session":
		return m.prepare(ctx, op)
	case "recover_session":
		s, initialized, err := m.manager(op.Manager).RecoverSession(ctx, m.restoreArgs(op))
		return shownSession(s, err, "initialized", initialized)
	case "wait_for_session":
		s, err := m.manager(op.Manager).WaitForSession(ctx, limit(op.MaxWaitSecs))
		return shownSession(s, err)
	case "new_scaffold":
		return nil, m.newScaffold(op)
	case "attributes":
		return attributes(m.scaffolds[op.Scaffold]), nil
	case "finalize":
		s := m.scaffolds[op.Scaffold]
		if err := s.Finalize(ctx, m.scriptEngine); err != nil {
			return nil, err
		}
		return map[string]any{"itself": s == m.scaffolds[op.Scaffold], "graph_finalized": m.finalized}, nil
	case "call_init_fn":
		open, err := m.NewSession(ctx)
		if err != nil {
			return nil, err
		}
		s := m.scaffolds[op.Scaffold]
		return nil, s.InitFn(ctx, s, open)
	case "collections":
		counts := make(map[string]any)
		for _, piece := range pieces {
			if n := len(m.collections[piece.key]); n > 0 {
				counts[piece.name] = float64(n)
			}
		}
		return counts, nil
	case "create_session":
		creator, err := m.creator(op)
		if err != nil {
			return nil, err
		}
		return shownSession(creator.CreateSession(ctx))
	}
	require.Fail(m.t, "operation "+op.Op)
	return nil, nil
}

func shownSession(s session.Session, err error, more ...any) (any, error) {
	if err != nil {
		return nil, err
	}
	shown := event{}
	shown.set("session", numberOf(s))
	if len(more) > 0 {
		shown.set(more[0].(string), more[1])
	}
	return map[string]any(shown), nil
}

func (m *managers) newManager(name string) (*session.SessionManager, error) {
	spec := m.scenario.manager(name)
	return session.NewSessionManager(session.SessionManagerConfig{
		Engine:              m.scriptEngine,
		ReadyOp:             spec.ReadyOp.op(),
		ReadyForLocalInitOp: spec.ReadyForLocalInitOp.op(),
		LocalInitOp:         spec.LocalInitOp.op(),
		LocalInitFeeds:      feedsOf(spec.LocalInitFeeds),
		RecoveryWait:        secs(spec.RecoveryWaitSecs),
	})
}

// manager returns the manager of that name, made once.
func (m *managers) manager(name string) *session.SessionManager {
	if m.managers[name] == nil {
		made, err := m.newManager(name)
		require.NoError(m.t, err)
		m.managers[name] = made
	}
	return m.managers[name]
}

func (m *managers) prepare(ctx context.Context, op managerOp) (any, error) {
	args := session.PrepareSessionArgs{Restore: m.restoreArgs(op), InitOp: op.InitOp.op(), InitFeeds: feedsOf(op.InitFeeds)}
	if op.InitFn != nil {
		args.InitFn = func(ctx context.Context, s session.Session) error { return m.initFn(ctx, *op.InitFn, nil, s) }
	}
	return shownSession(m.manager(op.Manager).PrepareSession(ctx, args))
}

// initFn is an init_fn of the user's; s is nil if it has no scaffold.
func (m *managers) initFn(ctx context.Context, spec initFnSpec, s *session.Scaffold, open session.Session) error {
	called := m.write("init_fn", "session", numberOf(open))
	for name, scaffold := range m.scaffolds {
		if scaffold == s {
			called["scaffold"] = name
		}
	}
	for _, function := range spec.Functions {
		if _, err := session.Eval(ctx, open, function); err != nil {
			return called.fail(err)
		}
	}
	if spec.Error != "" {
		return called.fail(&scriptedError{kind: spec.Error})
	}
	return nil
}

// restoreArgs are the arguments of an operation. TensorFlow's max_wait_secs of 0
// is no wait, and here 0 is the default: so it is not waited.
func (m *managers) restoreArgs(op managerOp) session.RestoreArgs {
	args := session.RestoreArgs{
		CheckpointDir:              op.CheckpointDir,
		CheckpointFilenameWithPath: op.CheckpointFile,
		WaitForCheckpoint:          op.WaitForCheckpoint && (op.MaxWaitSecs == nil || *op.MaxWaitSecs > 0),
	}
	if op.Saver == true {
		args.Saver = m.saver
	}
	if args.WaitForCheckpoint {
		args.MaxWait = limit(op.MaxWaitSecs)
	}
	return args
}

// limit is a time limit; 0 is none, or the default.
func limit(s *float64) time.Duration {
	if s == nil {
		return 0
	}
	return max(secs(*s), 1)
}

// errNotAssignable says that the compiler refuses what Python finds out when it
// runs.
var errNotAssignable = errors.New("not assignable")

func (m *managers) newScaffold(op managerOp) error {
	s := &session.Scaffold{
		InitOp:              op.InitOp.op(),
		InitFeeds:           feedsOf(op.InitFeeds),
		ReadyOp:             op.ReadyOp.op(),
		ReadyForLocalInitOp: op.ReadyForLocalInitOp.op(),
		LocalInitOp:         op.LocalInitOp.op(),
		LocalInitFeeds:      feedsOf(op.LocalInitFeeds),
	}
	switch op.Saver {
	case nil:
	case "scripted":
		s.Saver = m.saver
	default:
		s.Saver = namedSaver{name: op.Saver.(string)}
	}
	if op.SummaryOp != "" {
		s.SummaryOp = namedSummary(op.SummaryOp)
	}
	if op.InitFn != nil {
		s.InitFn = func(ctx context.Context, s *session.Scaffold, open session.Session) error {
			return m.initFn(ctx, *op.InitFn, s, open)
		}
	}
	if op.CopyFrom != "" {
		other, ok := m.scaffolds[op.CopyFrom]
		if !ok && !reflect.TypeOf(op.CopyFrom).AssignableTo(reflect.TypeOf(s.CopyFrom).In(0)) {
			return errNotAssignable
		}
		s.CopyFrom(other)
	}
	m.scaffolds[op.Scaffold] = s
	return nil
}

// attributes tells what a scaffold has for each piece.
func attributes(s *session.Scaffold) map[string]any {
	shown := event{}
	for key, op := range map[string]session.Op{
		"init_op": s.InitOp, "ready_op": s.ReadyOp, "ready_for_local_init_op": s.ReadyForLocalInitOp, "local_init_op": s.LocalInitOp,
	} {
		if op != nil {
			shown.set(key, shownName(op.String()))
		}
	}
	if s.SummaryOp != nil {
		shown.set("summary_op", shownName(string(s.SummaryOp.(namedSummary))))
	}
	switch saver := s.Saver.(type) {
	case namedSaver:
		shown.set("saver", shownName(saver.name))
	case scriptSaver:
		shown.set("saver", saver.name)
	}
	if s.InitFn != nil {
		shown.set("init_fn", true)
	}
	shown.set("init_feed_dict", shownFeeds(s.InitFeeds))
	shown.set("local_init_feed_dict", shownFeeds(s.LocalInitFeeds))
	return shown
}

func shownName(name string) string {
	if strings.HasPrefix(name, defaultPiece) {
		return strings.TrimSpace(defaultPiece)
	}
	return name
}

// creator returns the creator for a scaffold, made once.
func (m *managers) creator(op managerOp) (session.SessionCreator, error) {
	key := [2]string{op.Creator, op.Scaffold}
	if made := m.creators[key]; made != nil {
		return made, nil
	}
	scaffold := m.scaffolds[op.Scaffold]
	var made session.SessionCreator
	var err error
	if op.Creator == "chief" {
		made, err = session.NewChiefSessionCreator(session.ChiefConfig{
			Engine: m.scriptEngine, Scaffold: scaffold,
			CheckpointDir: op.CheckpointDir, CheckpointFilenameWithPath: op.CheckpointFile,
		})
	} else {
		made, err = session.NewWorkerSessionCreator(session.WorkerConfig{
			Engine: m.scriptEngine, Scaffold: scaffold, MaxWait: limit(op.MaxWaitSecs),
		})
	}
	if err != nil {
		return nil, err
	}
	m.creators[key] = made
	return made, nil
}
