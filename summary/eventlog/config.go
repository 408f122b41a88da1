package eventlog

import (
	"errors"
	"fmt"
	"runtime"
)

// A Filter says what to read; nil admits everything. It is asked before anything
// is decoded, from several goroutines at once.
type Filter struct {
	Run      func(run string) bool      // asked once for each run
	Tag      func(tag string) bool      // asked about once for each tag of a file
	Step     func(step int64) bool      // of an event with values
	WallTime func(seconds float64) bool // of an event with values
}

// admits reports whether e may be seen. Events without values tell of the file
// or the session and always are.
func (f *Filter) admits(e *Event) bool {
	return !e.valued() || (f.Step == nil || f.Step(e.Step)) && (f.WallTime == nil || f.WallTime(e.WallTime))
}

// valued reports whether the event belongs to a step.
func (e *Event) valued() bool {
	return e.What == Summary || e.What == GraphDef || e.What == TaggedRunMetadata || e.What == MetaGraphDef
}

// A Config is what Events, Tags and Scalars read and how. The zero value reads
// everything and loses nothing.
type Config struct {
	Filter

	// Purge leaves out what a restart has overtaken, by the rule of TensorBoard's
	// EventAccumulator: at a SessionLog START of step s, in the order of files and
	// events, everything before it in the run whose step is s or more. Where files
	// of a version below 2, or without one, have no such START, a summary at a step
	// lower than the latest does so for its own tags. (Other than there, tensors are
	// no exception. The servers differ a little: see package readers.) The files
	// are read twice. Default: everything is kept.
	Purge bool

	// Salvage reads on behind damage, see ReaderConfig, and takes a torn tail for
	// damage too. Default: what follows damage in the same file is not read.
	Salvage bool

	// Samples is how many points Scalars keeps of each curve: a uniform sample
	// that always holds the newest, the same each time for the same Seed, and of
	// the same points in curves of equal length. Default 0: all of them. Tags
	// and Events do not sample.
	Samples int
	Seed    uint64

	// Parallel is how many files are read at once. Default 0: as many as there
	// are processors, GOMAXPROCS. Events reads one after the other.
	Parallel int

	// Progress, if not nil, is called with the number of bytes that each read of
	// a file has given, from several goroutines at once. With Purge every byte
	// comes twice.
	Progress func(bytes int)
}

// resolve fills in the defaults, or reports all faults.
func (c Config) resolve() (Config, error) {
	var faults []error
	if c.Samples < 0 {
		faults = append(faults, fmt.Errorf("eventlog: Samples is %d, want 0 or more", c.Samples))
	}
	if c.Parallel < 0 {
		faults = append(faults, fmt.Errorf("eventlog: Parallel is %d, want 0 or more", c.Parallel))
	}
	if c.Parallel == 0 {
		c.Parallel = runtime.GOMAXPROCS(0)
	}
	return c, errors.Join(faults...)
}
