package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrUninitialized says that a variable has no value: what an engine's error
	// for that wraps. As the answer of a ready op it means "not ready".
	ErrUninitialized = errors.New("not initialized")
	// ErrNotReady says that a session did not become ready for use. The error
	// that is one names what was done and what is missing.
	ErrNotReady = errors.New("session: not ready")
)

// ask runs a ready op, which may be nil, and returns the reason why the session
// is not ready; nil if it is.
func ask(ctx context.Context, s Session, op Op) (reason, err error) {
	if isNil(op) {
		return nil, nil
	}
	values, err := op.Run(ctx, s, nil)
	if errors.Is(err, ErrUninitialized) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, v := range values {
		names, ok := uninitializedNames(v)
		if !ok {
			return nil, fmt.Errorf("session: ready op %q gave a %s, want no value, an int32 tensor, or the names of what is not initialized", op, v.describe())
		}
		missing = append(missing, names...)
	}
	if len(missing) > 0 {
		return fmt.Errorf("variables %w: %s", ErrUninitialized, strings.Join(missing, ", ")), nil
	}
	return nil, nil
}

// uninitializedNames reads the answer of a ready op.
func uninitializedNames(answer Value) (names []string, ok bool) {
	if name, ok := answer.Text(); ok {
		return []string{name}, true
	}
	t, ok := answer.Tensor()
	if !ok {
		return nil, answer.IsNone()
	}
	names, ok = t.Data.([]string)
	return names, ok || t.DType() == Int32Type || t.Len() == 0 && t.DType() != InvalidType
}

// notReady returns an error of that text that Is [ErrNotReady] and wraps why;
// the first of why is part of the text.
func notReady(text string, why ...error) error {
	return &notReadyError{text: text + ": " + why[0].Error(), why: append(why, ErrNotReady)}
}

type notReadyError struct {
	text string
	why  []error
}

func (e *notReadyError) Error() string   { return e.text }
func (e *notReadyError) Unwrap() []error { return e.why }
