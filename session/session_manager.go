package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/internal/pause"
)

// ErrNothingToInitialize says that there is no checkpoint and nothing to
// initialise a session with.
var ErrNothingToInitialize = errors.New("session: model is not initialized and no InitOp, InitFn or LocalInitOp was given")

const defaultRecoveryWait = 30 * time.Second

// SessionManagerConfig describes a [SessionManager].
type SessionManagerConfig struct {
	// Engine opens the sessions. Required.
	Engine Engine
	// ReadyOp tells whether a session is ready for use. nil: it is.
	ReadyOp Op
	// ReadyForLocalInitOp tells whether LocalInitOp, which then is required, may
	// run. nil: it may.
	ReadyForLocalInitOp Op
	// LocalInitOp initialises in each session what is not saved, with
	// LocalInitFeeds fed. nil: there is nothing of that kind.
	LocalInitOp    Op
	LocalInitFeeds Feeds
	// RecoveryWait is how long to wait before looking again for a checkpoint, or
	// trying another session. Default 30 s.
	RecoveryWait time.Duration
	// Logger is told what is waited for. nil: nobody is.
	Logger *slog.Logger
}

func (c SessionManagerConfig) resolve() (SessionManagerConfig, error) {
	var errs []error
	if isNil(c.Engine) {
		errs = append(errs, errors.New("Engine is nil"))
	}
	if isNil(c.LocalInitOp) {
		if !isNil(c.ReadyForLocalInitOp) {
			errs = append(errs, fmt.Errorf("ReadyForLocalInitOp is %q, but LocalInitOp is not set", c.ReadyForLocalInitOp))
		}
		if len(c.LocalInitFeeds) > 0 {
			errs = append(errs, errors.New("LocalInitFeeds is set, but LocalInitOp is not"))
		}
	}
	if c.RecoveryWait < 0 {
		errs = append(errs, fmt.Errorf("RecoveryWait is %v, want a positive duration or 0 (30s)", c.RecoveryWait))
	}
	if c.RecoveryWait == 0 {
		c.RecoveryWait = defaultRecoveryWait
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, faults.Join("session: SessionManagerConfig", errs...)
}

// A SessionManager opens sessions that are ready for use: their variables are
// restored from a checkpoint, initialised, or found initialised.
//
//	PrepareSession   open → restore | InitOp, InitFn → local init → ready?
//	RecoverSession   open → restore |                → local init → ready?
//	WaitForSession   open                            → local init → ready? no: close, wait, again
//
// Local init is ReadyForLocalInitOp, which must answer that it is ready, then
// LocalInitOp. A ready op answers so with no value, an int32 tensor or an empty
// one. A string, or a tensor of strings, names what is not initialised, and so
// does an error that Is [ErrUninitialized]; another error ends it all.
//
// The sessions are as hooks see them: [Ability] finds the abilities of the engine's
// own. One that is not returned is closed. All waits end when the context does.
// The methods may be called by any number of goroutines.
type SessionManager struct {
	config SessionManagerConfig
}

// NewSessionManager returns a manager, or all that is wrong with config.
func NewSessionManager(config SessionManagerConfig) (*SessionManager, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	return &SessionManager{config: config}, nil
}

// PrepareSessionArgs say what [SessionManager.PrepareSession] does.
type PrepareSessionArgs struct {
	// Restore is what comes before all initialisation, and instead of it.
	Restore RestoreArgs
	// InitOp, with InitFeeds fed, and then InitFn are for a session that was not
	// restored. Each may be nil.
	InitOp    Op
	InitFeeds Feeds
	InitFn    func(ctx context.Context, s Session) error
}

// PrepareSession returns a new session that was restored or initialised, and is
// ready: else an error that Is [ErrNotReady]. With nothing to restore, InitOp,
// InitFn and LocalInitOp may not all be missing ([ErrNothingToInitialize]).
func (m *SessionManager) PrepareSession(ctx context.Context, args PrepareSessionArgs) (_ Session, err error) {
	args.Restore, err = args.Restore.resolve()
	if err != nil {
		return nil, err
	}
	if isNil(args.InitOp) && len(args.InitFeeds) > 0 {
		return nil, errors.New("session: InitFeeds is set, but InitOp is not")
	}
	s, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	returned := false
	defer func() {
		if !returned {
			err = closedAfter(err, s)
		}
	}()
	restored, err := m.restore(ctx, s, args.Restore)
	if err != nil {
		return nil, err
	}
	if !restored {
		if err := m.initialize(ctx, s, args); err != nil {
			return nil, err
		}
	}
	reason, err := m.tryLocalInit(ctx, s)
	if err != nil {
		return nil, err
	}
	if reason != nil {
		return nil, notReady(fmt.Sprintf("session: init operations did not make model ready for local init (%s)", m.done(args)), reason)
	}
	reason, err = ask(ctx, s, m.config.ReadyOp)
	if err != nil {
		return nil, err
	}
	if reason != nil {
		return nil, notReady(fmt.Sprintf("session: init operations did not make model ready (%s)", m.done(args)), reason)
	}
	returned = true
	return s, nil
}

// done tells which pieces a session was initialised with.
func (m *SessionManager) done(args PrepareSessionArgs) string {
	function := "none"
	if args.InitFn != nil {
		function = "given"
	}
	return fmt.Sprintf("InitOp: %s, InitFn: %s, LocalInitOp: %s", named(args.InitOp), function, named(m.config.LocalInitOp))
}

func named(op Op) string {
	if isNil(op) {
		return "none"
	}
	return op.String()
}

// RecoverSession returns a new session, and whether it was restored and is
// ready. If it is not, that is no error, and the session is the caller's all the
// same: to be initialised, or to be closed. LocalInitOp is run, if it may, also
// when there was nothing to restore.
func (m *SessionManager) RecoverSession(ctx context.Context, args RestoreArgs) (_ Session, initialized bool, err error) {
	if args, err = args.resolve(); err != nil {
		return nil, false, err
	}
	s, err := m.open(ctx)
	if err != nil {
		return nil, false, err
	}
	returned := false
	defer func() {
		if !returned {
			err = closedAfter(err, s)
		}
	}()
	restored, err := m.restore(ctx, s, args)
	if err != nil {
		return nil, false, err
	}
	reason, err := m.tryLocalInit(ctx, s)
	if err == nil && reason == nil && restored {
		reason, err = ask(ctx, s, m.config.ReadyOp)
	}
	if err != nil {
		return nil, false, err
	}
	if restored && reason != nil {
		m.config.Logger.LogAttrs(ctx, slog.LevelInfo, "restored, but not ready", slog.Any("reason", reason))
	}
	returned = true
	return s, restored && reason == nil, nil
}

// WaitForSession returns a new session that somebody else has made ready, but
// for its LocalInitOp. While it is not, one session is closed and another is
// tried after each RecoveryWait. An error that Is [ErrNotReady] and
// [context.DeadlineExceeded] comes when another wait would go past maxWait; 0 or
// Off sets no limit. When ctx ends the wait, the error Is [ErrNotReady], too, and
// tells what was missing.
func (m *SessionManager) WaitForSession(ctx context.Context, maxWait time.Duration) (Session, error) {
	if maxWait < 0 && maxWait != Off {
		return nil, fmt.Errorf("session: MaxWait is %v, want a positive duration, 0 or Off", maxWait)
	}
	start := time.Now()
	for {
		s, reason, err := m.tryWithoutInit(ctx)
		if err != nil {
			return nil, err
		}
		if reason == nil {
			return s, nil
		}
		if maxWait > 0 && time.Since(start)+m.config.RecoveryWait > maxWait {
			return nil, notReady(fmt.Sprintf("session was not ready after waiting %v", maxWait), reason, context.DeadlineExceeded)
		}
		if err := m.wait(ctx, "the model to be ready", slog.Any("reason", reason)); err != nil {
			return nil, notReady(fmt.Sprintf("session: %v while waiting for the model to be ready", err), reason, err)
		}
	}
}

// tryWithoutInit opens a session; if it is not ready, it closes it and returns
// the reason.
func (m *SessionManager) tryWithoutInit(ctx context.Context) (_ Session, reason, err error) {
	s, err := m.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	returned := false
	defer func() {
		if !returned {
			err = closedAfter(err, s)
		}
	}()
	reason, err = m.tryLocalInit(ctx, s)
	if err == nil && reason == nil {
		reason, err = ask(ctx, s, m.config.ReadyOp)
	}
	if err != nil {
		return nil, nil, err
	}
	returned = true
	if reason == nil {
		return s, nil, nil
	}
	if err := s.Close(); err != nil {
		m.config.Logger.LogAttrs(ctx, slog.LevelWarn, "closing a session that is not ready", slog.Any("error", err))
	}
	return nil, reason, nil
}

func (m *SessionManager) open(ctx context.Context) (*rawSession, error) {
	s, err := m.config.Engine.NewSession(ctx)
	if err != nil {
		return nil, err
	}
	if isNil(s) {
		return nil, fmt.Errorf("session: engine %T: NewSession returned no session", m.config.Engine)
	}
	return &rawSession{engine: s}, nil
}

// closedAfter closes a session that failed with err. That it was lost is no
// news.
func closedAfter(err error, s *rawSession) error {
	return joined(append([]error{err}, slices.DeleteFunc([]error{s.Close()}, IsLost)...))
}

// wait waits as long as RecoveryWait says.
func (m *SessionManager) wait(ctx context.Context, what string, attr slog.Attr) error {
	m.config.Logger.LogAttrs(ctx, slog.LevelInfo, "waiting for "+what, attr)
	return pause.For(ctx, m.config.RecoveryWait)
}

func (m *SessionManager) initialize(ctx context.Context, s Session, args PrepareSessionArgs) error {
	if isNil(args.InitOp) && args.InitFn == nil && isNil(m.config.LocalInitOp) {
		return ErrNothingToInitialize
	}
	if !isNil(args.InitOp) {
		if _, err := args.InitOp.Run(ctx, s, args.InitFeeds); err != nil {
			return err
		}
	}
	if args.InitFn != nil {
		return args.InitFn(ctx, s)
	}
	return nil
}

// tryLocalInit runs LocalInitOp, or returns the reason why it may not run.
func (m *SessionManager) tryLocalInit(ctx context.Context, s Session) (reason, err error) {
	if isNil(m.config.LocalInitOp) {
		return nil, nil
	}
	reason, err = ask(ctx, s, m.config.ReadyForLocalInitOp)
	if reason != nil || err != nil {
		return reason, err
	}
	_, err = m.config.LocalInitOp.Run(ctx, s, m.config.LocalInitFeeds)
	return nil, err
}
