package session

import (
	"context"
	"slices"
)

// A Graph is what there is to fetch and to feed, by name. Hooks see it in
// Begin, the only time when they may ask for names that the engine does not
// compute anyway.
type Graph interface {
	// Resolve makes sure that name can be fetched from now on, and reports an
	// *[UnknownNameError] if it cannot. An engine that compiles takes the names
	// resolved before Finalize into account; after it, Resolve works for known
	// names and may refuse others.
	Resolve(name string) error
	// GlobalStep returns the name of the global step, an int64 that counts the
	// updates of the trained state, or "" if the engine has none.
	GlobalStep() string
}

// An Engine trains: it is the seam between a training framework and everything
// in this module. Several monitored sessions may use one engine in turn.
// sessiontest.TestEngine checks an implementation.
type Engine interface {
	Graph
	// Finalize ends the time in which names are added. It is called before each
	// session, after every hook's Begin; all but the first call of an engine that
	// cannot compile again do nothing.
	Finalize(ctx context.Context) error
	// NewSession opens a session. Its variables are not initialised (see
	// [Initializer]), unless the state is the engine's and outlives sessions: then
	// they may run at the same time, and a [Turn] keeps them apart.
	//
	// ctx is for the opening: when it is done, NewSession gives up, but a session
	// once opened outlives it and ends with Close. A monitored session ends ctx as
	// soon as AfterCreateSession of the hooks is over.
	NewSession(ctx context.Context) (Session, error)
}

// A Session runs an engine's graph. It is used by one goroutine at a time.
type Session interface {
	// Run evaluates req.Fetches, each name at most once, in one step of the
	// engine, and fills req.Values: all of them, an op without a value with the
	// zero Value.
	//
	// If it fails, nothing is said about req.Values; nothing is trained by a run
	// with an unknown name, with a ctx that is done before, or at the end of the
	// input, after which runs without a training op go on. Exactly io.EOF means that the
	// input has ended ([ErrOutOfRange] does, too); ErrAborted and ErrUnavailable
	// that the session is lost. An unknown fetch or feed is an error that Is
	// [ErrUnknownName]; that a variable has no value yet, one that Is
	// [ErrUninitialized]. A run that fetches no training op changes no trained
	// state. When ctx is done, Run returns as soon as it can, with an error that
	// Is ctx.Err().
	Run(ctx context.Context, req *Request) error
	// Close ends the session, and any goroutines of it. No Run is in progress.
	Close() error
}

// An Initializer is a [Session] whose variables start without values.
type Initializer interface {
	// Uninitialized returns the names of variables without a value.
	Uninitialized() []string
	// Init gives every variable its initial value.
	Init(ctx context.Context) error
}

// Feeds are values that a run uses in place of what the graph would compute.
type Feeds map[string]Value

// A Request is one run of a [Session].
type Request struct {
	// Fetches are the names to evaluate, each once. While a slice with the same
	// first element and length is given, the names in it are the same, so that an
	// engine may keep a plan by it.
	Fetches []string
	// Values has the length of Fetches and is filled by Run. The caller owns the
	// slice; tensors in it may be the engine's, valid until its next run that
	// changes them, and are read-only.
	Values []Value
	// Feeds are read-only for the engine. May be nil.
	Feeds Feeds
	// Options may be nil, which asks for nothing special. The timeout is already
	// part of the run's context.
	Options *RunOptions
	// Metadata, if not nil, is to be filled as far as Options ask for a trace.
	Metadata *RunMetadata
}

// A SummaryOp is the half of a summary that this package needs to know of: the
// names that its values are made from. Package summary has the other half.
type SummaryOp interface {
	Fetches() []string
}

// Eval fetches names in one run of s that goes through no hook, and returns
// values of its own that stay valid.
func Eval(ctx context.Context, s Session, names ...string) (Values, error) {
	return EvalFed(ctx, s, nil, names...)
}

// EvalFed is [Eval] with feeds.
func EvalFed(ctx context.Context, s Session, feeds Feeds, names ...string) (Values, error) {
	p := newPlan(slices.Clone(names), nil, nil, nil)
	p.request.Feeds = feeds
	if err := s.Run(ctx, &p.request); err != nil {
		return Values{}, err
	}
	return p.results.Clone(), nil
}
