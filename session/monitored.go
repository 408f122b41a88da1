package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// defaultGrace is TensorFlow's stop_grace_period_secs.
const defaultGrace = 120 * time.Second

// Config describes a monitored session.
type Config struct {
	// Engine is what trains. Required.
	Engine Engine
	// SessionCreator makes the sessions, all of them of Engine. Default: a
	// [ChiefSessionCreator] with a [Scaffold] of defaults.
	SessionCreator SessionCreator
	// Hooks are called in this order. The same hook may not be given twice.
	Hooks []SessionRunHook
	// Recovery says what to do about a session that was lost.
	Recovery Recovery
	// StopGracePeriod is how long, once the session is being closed, goroutines of
	// the coordinator may take to end, and, once the context is done, the hooks'
	// End and their CloseSession. Default 120 s.
	StopGracePeriod time.Duration
}

// resolve returns a private copy with defaults filled in, or all that is wrong.
func (c Config) resolve() (Config, []attachedHook, error) {
	var errs []error
	if isNil(c.Engine) {
		errs = append(errs, errors.New("session: Config: Engine is nil"))
	} else if c.SessionCreator == nil {
		chief, err := NewChiefSessionCreator(ChiefConfig{Engine: c.Engine})
		errs = append(errs, err)
		c.SessionCreator = chief
	}
	if c.SessionCreator != nil && isNil(c.SessionCreator) {
		errs = append(errs, fmt.Errorf("session: Config: SessionCreator is a nil %T", c.SessionCreator))
	}
	if c.StopGracePeriod < 0 {
		errs = append(errs, fmt.Errorf("session: Config: StopGracePeriod is %v, want a positive duration or 0 (120s)", c.StopGracePeriod))
	}
	if c.StopGracePeriod == 0 {
		c.StopGracePeriod = defaultGrace
	}
	c.Hooks = slices.Clone(c.Hooks)
	hooks, hooksErr := attach(c.Hooks)
	recovery, recoveryErr := c.Recovery.resolve()
	c.Recovery = recovery
	return c, hooks, errors.Join(append(errs, hooksErr, recoveryErr)...)
}

// A MonitoredSession runs an engine with hooks. Make one with [With], or with
// [NewMonitoredSession] and end it with Close or CloseWithError.
//
// All methods may be called by any number of goroutines. Run, RunArgs,
// RunStepFn and Close take turns: each waits for the one in progress, but from
// within it they return [ErrInRun]. ShouldStop and RequestStop do not wait for a
// run; but ShouldStop may find the session lost, and create it again.
type MonitoredSession struct {
	config Config
	hooks  []attachedHook
	ctx    context.Context // of NewMonitoredSession: the life of this session
	turn   runTurn

	singular bool // sessions that are lost are not created again

	stop atomic.Bool // a stop wish outlives runs that fail and sessions that are lost
	// coordStop is a stop requested of a lost session's coordinator. As with a live
	// one, runs go on.
	coordStop atomic.Bool
	live      atomic.Pointer[liveSession] // nil: lost, or closed
	broken    atomic.Pointer[error]       // of creating it again, if ShouldStop has met it
	over      atomic.Bool                 // closed

	closing    context.Context // done when somebody waits for the turn to close
	endWaiting context.CancelFunc

	losses   int // since a run last succeeded; whoever has the turn
	closeErr error
}

// A liveSession is one session of the engine and what belongs to it.
type liveSession struct {
	raw    *rawSession
	coord  *Coordinator
	hooked *hookedSession
}

// Run makes one hooked run that fetches names and returns their values, in this
// order. An op without a value, such as a training op, gives the zero Value.
//
// The values are valid until the next run, which overwrites them: to compare
// two runs, [Values.Clone] the first, or get the numbers out.
//
// The errors of hooks come as *[HookError]; end of input as [ErrOutOfRange]; a
// name that cannot be fetched as *[UnknownNameError]. When ctx is done, the
// error Is ctx.Err(). After a stop was requested by a hook's context or by
// RequestStop, Run returns [ErrRunAfterStop] (a stop of the coordinator makes
// only ShouldStop true); after Close, [ErrClosed]; from within a run, [ErrInRun].
func (s *MonitoredSession) Run(ctx context.Context, fetches ...string) (Values, error) {
	return s.runInTurn(ctx, fetches, nil, nil, nil)
}

// RunArgs is Run with feeds and options. What the engine tells of the run is
// stored in metadata, unless it is nil. args is not changed.
func (s *MonitoredSession) RunArgs(ctx context.Context, args *SessionRunArgs, metadata *RunMetadata) (Values, error) {
	if args == nil {
		args = &SessionRunArgs{}
	}
	return s.runInTurn(ctx, args.Fetches, args.Feeds, args.Options, metadata)
}

func (s *MonitoredSession) runInTurn(ctx context.Context, fetches []string, feeds Feeds, options *RunOptions, metadata *RunMetadata) (Values, error) {
	if err := s.turn.take(ctx); err != nil {
		return Values{}, err
	}
	defer s.turn.give()
	if err := s.usable(ctx); err != nil {
		return Values{}, err
	}
	if s.stop.Load() {
		return Values{}, ErrRunAfterStop
	}
	for {
		live, err := s.session(ctx)
		if err != nil {
			return Values{}, err
		}
		values, stop, err := live.hooked.run(ctx, fetches, feeds, options, metadata)
		if stop {
			s.stop.Store(true)
		}
		if err == nil {
			s.losses = 0
			return values, nil
		}
		if err := s.lose(ctx, live, s.rootCause(live, err)); err != nil {
			return Values{}, err
		}
	}
}

// usable reports whether the session is closed or ctx done. The caller has the
// turn.
func (s *MonitoredSession) usable(ctx context.Context) error {
	if s.over.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

// RunUntilStop runs until ShouldStop, or until the input ends. It returns the
// first other error. It does not close the session.
func (s *MonitoredSession) RunUntilStop(ctx context.Context, fetches ...string) error {
	for _, err := range s.Steps(ctx, fetches...) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Steps is [MonitoredSession.RunUntilStop] that yields the values of each run,
// and at last the error, if there is one. Some fetch is needed, or the steps
// would be none.
func (s *MonitoredSession) Steps(ctx context.Context, fetches ...string) iter.Seq2[Values, error] {
	return func(yield func(Values, error) bool) {
		if len(fetches) == 0 {
			yield(Values{}, errors.New("session: nothing is fetched, so that no run would be a step"))
			return
		}
		for {
			stop, err := s.CheckStop()
			if err != nil {
				yield(Values{}, err)
				return
			}
			if stop {
				return
			}
			values, err := s.Run(ctx, fetches...)
			if IsCleanStop(err) || err == ErrRunAfterStop || err == ErrClosed {
				return
			}
			if !yield(values, err) || err != nil {
				return
			}
		}
	}
}

// RequestStop makes ShouldStop true and further runs fail. A run in progress
// goes on.
func (s *MonitoredSession) RequestStop() { s.stop.Store(true) }
