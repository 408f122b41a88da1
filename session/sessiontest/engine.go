package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/runhook/runhook/internal/pause"
	"github.com/runhook/runhook/session"
)

// An Output gives the value of a name after so many steps.
type Output func(step int64) session.Value

// Always is an output that is always v.
func Always(v session.Value) Output { return func(int64) session.Value { return v } }

// Floats is an output that is values[n] after n steps, and the last of them
// after more.
func Floats(values ...float64) Output {
	return func(step int64) session.Value {
		if len(values) == 0 {
			return session.Value{}
		}
		return session.Float64(values[min(max(step, 0), int64(len(values)-1))])
	}
}

// An Op is something that an [Engine] is asked to do.
type Op string

// The operations. OpTrain is the update in a run that fetches the training op.
const (
	OpResolve    Op = "Resolve"
	OpFinalize   Op = "Finalize"
	OpNewSession Op = "NewSession"
	OpInit       Op = "Init"
	OpRun        Op = "Run"
	OpTrain      Op = "Train"
	OpClose      Op = "Close"
)

// A Fault is something that happens when an operation is called for the n-th
// time.
type Fault struct {
	Op Op
	// N is the number of the call, counted from 1 over the life of the engine. 0
	// is every call.
	N int
	// Lasting says that it happens to all later calls, too.
	Lasting bool
	// After says that it happens when the operation has been done: what was
	// trained stays trained.
	After bool

	// Do, Delay and Err are what happens, in this order. A delay ends early, with
	// an error, when the context of the call is done. Delays are [time.Timer]s, so
	// that they take no time in a synctest bubble.
	Do    func()
	Delay time.Duration
	Err   error
}

// A Call is one call of an [Engine] or of a session of it.
type Call struct {
	Op      Op
	Session int    // 1 is the first; 0 for calls of the engine
	Name    string // OpResolve
	Fetches []string
	Feeds   session.Feeds
	Options *session.RunOptions
	Err     error // what it returned
}

// String is the operation with its names, then the error if there was one:
// "Run train,loss", "Resolve losss: unknown name …".
func (c Call) String() string {
	s := string(c.Op)
	if names := strings.Join(c.Fetches, ",") + c.Name; names != "" {
		s += " " + names
	}
	if c.Err != nil {
		s += ": " + c.Err.Error()
	}
	return s
}

// An Engine is a [session.Engine] that follows a script. The zero value has a
// training op, [session.TrainOp], and a global step that it advances by 1 a
// run. Each session has a step of its own. Two runs of a session at once are an
// error. Fields may be changed between calls.
type Engine struct {
	// Outputs are what can be fetched besides, and fed. Fetched together with the
	// training op they are those after its step.
	Outputs map[string]Output
	// Other gives the values of all other names. nil: there are no others.
	Other func(name string, step int64) session.Value
	// Starts are the steps at which the sessions begin, one after the other; the
	// last is also that of all further ones. Default 0.
	Starts []int64
	// NoGlobalStep says that there is no global step to fetch.
	NoGlobalStep bool
	// Faults are what happens at certain calls, in the order of the list.
	Faults []Fault
	// Unrecorded says that no calls are recorded; then a run allocates nothing.
	Unrecorded bool

	mu       sync.Mutex // not held while something happens
	counts   map[Op]int
	calls    []Call
	sessions int
}

var (
	_ session.Engine      = (*Engine)(nil)
	_ session.Initializer = (*scriptedSession)(nil)
)

// Calls returns the calls so far, in the order in which they ended.
func (e *Engine) Calls() []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.calls)
}

// Count returns how often op was called so far.
func (e *Engine) Count(op Op) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[op]
}

// Resolve implements [session.Graph].
func (e *Engine) Resolve(name string) error {
	err := e.perform(context.Background(), OpResolve, func() error {
		if !e.has(name) {
			return e.unknown(name)
		}
		return nil
	})
	return e.end(Call{Op: OpResolve, Name: name, Err: err})
}

// GlobalStep implements [session.Graph].
func (e *Engine) GlobalStep() string {
	if e.NoGlobalStep {
		return ""
	}
	return session.GlobalStepName
}

// Finalize implements [session.Engine].
func (e *Engine) Finalize(ctx context.Context) error {
	return e.end(Call{Op: OpFinalize, Err: e.perform(ctx, OpFinalize, func() error { return nil })})
}

// NewSession implements [session.Engine].
func (e *Engine) NewSession(ctx context.Context) (session.Session, error) {
	var s *scriptedSession
	err := e.perform(ctx, OpNewSession, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.sessions++
		s = &scriptedSession{engine: e, number: e.sessions}
		return nil
	})
	if e.end(Call{Op: OpNewSession, Err: err}) != nil {
		return nil, err
	}
	return s, nil
}

// perform counts a call of op, and calls do between what happens before it and
// after it. The first error ends it.
func (e *Engine) perform(ctx context.Context, op Op, do func() error) error {
	n := e.begin(op)
	if err := e.happen(ctx, op, n, false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return e.happen(ctx, op, n, true)
}

// begin counts a call.
func (e *Engine) begin(op Op) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = make(map[Op]int)
	}
	e.counts[op]++
	return e.counts[op]
}

