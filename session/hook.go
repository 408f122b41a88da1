package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// A SessionRunHook is called around every run of a [MonitoredSession]. The
// methods are called by one goroutine at a time, in the order of the hook list,
// End included. Embed [BaseHook] to write only those that matter; no method
// will be added. sessiontest.TestHook checks an implementation.
//
// An error of any of them ends what is going on and arrives as *[HookError]. An
// error of the engine that a hook meets is returned; a value that it cannot use
// is an error, not a panic.
// [ErrOutOfRange] and [ErrStop] count as a clean end, [ErrAborted] and
// [ErrUnavailable] as the loss of the session, whoever returns them.
//
// ctx is that of the run, or of opening the session. For End and CloseSession it
// goes on for the grace period after the session's own is done, so that what has
// to be flushed can be. A hook does not keep it.
type SessionRunHook interface {
	// Begin is called once per monitored session, before there is a session. The
	// hook resolves the names that it will fetch and resets its state. A hook
	// object may be used by several monitored sessions, one after the other.
	Begin(ctx context.Context, graph Graph) error
	// AfterCreateSession is called for every session that is created, that is
	// again after each recovery. Goroutines that the hook starts go through coord;
	// they may not use s, which is for one goroutine at a time, as runs do.
	AfterCreateSession(ctx context.Context, s Session, coord *Coordinator) error
	// BeforeRun may ask for fetches, feeds and options of the coming run; nil asks
	// for nothing. The hook owns what it returns, may use it again for the next
	// run, and leaves it unchanged until AfterRun.
	BeforeRun(ctx context.Context, rc *SessionRunContext) (*SessionRunArgs, error)
	// AfterRun is called when the run and all AfterRun before it succeeded. What
	// was computed is to be recorded even if ctx is done, if need be with
	// context.WithoutCancel.
	AfterRun(ctx context.Context, rc *SessionRunContext, values *SessionRunValues) error
	// End is called when the monitored session ends cleanly or is interrupted
	// through its context, while the session is still open. All hooks get their
	// turn, whatever the others return.
	End(ctx context.Context, s Session) error
}

// A SessionCloser is a [SessionRunHook] that holds what must be given back
// however the session ends. CloseSession is called once for every Begin,
// whatever came of that, after everything else, hooks in reverse order. cause
// is why the session ended, nil for a clean end.
type SessionCloser interface {
	CloseSession(ctx context.Context, cause error) error
}

// A Namer is a [SessionRunHook] with a name of its own for error messages.
// Without one it is called by its type.
type Namer interface {
	Name() string
}

// BaseHook does nothing in every phase. Embed it in a hook.
type BaseHook struct{}

var _ SessionRunHook = BaseHook{}

// Begin does nothing.
func (BaseHook) Begin(context.Context, Graph) error { return nil }

// AfterCreateSession does nothing.
func (BaseHook) AfterCreateSession(context.Context, Session, *Coordinator) error { return nil }

// BeforeRun asks for nothing.
func (BaseHook) BeforeRun(context.Context, *SessionRunContext) (*SessionRunArgs, error) {
	return nil, nil
}

// AfterRun does nothing.
func (BaseHook) AfterRun(context.Context, *SessionRunContext, *SessionRunValues) error { return nil }

// End does nothing.
func (BaseHook) End(context.Context, Session) error { return nil }

// HookFuncs makes a hook of functions. A nil function does nothing.
type HookFuncs struct {
	HookName             string
	OnBegin              func(ctx context.Context, graph Graph) error
	OnAfterCreateSession func(ctx context.Context, s Session, coord *Coordinator) error
	OnBeforeRun          func(ctx context.Context, rc *SessionRunContext) (*SessionRunArgs, error)
	OnAfterRun           func(ctx context.Context, rc *SessionRunContext, values *SessionRunValues) error
	OnEnd                func(ctx context.Context, s Session) error
	OnCloseSession       func(ctx context.Context, cause error) error
}

