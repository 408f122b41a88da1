package session

import (
	"context"
	"errors"
)

// A StepContext is what a step function works with. It is the session's, valid
// only during the call.
type StepContext struct {
	owner   *MonitoredSession
	live    *liveSession
	stopped bool // before this execution of the step function, or by a run in it
}

// RunStepFn calls fn while no one else can run the session, and returns what it
// returns. A step that is more than one run, such as alternating updates, goes
// in here. If the session is lost, fn is called again, with a new one.
func (s *MonitoredSession) RunStepFn(ctx context.Context, fn func(ctx context.Context, sc *StepContext) error) error {
	if fn == nil {
		return errors.New("session: RunStepFn: the function is nil")
	}
	if err := s.turn.take(ctx); err != nil {
		return err
	}
	defer s.turn.give()
	if err := s.usable(ctx); err != nil {
		return err
	}
	stopped := s.stop.Load()
	for {
		live, err := s.session(ctx)
		if err != nil {
			return err
		}
		err = fn(ctx, &StepContext{owner: s, live: live, stopped: stopped})
		if err == nil {
			s.losses = 0
			return nil
		}
		if err := s.lose(ctx, live, err); err != nil {
			return err
		}
	}
}

// Session is the engine's session. A run of it goes through no hook.
func (sc *StepContext) Session() Session { return sc.live.raw }

// RunWithHooks makes one hooked run, as [MonitoredSession.Run] does.
func (sc *StepContext) RunWithHooks(ctx context.Context, fetches ...string) (Values, error) {
	return sc.run(ctx, fetches, nil, nil, nil)
}

// RunArgsWithHooks is RunWithHooks with feeds, options and metadata, as
// [MonitoredSession.RunArgs] has them.
func (sc *StepContext) RunArgsWithHooks(ctx context.Context, args *SessionRunArgs, metadata *RunMetadata) (Values, error) {
	if args == nil {
		args = &SessionRunArgs{}
	}
	return sc.run(ctx, args.Fetches, args.Feeds, args.Options, metadata)
}

func (sc *StepContext) run(ctx context.Context, fetches []string, feeds Feeds, options *RunOptions, metadata *RunMetadata) (Values, error) {
	if sc.stopped {
		return Values{}, ErrRunAfterStop
	}
	if err := ctx.Err(); err != nil {
		return Values{}, err
	}
	values, stop, err := sc.live.hooked.run(ctx, fetches, feeds, options, metadata)
	if stop {
		sc.stopped = true
		sc.owner.stop.Store(true)
	}
	return values, sc.owner.rootCause(sc.live, err)
}

// RequestStop makes ShouldStop true. The step function goes on; to leave it,
// and a [With] block, return the [ErrStop] that RequestStop returns.
func (sc *StepContext) RequestStop() error {
	sc.owner.stop.Store(true)
	return ErrStop
}
