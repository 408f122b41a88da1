package session

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
)

// An Op is what is run to make a session usable, or to ask whether it is: names
// in the graph ([Ops]) or a function of the session.
type Op interface {
	// Run runs the op in s, in one step of the engine, and returns its values: none
	// or one for each of its names.
	Run(ctx context.Context, s Session, feeds Feeds) ([]Value, error)
	// String names the op in error messages.
	String() string
}

// Ops is an [Op] made of names to fetch, all of them in one run.
type Ops []string

var _ Op = Ops(nil)

// Run fetches the names.
func (o Ops) Run(ctx context.Context, s Session, feeds Feeds) ([]Value, error) {
	req := Request{Fetches: slices.Clone(o), Values: make([]Value, len(o)), Feeds: feeds}
	if err := s.Run(ctx, &req); err != nil {
		if err == io.EOF {
			err = ErrOutOfRange
		}
		return nil, err
	}
	return req.Values, nil
}

// String lists the names.
func (o Ops) String() string { return strings.Join(o, ", ") }

// GlobalVariablesInitializer returns an [Op] that calls Init of the session's
// [Initializer], if a variable has no value. It has no value itself. A session
// that is no Initializer needs none.
func GlobalVariablesInitializer() Op { return variablesInitializer{} }

type variablesInitializer struct{}

func (variablesInitializer) Run(ctx context.Context, s Session, feeds Feeds) ([]Value, error) {
	if len(feeds) > 0 {
		return nil, errors.New("session: an Initializer takes no feeds, set InitOp to the name of an op that uses them")
	}
	i, ok := Ability[Initializer](s)
	if !ok || len(i.Uninitialized()) == 0 {
		return nil, nil
	}
	return nil, i.Init(ctx)
}

func (variablesInitializer) String() string { return "global variables initializer" }

// ReportUninitializedVariables returns an [Op] whose value is the names of the
// variables without a value, as the session's [Initializer] tells them: a ready
// op. A session that is no Initializer has none.
func ReportUninitializedVariables() Op { return uninitializedReporter{} }

type uninitializedReporter struct{}

func (uninitializedReporter) Run(_ context.Context, s Session, _ Feeds) ([]Value, error) {
	if i, ok := Ability[Initializer](s); ok {
		return []Value{TensorOf(i.Uninitialized())}, nil
	}
	return nil, nil
}

func (uninitializedReporter) String() string { return "report of uninitialized variables" }

// Ability returns the first among s and the sessions that it wraps, by a method
// Unwrap() Session, that is a T: an ability of the engine's own session, such as
// [Initializer], behind the wrapping that hooks see.
func Ability[T any](s Session) (ability T, ok bool) {
	for s != nil {
		if ability, ok = s.(T); ok {
			return ability, true
		}
		wrapping, ok := s.(interface{ Unwrap() Session })
		if !ok {
			break
		}
		s = wrapping.Unwrap()
	}
	return ability, false
}