var (
	_ SessionRunHook = (*HookFuncs)(nil)
	_ SessionCloser  = (*HookFuncs)(nil)
	_ Namer          = (*HookFuncs)(nil)
)

// Name returns HookName.
func (h *HookFuncs) Name() string { return h.HookName }

// Begin calls OnBegin.
func (h *HookFuncs) Begin(ctx context.Context, graph Graph) error {
	if h.OnBegin == nil {
		return nil
	}
	return h.OnBegin(ctx, graph)
}

// AfterCreateSession calls OnAfterCreateSession.
func (h *HookFuncs) AfterCreateSession(ctx context.Context, s Session, coord *Coordinator) error {
	if h.OnAfterCreateSession == nil {
		return nil
	}
	return h.OnAfterCreateSession(ctx, s, coord)
}

// BeforeRun calls OnBeforeRun.
func (h *HookFuncs) BeforeRun(ctx context.Context, rc *SessionRunContext) (*SessionRunArgs, error) {
	if h.OnBeforeRun == nil {
		return nil, nil
	}
	return h.OnBeforeRun(ctx, rc)
}

// AfterRun calls OnAfterRun.
func (h *HookFuncs) AfterRun(ctx context.Context, rc *SessionRunContext, values *SessionRunValues) error {
	if h.OnAfterRun == nil {
		return nil
	}
	return h.OnAfterRun(ctx, rc, values)
}

// End calls OnEnd.
func (h *HookFuncs) End(ctx context.Context, s Session) error {
	if h.OnEnd == nil {
		return nil
	}
	return h.OnEnd(ctx, s)
}

// CloseSession calls OnCloseSession.
func (h *HookFuncs) CloseSession(ctx context.Context, cause error) error {
	if h.OnCloseSession == nil {
		return nil
	}
	return h.OnCloseSession(ctx, cause)
}

// A hook in a monitored session: its name and abilities, found once.
type attachedHook struct {
	SessionRunHook
	name   string
	closer SessionCloser // nil if it has no CloseSession
}

// failed wraps the error of a phase; nil stays nil.
func (h *attachedHook) failed(phase Phase, err error) error {
	if err == nil {
		return nil
	}
	return &HookError{Hook: h.name, Phase: phase, Err: err}
}

// attach checks the hooks and looks up what they can do.
func attach(hooks []SessionRunHook) ([]attachedHook, error) {
	var errs []error
	attached := make([]attachedHook, 0, len(hooks))
	seen := make(map[SessionRunHook]int, len(hooks))
	names := make(map[string]int, len(hooks))
	for i, h := range hooks {
		if h == nil {
			errs = append(errs, fmt.Errorf("session: Config: Hooks[%d] is nil", i))
			continue
		}
		if isNil(h) {
			errs = append(errs, fmt.Errorf("session: Config: Hooks[%d] is a nil %T", i, h))
			continue
		}
		if v := reflect.ValueOf(h); v.Kind() == reflect.Pointer {
			if v.Type().Elem().Size() > 0 {
				if first, twice := seen[h]; twice {
					errs = append(errs, fmt.Errorf("session: Config: Hooks[%d] is Hooks[%d] again (%T)", i, first, h))
					continue
				}
				seen[h] = i
			}
		}
		a := attachedHook{SessionRunHook: h}
		a.closer, _ = h.(SessionCloser)
		if n, ok := h.(Namer); ok {
			a.name = n.Name()
		}
		if a.name == "" {
			a.name = strings.TrimPrefix(fmt.Sprintf("%T", h), "*")
		}
		if names[a.name]++; names[a.name] > 1 {
			a.name = fmt.Sprintf("%s#%d", a.name, names[a.name])
		}
		attached = append(attached, a)
	}
	return attached, errors.Join(errs...)
}

// isNil reports whether v is nil or holds a nil pointer.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}