// end records a call and returns its error.
func (e *Engine) end(c Call) error {
	if !e.Unrecorded {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls = append(e.calls, c)
	}
	return c.Err
}

// happen lets happen what there is for the n-th call of op.
func (e *Engine) happen(ctx context.Context, op Op, n int, after bool) error {
	for i := range e.Faults {
		f := &e.Faults[i]
		if f.Op != op || f.After != after || f.N != 0 && f.N != n && !(f.Lasting && n > f.N) {
			continue
		}
		if f.Do != nil {
			f.Do()
		}
		if f.Delay > 0 {
			if err := pause.For(ctx, f.Delay); err != nil {
				return err
			}
		}
		if f.Err != nil {
			return f.Err
		}
	}
	return nil
}

func (e *Engine) has(name string) bool {
	switch {
	case name == session.TrainOp, e.Outputs[name] != nil:
		return true
	case name == session.GlobalStepName:
		return !e.NoGlobalStep
	}
	return e.Other != nil && name != ""
}

func (e *Engine) unknown(name string) error {
	known := append(slices.Sorted(maps.Keys(e.Outputs)), session.TrainOp)
	if !e.NoGlobalStep {
		known = append(known, session.GlobalStepName)
	}
	return session.UnknownName(name, known)
}

// value returns the value of an output.
func (e *Engine) value(name string, step int64) session.Value {
	if output := e.Outputs[name]; output != nil {
		return output(step)
	}
	return e.Other(name, step)
}

// errTwoAtOnce is the error of a run that begins while another one of its
// session is in progress.
var errTwoAtOnce = errors.New("sessiontest: the session is being run already: it is for one goroutine at a time")

// A scriptedSession is a session of an [Engine].
type scriptedSession struct {
	running     atomic.Bool
	engine      *Engine
	number      int // from 1
	step        int64
	initialized bool
	closed      atomic.Bool
}

// Uninitialized implements [session.Initializer].
func (s *scriptedSession) Uninitialized() []string {
	if s.initialized {
		return nil
	}
	return []string{session.GlobalStepName}
}

// Init implements [session.Initializer].
func (s *scriptedSession) Init(ctx context.Context) error {
	err := s.engine.perform(ctx, OpInit, func() error {
		s.initialized, s.step = true, 0
		if starts := s.engine.Starts; len(starts) > 0 {
			s.step = starts[min(s.number, len(starts))-1]
		}
		return nil
	})
	return s.engine.end(Call{Op: OpInit, Session: s.number, Err: err})
}

// Run implements [session.Session].
func (s *scriptedSession) Run(ctx context.Context, req *session.Request) error {
	err := errTwoAtOnce
	if s.running.CompareAndSwap(false, true) {
		err = s.run(ctx, req)
		s.running.Store(false)
	}
	if s.engine.Unrecorded {
		return err
	}
	c := Call{Op: OpRun, Session: s.number, Fetches: slices.Clone(req.Fetches), Feeds: maps.Clone(req.Feeds), Err: err}
	if req.Options != nil {
		options := *req.Options
		options.DebugTensorWatches = slices.Clone(options.DebugTensorWatches)
		c.Options = &options
	}
	return s.engine.end(c)
}

func (s *scriptedSession) run(ctx context.Context, req *session.Request) error {
	e := s.engine
	if s.closed.Load() {
		return session.ErrClosed
	}
	n := e.begin(OpRun)
	if err := e.happen(ctx, OpRun, n, false); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	trains := false
	for _, name := range req.Fetches {
		if !e.has(name) {
			return e.unknown(name)
		}
		trains = trains || name == session.TrainOp
	}
	if err := s.checkFeeds(req.Feeds); err != nil {
		return err
	}
	stale := s.step
	if trains {
		n := e.begin(OpTrain)
		if err := e.happen(ctx, OpTrain, n, false); err != nil {
			return err
		}
		s.step++
		if err := e.happen(ctx, OpTrain, n, true); err != nil {
			return err
		}
	}
	for i, name := range req.Fetches {
		fed, isFed := req.Feeds[name]
		switch {
		case isFed:
			req.Values[i] = fed
		case name == session.TrainOp:
			req.Values[i] = session.Value{}
		case name == e.GlobalStep():
			req.Values[i] = session.Int64(stale)
		default:
			req.Values[i] = e.value(name, s.step)
		}
	}
	return e.happen(ctx, OpRun, n, true)
}

// checkFeeds returns the error of the first name, in order of the alphabet, that
// cannot be fed.
func (s *scriptedSession) checkFeeds(feeds session.Feeds) error {
	first, wrong := "", error(nil)
	for name := range feeds {
		if err := s.checkFeed(name); err != nil && (wrong == nil || name < first) {
			first, wrong = name, err
		}
	}
	return wrong
}

func (s *scriptedSession) checkFeed(name string) error {
	switch {
	case !s.engine.has(name):
		return s.engine.unknown(name)
	case name == session.TrainOp, name == s.engine.GlobalStep():
		return fmt.Errorf("sessiontest: %q cannot be fed", name)
	}
	return nil
}

// Close implements [session.Session].
func (s *scriptedSession) Close() error {
	err := s.engine.perform(context.Background(), OpClose, func() error { return nil })
	s.closed.Store(true)
	return s.engine.end(Call{Op: OpClose, Session: s.number, Err: err})
}
