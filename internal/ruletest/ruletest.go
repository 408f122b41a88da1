// Package ruletest is what conformance suites have in common: rules that an
// implementation is held to, each with a name and a text, and the verdicts on
// them.
package ruletest

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long code under test may take for what should take no time:
// it only matters where a rule is broken.
const Patience = 10 * time.Second

// An Error says that an implementation breaks a rule.
type Error struct {
	Rule     string   // the name of the rule, and of its subtest
	Text     string   // what it demands
	Problems []string // what was seen instead
}

func (e *Error) Error() string { return e.Rule + ": " + e.detail() }

func (e *Error) detail() string {
	return e.Text + ":\n\t" + strings.ReplaceAll(strings.Join(e.Problems, "\n"), "\n", "\n\t")
}

// broken returns an [Error], or nil if there are no problems.
func (r Rule[C]) broken(v *Verdict) *Error {
	if problems := v.problems(); len(problems) > 0 {
		return &Error{Rule: r.Name, Text: r.Text, Problems: problems}
	}
	return nil
}

// A Rule is checked by a function of its own; C is what that works with.
type Rule[C any] struct {
	Name, Text string
	check      func(c C)
}

// New returns a rule.
func New[C any](name, text string, check func(c C)) Rule[C] { return Rule[C]{name, text, check} }

// CheckAll returns an [Error] for each rule that is broken.
func CheckAll[C any](rules []Rule[C], newCase func(v *Verdict) C) error {
	var errs []error
	for _, r := range rules {
		v := new(Verdict)
		v.Judge("the check", func() { r.check(newCase(v)) })
		if err := r.broken(v); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// TestAll checks each rule in a subtest.
func TestAll[C any](t *testing.T, rules []Rule[C], newCase func(t *testing.T, v *Verdict) C) {
	for _, r := range rules {
		t.Run(r.Name, func(t *testing.T) {
			v := new(Verdict)
			v.Judge("the check", func() { r.check(newCase(t, v)) })
			if err := r.broken(v); err != nil {
				t.Error(err.detail())
			}
			if v.skipped != "" {
				t.Skip(v.skipped)
			}
		})
	}
}

// A Verdict gathers the problems found in the check of one rule.
type Verdict struct {
	mu      sync.Mutex // code under test that hangs may go on later
	found   []string
	more    int // not in found
	skipped string
}

// enough is how many problems with one rule are told.
const enough = 3

// giveUp is what Fatalf and Skip panic with.
type giveUp struct{}

// Errorf adds a problem.
func (v *Verdict) Errorf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.found) == enough {
		v.more++
		return
	}
	v.found = append(v.found, fmt.Sprintf(format, args...))
}

// Fatalf ends the check.
func (v *Verdict) Fatalf(format string, args ...any) {
	v.Errorf(format, args...)
	panic(giveUp{})
}

// Skip ends the check of a rule that does not apply.
func (v *Verdict) Skip(why string) {
	v.skipped = why
	panic(giveUp{})
}

func (v *Verdict) problems() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.more > 0 {
		return append(slices.Clone(v.found), fmt.Sprintf("and %d more", v.more))
	}
	return v.found
}

// Judge calls check. A panic of it is a problem.
func (v *Verdict) Judge(what string, check func()) {
	defer func() {
		switch r := recover(); r {
		case nil, giveUp{}:
		default:
			v.Errorf("%s: panic: %v\n%s", what, r, debug.Stack())
		}
	}()
	check()
}

// Within calls f in a goroutine, and ends the check if f does not return.
func (v *Verdict) Within(what string, f func()) {
	done := make(chan struct{})
	failed := true
	go func() {
		defer close(done)
		v.Judge(what, func() {
			f()
			failed = false
		})
	}()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-done:
		if failed {
			if len(v.problems()) == 0 {
				v.Errorf("%s: runtime.Goexit", what)
			}
			panic(giveUp{})
		}
	case <-timer.C:
		v.Fatalf("%s: not over after %v", what, Patience)
	}
}
