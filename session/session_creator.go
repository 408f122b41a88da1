package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/runhook/runhook/internal/faults"
)

// defaultWorkerWait is TensorFlow's max_wait_secs of a WorkerSessionCreator.
const defaultWorkerWait = 30 * time.Minute

// A SessionCreator makes the sessions of a [MonitoredSession]: the first one,
// and one each time that a session was lost.
type SessionCreator interface {
	// CreateSession finalizes the engine, opens a session of it and makes that
	// ready for use. What it opens and does not return, it closes. ctx is for the
	// opening, as that of [Engine].NewSession is. It has the values of the context
	// of the monitored session, and is done with that, with the run that waits for
	// the session, and when the monitored session is being closed.
	CreateSession(ctx context.Context) (Session, error)
}

// ChiefConfig describes a [ChiefSessionCreator].
type ChiefConfig struct {
	// Engine opens the sessions. Required.
	Engine Engine
	// Scaffold has the pieces to set a session up with. It is finalized by the
	// first CreateSession. nil: one with defaults.
	Scaffold *Scaffold
	// CheckpointDir is the folder of which the newest checkpoint is restored, if
	// there is one. Not both this and CheckpointFilenameWithPath may be set; either
	// needs the Scaffold to have a Saver.
	CheckpointDir string
	// CheckpointFilenameWithPath is the checkpoint to restore.
	CheckpointFilenameWithPath string
	// Logger is told about the session manager's work. nil: nobody is.
	Logger *slog.Logger
}

func (c ChiefConfig) resolve() (ChiefConfig, error) {
	var errs []error
	if isNil(c.Engine) {
		errs = append(errs, errors.New("Engine is nil"))
	}
	if c.CheckpointDir != "" && c.CheckpointFilenameWithPath != "" {
		errs = append(errs, errBothCheckpoints(c.CheckpointDir, c.CheckpointFilenameWithPath))
	}
	if c.Scaffold == nil {
		c.Scaffold = new(Scaffold)
	}
	return c, faults.Join("session: ChiefConfig", errs...)
}

// A ChiefSessionCreator makes sessions for the worker that initialises the
// variables or restores them: see [SessionManager.PrepareSession]. It is used by
// one goroutine at a time.
type ChiefSessionCreator struct {
	config  ChiefConfig
	manager *SessionManager // of the first CreateSession
}

var _ SessionCreator = (*ChiefSessionCreator)(nil)

// NewChiefSessionCreator returns a creator, or all that is wrong with config.
func NewChiefSessionCreator(config ChiefConfig) (*ChiefSessionCreator, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	return &ChiefSessionCreator{config: config}, nil
}

// CreateSession finalizes the scaffold and prepares a session with its pieces.
func (c *ChiefSessionCreator) CreateSession(ctx context.Context) (Session, error) {
	if err := c.config.Scaffold.Finalize(ctx, c.config.Engine); err != nil {
		return nil, err
	}
	scaffold := c.config.Scaffold
	if isNil(scaffold.Saver) {
		if path := c.config.CheckpointDir + c.config.CheckpointFilenameWithPath; path != "" {
			return nil, fmt.Errorf("session: nothing to restore %q with: Scaffold.Saver is not set, and the engine has none", path)
		}
	}
	if c.manager == nil {
		m, err := managerFor(c.config.Engine, scaffold, c.config.Logger)
		if err != nil {
			return nil, err
		}
		c.manager = m
	}
	return c.manager.PrepareSession(ctx, PrepareSessionArgs{
		Restore: RestoreArgs{
			Saver:                      scaffold.Saver,
			CheckpointDir:              c.config.CheckpointDir,
			CheckpointFilenameWithPath: c.config.CheckpointFilenameWithPath,
		},
		InitOp:    scaffold.InitOp,
		InitFeeds: scaffold.InitFeeds,
		InitFn:    scaffold.boundInitFn(),
	})
}

// boundInitFn is InitFn for this scaffold.
func (s *Scaffold) boundInitFn() func(context.Context, Session) error {
	if s.InitFn == nil {
		return nil
	}
	return func(ctx context.Context, session Session) error { return s.InitFn(ctx, s, session) }
}

// managerFor returns the session manager that a finalized scaffold describes.
func managerFor(engine Engine, s *Scaffold, logger *slog.Logger) (*SessionManager, error) {
	return NewSessionManager(SessionManagerConfig{
		Engine:              engine,
		ReadyOp:             s.ReadyOp,
		ReadyForLocalInitOp: s.ReadyForLocalInitOp,
		LocalInitOp:         s.LocalInitOp,
		LocalInitFeeds:      s.LocalInitFeeds,
		Logger:              logger,
	})
}

// WorkerConfig describes a [WorkerSessionCreator].
type WorkerConfig struct {
	// Engine opens the sessions. Required.
	Engine Engine
	// Scaffold has the pieces to set a session up with, of which InitOp, InitFn
	// and Saver are not used. It is finalized by the first CreateSession. nil: one
	// with defaults.
	Scaffold *Scaffold
	// MaxWait limits the wait for a session that is ready. Default 30 min. Off sets
	// no limit.
	MaxWait time.Duration
	// Logger is told about the session manager's work. nil: nobody is.
	Logger *slog.Logger
}

func (c WorkerConfig) resolve() (WorkerConfig, error) {
	var errs []error
	if isNil(c.Engine) {
		errs = append(errs, errors.New("Engine is nil"))
	}
	if c.MaxWait < 0 && c.MaxWait != Off {
		errs = append(errs, fmt.Errorf("MaxWait is %v, want a positive duration, 0 (30m) or Off", c.MaxWait))
	}
	if c.MaxWait == 0 {
		c.MaxWait = defaultWorkerWait
	}
	if c.Scaffold == nil {
		c.Scaffold = new(Scaffold)
	}
	return c, faults.Join("session: WorkerConfig", errs...)
}

// A WorkerSessionCreator makes sessions for a worker that waits until the chief
// has initialised the variables: see [SessionManager.WaitForSession]. It is used
// by one goroutine at a time.
type WorkerSessionCreator struct {
	config  WorkerConfig
	manager *SessionManager // of the first CreateSession
}

var _ SessionCreator = (*WorkerSessionCreator)(nil)

// NewWorkerSessionCreator returns a creator, or all that is wrong with config.
func NewWorkerSessionCreator(config WorkerConfig) (*WorkerSessionCreator, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	return &WorkerSessionCreator{config: config}, nil
}

// CreateSession finalizes the scaffold and waits for a session that is ready.
func (c *WorkerSessionCreator) CreateSession(ctx context.Context) (Session, error) {
	if err := c.config.Scaffold.Finalize(ctx, c.config.Engine); err != nil {
		return nil, err
	}
	if c.manager == nil {
		m, err := managerFor(c.config.Engine, c.config.Scaffold, c.config.Logger)
		if err != nil {
			return nil, err
		}
		c.manager = m
	}
	return c.manager.WaitForSession(ctx, c.config.MaxWait)
}
