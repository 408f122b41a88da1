package summary

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Limit bounds what is written of each tag that it is for. Its rules hold
// together: a value is written if none of them is against it. Zero is no rule.
type Limit struct {
	// Tags says which tags the limit is for: those with a match. Default: all.
	Tags *regexp.Regexp
	// Every and Steps: after a value the next one is written when so much time, by
	// their wall times, has passed, or so many steps. One of an earlier time or a
	// lower step is written: something begins anew.
	Every time.Duration
	Steps int64
	// First, Last and Sample, of which one can be set: no more than so many values
	// are written, the first, the last, or the newest and a random choice of the
	// others, the same in each process: as TensorBoard chooses those that it shows.
	//
	// What is in a file stays there, so Last and Sample keep values in memory until
	// Flush, Close or the next session: a process that is killed loses them, and a
	// file has so many for each Flush. The timers of a [FileWriter] are no Flush.
	First, Last, Sample int
}

func (l *Limit) check() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if l.Every < 0 {
		fault("Every is %v, want a positive duration or 0 (no rule)", l.Every)
	}
	if l.Steps < 0 {
		fault("Steps is %d, want a positive number or 0 (no rule)", l.Steps)
	}
	var set []string
	for _, n := range []struct {
		name  string
		value int
	}{{"First", l.First}, {"Last", l.Last}, {"Sample", l.Sample}} {
		if n.value < 0 {
			fault("%s is %d, want a positive number or 0 (no rule)", n.name, n.value)
		}
		if n.value > 0 {
			set = append(set, fmt.Sprintf("%s (%d)", n.name, n.value))
		}
	}
	if len(set) > 1 {
		fault("%s are set, want one at most", strings.Join(set, " and "))
	}
	return errors.Join(errs...)
}

// keeps reports whether values are kept in memory.
func (l *Limit) keeps() bool { return l.Last > 0 || l.Sample > 0 }

// A limitedTag is what a limiter knows of a tag.
type limitedTag struct {
	limit *Limit // nil: there is none
	begun bool   // a value was let through
	time  time.Time
	step  int64
	count int

	kept   []keptValue // for Last and Sample, oldest first
	passed uint64      // values that were or are among them, since they were written
	random rand.PCG    // chooses for Sample
}

type keptValue struct {
	number   int64 // in the order of all tags
	wallTime time.Time
	step     int64
	value    Value
}

func (t *limitedTag) admits(now time.Time, step int64) bool {
	if !t.begun {
		return true
	}
	if t.limit.First > 0 && t.count >= t.limit.First {
		return false
	}
	if passed := now.Sub(t.time); passed >= 0 && passed < t.limit.Every {
		return false
	}
	return step < t.step || uint64(step-t.step) >= uint64(t.limit.Steps)
}

// keep keeps a value and returns how many others are kept no longer. For Sample it
// chooses as tensorboard/backend/event_processing/reservoir.py does.
func (t *limitedTag) keep(k keptValue) (dropped int64) {
	if n := len(t.kept); n == t.limit.Last+t.limit.Sample {
		leaves := 0
		if t.limit.Sample > 0 {
			leaves = int(min(rand.New(&t.random).Uint64N(t.passed+1), uint64(n-1)))
		}
		t.kept = slices.Delete(t.kept, leaves, leaves+1)
		dropped = 1
	}
	t.kept = append(t.kept, k)
	t.passed++
	return dropped
}

// keepAgain keeps a value that came before all that are kept, and returns how many
// are kept no longer.
func (t *limitedTag) keepAgain(k keptValue) (dropped int64) {
	t.passed++
	if n := len(t.kept); n == t.limit.Last+t.limit.Sample {
		leaves := 0 // this one
		if t.limit.Sample > 0 {
			leaves = rand.New(&t.random).IntN(n)
		}
		if leaves == 0 {
			return 1
		}
		t.kept = slices.Delete(t.kept, leaves-1, leaves)
		dropped = 1
	}
	t.kept = slices.Insert(t.kept, 0, k)
	return dropped
}
