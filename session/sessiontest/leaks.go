package sessiontest

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/runhook/runhook/internal/ruletest"
)

// labels numbers the calls of goroutinesOf.
var labels atomic.Int64

// goroutinesOf calls f and returns the goroutines that were started meanwhile,
// by f or what it called, and are not about to end. They are told from others by
// a profiler label, which goroutines inherit.
func goroutinesOf(f func()) []string {
	value := strconv.FormatInt(labels.Add(1), 10)
	pprof.Do(context.Background(), pprof.Labels("sessiontest", value), func(context.Context) { f() })
	return lasting(func() []string { return labelled(fmt.Sprintf("%q:%q", "sessiontest", value)) })
}

// lasting returns what is there and does not go away. Whatever is about to end
// has gone by the last look, however busy the machine is: it gets its turn when
// this goroutine sleeps.
func lasting(look func() []string) (there []string) {
	const looks = 100
	for range looks {
		if there = look(); len(there) == 0 {
			return nil
		}
		time.Sleep(ruletest.Patience / 10 / looks)
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

// kept are things that nobody should hold any more, and what they are. A hook
// that breaks another rule may add to them from a goroutine of its own.
type kept struct {
	mu    sync.Mutex
	alive map[string][]func() bool
}

// watch adds the thing that p points to or into.
func watch[T any](k *kept, what string, p *T) {
	w := weak.Make(p)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.alive == nil {
		k.alive = make(map[string][]func() bool)
	}
	k.alive[what] = append(k.alive[what], func() bool { return w.Value() != nil })
}

// held collects garbage and returns what is there nevertheless.
func (k *kept) held() (what []string) {
	return lasting(func() []string { // a stack may hold something for a moment
		runtime.GC()
		return k.there()
	})
}

func (k *kept) there() (what []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, alive := range k.alive {
		n := 0
		for _, a := range alive {
			if a() {
				n++
			}
		}
		if n > 0 {
			what = append(what, fmt.Sprintf("%s (%d of %d)", name, n, len(alive)))
		}
	}
	return what
}
