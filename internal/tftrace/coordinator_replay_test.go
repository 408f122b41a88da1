package tftrace

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { replayers["coordinator"] = replayCoordinator }

// A coordScenario is a coordinator with threads that play scripts; that of main
// is Ops.
type coordScenario struct {
	scenarioHead
	Coordinator struct {
		CleanStop *[]string `json:"clean_stop_exception_types"`
	}
	Threads map[string]*coordThread
	Ops     []coordStep
}

type coordThread struct {
	Script     []coordStep
	Registered *bool
}

func (t *coordThread) registered() bool { return t.Registered == nil || *t.Registered }

// A coordStep is one operation of a script.
type coordStep struct {
	Op string
	T  float64

	Kind, Message, Form, Handled string // of an error
	Body                         []coordStep

	Timeout     *float64
	Thread      string
	Threads     []string
	Grace       *float64 `json:"stop_grace_period_secs"`
	IgnoreAlive bool     `json:"ignore_live_threads"`

	coordLooper
}

// A coordLooper is what a step says of the looper that it starts.
type coordLooper struct {
	Looper         string
	Interval       float64 // null is 0: TensorFlow does the same for both
	Secs           perRun[float64]
	Actions        []coordAction
	StartLoopError string `json:"start_loop_error"`
	StopLoopError  string `json:"stop_loop_error"`
	Coord          *bool
	Args           []any
}

// A coordAction is a step that a looper takes at the end of a call.
type coordAction struct {
	At int
	coordStep
}

// error is what the step reports or fails with, nil for none.
func (s coordStep) error() error {
	if s.Kind == "" {
		return nil
	}
	return &scriptedError{s.Kind, s.Message}
}

// part is the step's error as traces have it.
func (s coordStep) part() errorPart {
	return errorPart{s.Kind, (&scriptedError{s.Kind, s.Message}).Error()}
}

// inGo reports whether a Go program can contain the step: one that passes
// anything else as a coordinator, or arguments apart from a function, does not
// compile.
func (s coordStep) inGo() bool {
	return s.Op != "new_looper" || (s.Coord == nil || *s.Coord) && len(s.Args) == 0
}

// silent reports whether the step writes no event.
func (s coordStep) silent() bool { return s.Op == "until" || s.Op == "start" }

// isClean reports whether an error of that kind is a clean stop of the
// scenario's coordinator.
func (s *coordScenario) isClean(kind string) bool {
	clean := []string{"out_of_range"}
	if s.Coordinator.CleanStop != nil {
		clean = *s.Coordinator.CleanStop
	}
	return slices.Contains(clean, kind) || kind == "out_of_range_subclass" && slices.Contains(clean, "out_of_range")
}

// A coordEvent is an event of a trace of this family.
type coordEvent struct {
	Ev    string
	T     float64
	By    string
	Op    string
	Value *bool
	Call  int
	Error coordError

	reported []coordReport // of each of Error, as far as the model knows
}

// A coordReport says when an error was reported, and by whom.
type coordReport struct {
	t  float64
	by string
}

// A coordError lists the errors that were joined into one, the first one first.
// TensorFlow raises one.
type coordError []errorPart

func (e *coordError) UnmarshalJSON(b []byte) error {
	var one struct{ Kind, Message string }
	err := json.Unmarshal(b, &one)
	*e = coordError{{one.Kind, one.Message}}
	return err
}

// same compares all but the time. The text of Python's own errors does not
// matter.
func (e coordEvent) same(other coordEvent) bool {
	sameValue := e.Value == other.Value || e.Value != nil && other.Value != nil && *e.Value == *other.Value
	return e.Ev == other.Ev && e.By == other.By && e.Op == other.Op && e.Call == other.Call && sameValue &&
		slices.EqualFunc(e.inOrder(e.Error), e.inOrder(other.Error), func(a, b errorPart) bool {
			return a == b || a.kind == b.kind && a.kind == "type_error"
		})
}

// inOrder sorts those of errs that several actors reported at one moment, whose
// order a trace does not tell.
func (e coordEvent) inOrder(errs coordError) coordError {
	errs = slices.Clone(errs)
	known := min(len(e.reported), len(errs))
	for from := 0; from < known; {
		first, to, several := e.reported[from], from, false
		for ; to < known && e.reported[to].t <= first.t+2*precision; to++ {
			several = several || e.reported[to].by != first.by
		}
		if several {
			slices.SortFunc(errs[from:to], func(a, b errorPart) int {
				return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.message, b.message))
			})
		}
		from = to
	}
	return errs
}

