package sessiontest

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

// patience is how long code under test may take for what should take no time:
// it only matters where a rule is broken.
const patience = 10 * time.Second

// A RuleError says that an implementation breaks a rule.
type RuleError struct {
	Rule     string   // the name of the rule, and of its subtest
	Text     string   // what it demands
	Problems []string // what was seen instead
}

func (e *RuleError) Error() string { return e.Rule + ": " + e.detail() }

func (e *RuleError) detail() string {
	return e.Text + ":\n\t" + strings.ReplaceAll(strings.Join(e.Problems, "\n"), "\n", "\n\t")
}

// broken returns a [RuleError], or nil if there are no problems.
func (r rule[C]) broken(v *verdict) *RuleError {
	if problems := v.problems(); len(problems) > 0 {
		return &RuleError{Rule: r.name, Text: r.text, Problems: problems}
	}
	return nil
}

// A rule is checked by a function of its own; C is what that works with.
type rule[C any] struct {
	name, text string
	check      func(c C)
}

// checkAll returns a [RuleError] for each rule that is broken.
func checkAll[C any](rules []rule[C], newCase func(v *verdict) C) error {
	var errs []error
	for _, r := range rules {
		v := new(verdict)
		v.judge("the check", func() { r.check(newCase(v)) })
		if err := r.broken(v); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// testAll checks each rule in a subtest.
func testAll[C any](t *testing.T, rules []rule[C], newCase func(t *testing.T, v *verdict) C) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			v := new(verdict)
			v.judge("the check", func() { r.check(newCase(t, v)) })
			if err := r.broken(v); err != nil {
				t.Error(err.detail())
			}
			if v.skipped != "" {
				t.Skip(v.skipped)
			}
		})
	}
}

// A verdict gathers the problems found in the check of one rule.
type verdict struct {
	mu      sync.Mutex // code under test that hangs may go on later
	found   []string
	more    int // not in found
	skipped string
}

// enough is how many problems with one rule are told.
const enough = 3

// giveUp is what fatalf and skip panic with.
type giveUp struct{}

func (v *verdict) errorf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.found) == enough {
		v.more++
		return
	}
	v.found = append(v.found, fmt.Sprintf(format, args...))
}

// fatalf ends the check.
func (v *verdict) fatalf(format string, args ...any) {
	v.errorf(format, args...)
	panic(giveUp{})
}

// skip ends the check of a rule that does not apply.
func (v *verdict) skip(why string) {
	v.skipped = why
	panic(giveUp{})
}

func (v *verdict) problems() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.more > 0 {
		return append(slices.Clone(v.found), fmt.Sprintf("and %d more", v.more))
	}
	return v.found
}

// judge calls check. A panic of it is a problem.
func (v *verdict) judge(what string, check func()) {
	defer func() {
		switch r := recover(); r {
		case nil, giveUp{}:
		default:
			v.errorf("%s: panic: %v\n%s", what, r, debug.Stack())
		}
	}()
	check()
}

// within calls f in a goroutine, and ends the check if f does not return.
func (v *verdict) within(what string, f func()) {
	done := make(chan struct{})
	failed := true
	go func() {
		defer close(done)
		v.judge(what, func() {
			f()
			failed = false
		})
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
		if failed {
			if len(v.problems()) == 0 {
				v.errorf("%s: runtime.Goexit", what)
			}
			panic(giveUp{})
		}
	case <-timer.C:
		v.fatalf("%s: not over after %v", what, patience)
	}
}
