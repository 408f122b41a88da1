package sessiontest

import (
	"fmt"
	"runtime"
	"sync"
	"weak"

	"github.com/runhook/runhook/internal/ruletest"
)

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
	return ruletest.Lasting(func() []string { // a stack may hold something for a moment
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
