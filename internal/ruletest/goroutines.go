package ruletest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// labels numbers the calls of GoroutinesOf.
var labels atomic.Int64

// GoroutinesOf calls f and returns the goroutines that were started meanwhile,
// by f or what it called, and are not about to end. They are told from others by
// a profiler label, which goroutines inherit.
func GoroutinesOf(f func()) []string {
	value := strconv.FormatInt(labels.Add(1), 10)
	pprof.Do(context.Background(), pprof.Labels("ruletest", value), func(context.Context) { f() })
	return Lasting(func() []string { return labelled(fmt.Sprintf("%q:%q", "ruletest", value)) })
}

// Lasting returns what is there and does not go away. Whatever is about to end
// has gone by the last look, however busy the machine is: it gets its turn when
// this goroutine sleeps.
func Lasting(look func() []string) (there []string) {
	const looks = 100
	for range looks {
		if there = look(); len(there) == 0 {
			return nil
		}
		time.Sleep(Patience / 10 / looks)
	}
	return there
}

// labelled returns the stacks of the goroutines with a label.
func labelled(label string) []string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return []string{err.Error()}
	}
	var found []string
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(stack, label) {
			found = append(found, stack)
		}
	}
	return found
}
