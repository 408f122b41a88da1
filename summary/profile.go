package summary

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/runhook/runhook/session"
)

// A Profile is where the time of traced runs went, for TensorBoard's Profile page,
// which the Python package xprof adds: its trace viewer, its overview of the time of
// steps and its statistics of nodes ("framework ops").
type Profile struct {
	// Name is listed on the page, and names the folder. Default: the local time when
	// the first step began, as 2026_11_29_13_20_05, with _1, _2 … if there is one.
	Name string
	// Host names the machine. Default: this one's name.
	Host string
	// Steps are the traced runs, in any order. Required. What overlaps in time is
	// drawn in rows.
	Steps []ProfileStep
}

// A ProfileStep is a traced run of a [Profile].
type ProfileStep struct {
	// Step is the global step.
	Step int64
	// Start and Duration are when the run was, as far as it is known: the step lasts at
	// least from the start of its first node to the end of its last one. Start is
	// required if there are no nodes.
	Start    time.Time
	Duration time.Duration
	// Metadata is what the engine told of the run. Required.
	Metadata *session.RunMetadata
}

func (p *Profile) check() error {
	switch {
	case p.Name != "" && !isFolderName(p.Name):
		return fmt.Errorf("name %q, want one that can be a folder's", p.Name)
	case p.Host != "" && !isFolderName(p.Host):
		return fmt.Errorf("host %q, want a name that can be a file's", p.Host)
	case len(p.Steps) == 0:
		return errors.New("no steps")
	}
	return nil
}

// WriteProfile writes a profile into the folder of a run, which needs no event file:
// plugins/profile/<name>/<host>.xplane.pb, as TensorFlow and JAX do. It is there whole
// or not at all, and replaces no other, since TensorBoard keeps what it made of it.
func WriteProfile(logdir string, p Profile) error {
	if err := p.write(logdir); err != nil {
		return fmt.Errorf("summary: profile %q: %w", p.Name, err)
	}
	return nil
}

// Profile writes a profile beside the event file, at once and not through the
// queue; see [WriteProfile].
func (w *FileWriter) Profile(p Profile) error {
	if w.current.Load().closed() {
		return ErrClosed
	}
	return WriteProfile(w.logdir, p)
}

func (p *Profile) write(logdir string) (err error) {
	if err := p.check(); err != nil {
		return err
	}
	host := p.Host
	if host == "" {
		if host, err = os.Hostname(); err != nil {
			return err
		}
	}
	t, err := timetableOf(p.Steps)
	if err != nil {
		return err
	}
	profiles := filepath.Join(logdir, "plugins", "profile")
	if err := os.MkdirAll(profiles, 0o777); err != nil {
		return err
	}
	made, err := os.MkdirTemp(logdir, ".profile.*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(made))
		}
	}()
	if err := os.WriteFile(filepath.Join(made, host+".xplane.pb"), t.encode(host), 0o644); err != nil {
		return err
	}
	if err := os.Chmod(made, 0o755); err != nil { // MkdirTemp keeps others from reading
		return err
	}
	if p.Name != "" {
		return os.Rename(made, filepath.Join(profiles, p.Name))
	}
	name := t.begin.Local().Format("2006_01_02_15_04_05")
	path := filepath.Join(profiles, name)
	for again := 1; ; again++ {
		// The error for a path that is taken differs from system to system.
		err := os.Rename(made, path)
		if _, missing := os.Lstat(path); err == nil || missing != nil {
			return err
		}
		path = filepath.Join(profiles, fmt.Sprintf("%s_%d", name, again))
	}
}

// A timetable has the steps of a profile, and their nodes, in the order in which they
// start.
type timetable struct {
	begin        time.Time
	end          time.Duration
	steps, nodes []timetableEntry
}

// A timetableEntry is a step or a node. Times are since the timetable's begin.
type timetableEntry struct {
	start, end time.Duration
	group      int64  // which step of the profile it is, or belongs to
	step       int64  // the global step
	node       string // the node's name
}

func timetableOf(steps []ProfileStep) (*timetable, error) {
	t := new(timetable)
	for i := range steps {
		if err := t.add(&steps[i]); err != nil {
			return nil, fmt.Errorf("step %d: %w", steps[i].Step, err)
		}
	}
	byStart := func(a, b timetableEntry) int { return cmp.Compare(a.start, b.start) }
	slices.SortStableFunc(t.steps, byStart)
	slices.SortStableFunc(t.nodes, byStart)
	first := t.steps[0].start
	t.begin = t.begin.Add(first)
	t.end -= first
	groups := make([]int64, len(steps)) // by time: the Profile page lists steps so
	for i, s := range t.steps {
		groups[s.group] = int64(i)
	}
	for _, entries := range [][]timetableEntry{t.steps, t.nodes} {
		for i := range entries {
			e := &entries[i]
			e.group = groups[e.group]
			e.start -= first
			e.end -= first
		}
	}
	if t.end > profileLimit {
		return nil, fmt.Errorf("%v from the first start to the last end, want at most %v", t.end, profileLimit)
	}
	return t, nil
}

// add adds a step and its nodes.
func (t *timetable) add(s *ProfileStep) error {
	switch {
	case s.Metadata == nil:
		return errors.New("the metadata are nil")
	case s.Start.IsZero() && len(s.Metadata.Nodes) == 0:
		return errors.New("neither nodes nor a start")
	}
	step := timetableEntry{group: int64(len(t.steps)), step: s.Step, start: math.MaxInt64, end: math.MinInt64}
	if !s.Start.IsZero() || s.Duration != 0 {
		if err := t.place(&step, s.Start, s.Duration); err != nil {
			return err
		}
	}
	for _, n := range s.Metadata.Nodes {
		node := timetableEntry{group: step.group, step: s.Step, node: n.Name}
		if !utf8.ValidString(n.Name) {
			return fmt.Errorf("node name %q is no valid UTF-8", n.Name)
		}
		if err := t.place(&node, n.Start, n.Duration); err != nil {
			return fmt.Errorf("node %q: %w", n.Name, err)
		}
		step.start, step.end = min(step.start, node.start), max(step.end, node.end)
		t.nodes = append(t.nodes, node)
	}
	t.steps = append(t.steps, step)
	t.end = max(t.end, step.end)
	return nil
}

// profileLimit is how long a profile can be, whose times are picoseconds.
const profileLimit = math.MaxInt64 / 1000 * time.Nanosecond

// place gives an entry its times, since what is placed first. That is what the clock
// of the process says, if it was read, so that the wall clock may be set meanwhile.
func (t *timetable) place(e *timetableEntry, start time.Time, duration time.Duration) error {
	if start.Before(time.Unix(0, 0)) || start.After(time.Unix(0, math.MaxInt64)) {
		return fmt.Errorf("start %v, want one from 1970 to 2262", start)
	}
	if duration < 0 || duration > profileLimit {
		return fmt.Errorf("duration %v, want 0 to %v", duration, profileLimit)
	}
	if t.begin.IsZero() {
		t.begin = start
	}
	e.start = start.Sub(t.begin)
	if e.start.Abs() > profileLimit {
		return fmt.Errorf("start %v, more than %v away from %v", start, profileLimit, t.begin)
	}
	e.end = e.start + duration
	return nil
}
