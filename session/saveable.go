package session

import "context"

// A Saveable is a [Session] whose trained state can be read and replaced: what a
// [Saver] works on. [Ability] finds it behind the wrapping that hooks see.
type Saveable interface {
	// Variables returns all of the state, the global step included, always in the
	// same order. The slice is the caller's; the values are read-only and valid
	// until the next run.
	Variables(ctx context.Context) ([]Variable, error)
	// SetVariables gives the variables named in values these values, and
	// initialises them by it: all of them or, if it returns an error, none. The
	// session takes the values over: the caller does not use their tensors again.
	SetVariables(ctx context.Context, values map[string]Value) error
}

// A Variable is a named piece of the state that training changes.
type Variable struct {
	Name string
	// Value is what it holds. While it is not initialised, that is a value of the
	// type and the shape that it takes, or none if the engine cannot tell.
	Value       Value
	Initialized bool
}