func (e coordEvent) String() string {
	s := fmt.Sprintf("%.3f %s: %s", e.T, e.By, strings.TrimSpace(e.Ev+" "+e.Op))
	if e.Call > 0 {
		s += fmt.Sprint(" ", e.Call)
	}
	if e.Value != nil {
		s += fmt.Sprint(" ", *e.Value)
	}
	if len(e.Error) > 0 {
		s += fmt.Sprint(" ", []errorPart(e.Error))
	}
	return s
}

func replayCoordinator(t *testing.T, d document) outcome {
	var s coordScenario
	require.NoError(t, decodeStrictly(d.Scenario, &s))
	var trace struct{ Events []coordEvent }
	require.NoError(t, json.Unmarshal(d.Trace, &trace))
	recorded := s.dropWhatIsNotGo(t, trace.Events)

	// The model has to explain TensorFlow's trace before it may change it.
	require.Empty(t, coordDifference(recorded, s.mend(recorded, nil)), "the model of TensorFlow's coordinator")
	want := s.mend(recorded, []string{"D-26", "D-27"})
	if different := coordDifference(want, s.play(t)); different != "" {
		return outcome{different: different}
	}
	for _, mistakes := range [][]string{nil, {"D-26"}, {"D-27"}} {
		if coordDifference(want, s.mend(recorded, mistakes)) == "" {
			return outcome{deviations: mistakes}
		}
	}
	return outcome{deviations: []string{"D-26", "D-27"}}
}

// dropWhatIsNotGo removes steps that no Go program contains, all of which
// TensorFlow refuses at once, and their events.
func (s *coordScenario) dropWhatIsNotGo(t *testing.T, want []coordEvent) []coordEvent {
	t.Helper()
	for _, step := range s.Ops {
		if step.inGo() {
			continue
		}
		i := slices.IndexFunc(want, func(e coordEvent) bool { return e.By == "main" && e.Op == "new_looper" && e.Ev == "raise" })
		require.NotEqual(t, -1, i, "TensorFlow accepts %+v", step)
		require.Equal(t, "value_error", want[i].Error[0].kind)
		want = slices.Delete(slices.Clone(want), i, i+1)
	}
	s.Ops = slices.DeleteFunc(s.Ops, func(step coordStep) bool { return !step.inGo() })
	return want
}

// precision of the times in a trace, which are given to the millisecond.
const precision = 0.0015

// coordDifference describes where two traces differ; "" if nowhere. Events at one
// moment are in order of actors, so each actor is compared by itself. The time of
// main is not binding from its first join on, because TensorFlow looks after its
// threads from time to time only; but meanwhile no other thread does anything.
func coordDifference(want, got []coordEvent) string {
	wanted, gotten := byActor(want), byActor(got)
	for _, actor := range sortedKeys(wanted) {
		if _, ok := gotten[actor]; !ok {
			return fmt.Sprintf("%s: nothing, want %v", actor, wanted[actor][0])
		}
	}
	for _, actor := range sortedKeys(gotten) {
		w, g := wanted[actor], gotten[actor]
		joined := false
		for i := range max(len(w), len(g)) {
			switch {
			case i >= len(w):
				return fmt.Sprintf("%s, event %d: got %v, want no more", actor, i, g[i])
			case i >= len(g):
				return fmt.Sprintf("%s, event %d: got no more, want %v", actor, i, w[i])
			}
			joined = joined || w[i].Op == "join"
			if !w[i].same(g[i]) || !joined && math.Abs(w[i].T-g[i].T) > precision || joined && othersBetween(want, w[i].T, g[i].T) {
				return fmt.Sprintf("%s, event %d\n\twant %v\n\tgot  %v", actor, i, w[i], g[i])
			}
		}
	}
	return ""
}

func byActor(events []coordEvent) map[string][]coordEvent {
	actors := make(map[string][]coordEvent)
	for _, e := range events {
		actors[e.By] = append(actors[e.By], e)
	}
	return actors
}

// othersBetween reports whether anybody but main does something between two
// times.
func othersBetween(events []coordEvent, a, b float64) bool {
	return slices.ContainsFunc(events, func(e coordEvent) bool {
		return e.By != "main" && e.T > min(a, b)+precision && e.T < max(a, b)-precision
	})
}
