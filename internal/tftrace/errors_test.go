package tftrace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
)

// A scriptedError is an error that the scenario asks for.
type scriptedError struct {
	kind, message string
}

func (e *scriptedError) Error() string {
	if e.message != "" {
		return e.message
	}
	return "scripted " + e.kind
}

// Is makes it the sentinel of its kind.
func (e *scriptedError) Is(target error) bool {
	switch e.kind {
	case "aborted":
		return target == session.ErrAborted
	case "unavailable":
		return target == session.ErrUnavailable
	case "out_of_range", "out_of_range_subclass":
		return target == session.ErrOutOfRange
	case "stop_iteration":
		return target == session.ErrStop
	case "cancelled":
		return target == context.Canceled
	case "deadline_exceeded":
		return target == context.DeadlineExceeded
	}
	return false
}

// libraryKinds are the kinds of the errors that a library raises by itself.
var libraryKinds = []struct {
	sentinel error
	kind     string
}{
	{session.ErrRunAfterStop, "run_after_stop"},
	{session.ErrFeedConflict, "feed_conflict"},
	{session.ErrUnknownName, "unknown_name"},
	{session.ErrNoGlobalStep, "no_global_step"},
	{session.ErrClosed, "closed_session"},
	{hooks.ErrNanLoss, "nan_loss"},
	{session.ErrStop, "stop_iteration"},
	{session.ErrOutOfRange, "out_of_range"},
}

// An errorPart is one of the errors that were joined into one.
type errorPart struct{ kind, message string }

func (p errorPart) String() string { return fmt.Sprintf("%s (%s)", p.kind, p.message) }

// same reports whether the parts are of one kind and, where the scenario has
// scripted them, say the same.
func (p errorPart) same(other errorPart) bool {
	scripted := strings.HasPrefix(p.message, "scripted ") || strings.HasPrefix(other.message, "scripted ")
	return p.kind == other.kind && (!scripted || p.message == other.message)
}

// partsOf takes an error apart.
func partsOf(err error) []errorPart {
	if err == nil {
		return nil
	}
	var scripted *scriptedError
	switch e := err.(type) {
	case *scriptedError:
		scripted = e
		return []errorPart{{scripted.kind, scripted.Error()}}
	case interface{ Unwrap() []error }:
		var parts []errorPart
		for _, err := range e.Unwrap() {
			parts = append(parts, partsOf(err)...)
		}
		return parts
	case interface{ Unwrap() error }:
		if _, isSentinel := kindOf(err); !isSentinel && e.Unwrap() != nil {
			return partsOf(e.Unwrap())
		}
	}
	if kind, ok := kindOf(err); ok {
		return []errorPart{{kind, err.Error()}}
	}
	return []errorPart{{"?", err.Error()}}
}

// kindOf tells the kind of an error that is one of libraryKinds, not one that
// wraps it.
func kindOf(err error) (string, bool) {
	for _, k := range libraryKinds {
		is, ok := err.(interface{ Is(error) bool })
		if err == k.sentinel || ok && is.Is(k.sentinel) {
			return k.kind, true
		}
	}
	return "", false
}

// distinct returns the parts without repetitions, in the order of their kinds.
func distinct(parts []errorPart) []errorPart {
	sorted := slices.Clone(parts)
	slices.SortFunc(sorted, func(a, b errorPart) int { return strings.Compare(a.kind, b.kind) })
	return slices.CompactFunc(sorted, errorPart.same)
}

// isLost and isClean are TensorFlow's sorts of error, for the model.
func isLost(err error) bool {
	return err != nil && everyPart(err, "aborted", "unavailable")
}

func isClean(err error) bool {
	return err != nil && everyPart(err, "out_of_range", "out_of_range_subclass", "stop_iteration")
}

func everyPart(err error, kinds ...string) bool {
	return !slices.ContainsFunc(partsOf(err), func(p errorPart) bool { return !slices.Contains(kinds, p.kind) })
}

// joined is errors.Join, which leaves a single error as it is.
func joined(errs ...error) error {
	errs = slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
