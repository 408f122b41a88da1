package sessiontest

import (
	"context"
	"time"

	"github.com/runhook/runhook/session"
)

// An ending is a way for a session to end.
type ending struct {
	name string
	// arrange makes the session end like this.
	arrange func(s *stay)
	failure error // what the session ends with
}

var endings = []ending{
	{"a clean end", func(*stay) {}, nil},
	{"the end of the input", fault(Fault{Op: OpTrain, N: 3, Err: session.ErrOutOfRange}), nil},
	{"a run that fails", fault(Fault{Op: OpTrain, N: 3, Err: errInjected}), errInjected},
	{"a run that fails after its update", fault(Fault{Op: OpTrain, N: 3, After: true, Err: errInjected}), errInjected},
	{"a Finalize that fails", fault(Fault{Op: OpFinalize, Err: errInjected}), errInjected},
	{"a session that cannot be created", fault(Fault{Op: OpNewSession, Err: errInjected}), errInjected},
	{"a Begin that fails", fault(Fault{Op: OpResolve, Err: errInjected}), errInjected},
	{"another hook's Begin that fails", other(&session.HookFuncs{OnBegin: func(context.Context, session.Graph) error { return errInjected }}), errInjected},
	{"another hook's AfterCreateSession that fails", other(&session.HookFuncs{OnAfterCreateSession: func(context.Context, session.Session, *session.Coordinator) error { return errInjected }}), errInjected},
	{"another hook's BeforeRun that fails", other(&session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		return nil, errInjected
	}}), errInjected},
	{"another hook's stop", other(&session.HookFuncs{OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, _ *session.SessionRunValues) error {
		rc.RequestStop()
		return nil
	}}), nil},
	{"a stop before the first run", other(&session.HookFuncs{OnAfterCreateSession: func(_ context.Context, _ session.Session, coord *session.Coordinator) error {
		coord.RequestStop(nil)
		return nil
	}}), nil},
	{"a context that ends during a run", func(s *stay) {
		s.engine.Faults = append(s.engine.Faults, Fault{Op: OpTrain, N: 3, After: true, Do: s.cancel})
	}, context.Canceled},
	{"a context that ends and a run that gives up", func(s *stay) {
		s.engine.Faults = append(s.engine.Faults, Fault{Op: OpTrain, N: 3, Do: s.cancel, Delay: time.Hour})
	}, context.Canceled},
}

func fault(f Fault) func(*stay) {
	return func(s *stay) { s.engine.Faults = append(s.engine.Faults, f) }
}

func other(h *session.HookFuncs) func(*stay) {
	return func(s *stay) { s.others = append(s.others, h) }
}

// end runs a session with the hook that ends like this.
func (c *hookCase) end(hook session.SessionRunHook, e ending) error {
	s := c.stay(hook)
	s.what = e.name
	e.arrange(s)
	return s.run()
}

// leaves returns what err joins.
func leaves(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
