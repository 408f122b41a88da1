package tftrace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A scenarioHead is what scenarios of all families begin with.
type scenarioHead struct {
	Format              int
	Name, Family, About string
}

// A scenario is a small training job.
type scenario struct {
	scenarioHead
	Graph  graphSpec
	Engine engineSpec
	Hooks  []hookSpec
	Phases []phaseSpec
}

type graphSpec struct {
	GlobalStep *globalStepSpec `json:"global_step"`
	Tensors    map[string]tensorSpec
	Summaries  map[string][]summarySpec
}

type globalStepSpec struct {
	Initial   int64
	Increment perRun[int64]
	Others    []progressSpec
}

// A progressSpec is what other workers add to the step at a time.
type progressSpec struct {
	at    float64
	steps int64
}

func (p *progressSpec) UnmarshalJSON(b []byte) error {
	pair := [...]any{&p.at, &p.steps}
	list := pair[:]
	return json.Unmarshal(b, &list)
}

type tensorSpec struct {
	Type          string
	Value         any
	Values        []any
	Default       any
	Of            string
	Scale, Offset float64
}

type summarySpec struct{ Tag, Tensor string }

type engineSpec struct {
	RunSecs      perRun[float64] `json:"run_secs"`
	CreateSecs   float64         `json:"create_secs"`
	Faults       []faultSpec
	RawFaults    []faultSpec `json:"raw_faults"`
	CreateFaults []faultSpec `json:"create_faults"`
	OnRecreate   string      `json:"on_recreate"`
}

type faultSpec struct {
	At                      int
	Kind, Message, When, By string
}

func (f faultSpec) err() error { return &scriptedError{kind: f.Kind, message: f.Message} }

// perRun is a number, or one for each hooked run of which the last goes on.
type perRun[T any] []T

func (p *perRun[T]) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]T)(p))
	}
	*p = make(perRun[T], 1)
	return json.Unmarshal(b, &(*p)[0])
}

// at returns the number of a hooked run; otherwise if there are none.
func (p perRun[T]) at(run int, otherwise T) T {
	if len(p) == 0 {
		return otherwise
	}
	return p[min(max(run, 1), len(p))-1]
}

// A hookSpec describes a hook. What is known of all types is decoded; the rest
// is left to those who know the type.
type hookSpec struct {
	Type, Name string
	arguments  json.RawMessage
}

func (h *hookSpec) UnmarshalJSON(b []byte) error {
	type plain hookSpec
	if err := json.Unmarshal(b, (*plain)(h)); err != nil {
		return err
	}
	var arguments map[string]json.RawMessage
	if err := json.Unmarshal(b, &arguments); err != nil {
		return err
	}
	delete(arguments, "type")
	delete(arguments, "name")
	var err error
	h.arguments, err = json.Marshal(arguments)
	return err
}

// argumentsOf decodes the arguments of a hook. An argument that was not passed,
// or as None, is a nil pointer.
func argumentsOf[T any](h hookSpec) T {
	var arguments T
	if err := decodeStrictly(h.arguments, &arguments); err != nil {
		panic(fmt.Sprintf("hook %q: %v", h.Name, err))
	}
	return arguments
}

// An optional argument may be passed, also as None: it tells null from absent.
type optional[T any] struct {
	given bool
	value *T
}

func (o *optional[T]) UnmarshalJSON(b []byte) error {
	o.given = true
	return json.Unmarshal(b, &o.value)
}

// decodeStrictly refuses fields that v has no place for: what is not understood
// is not played.
func decodeStrictly(b []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

type phaseSpec struct {
	Session          string
	Hooks            []string
	Style            string
	Program          []operation
	HooksAsGenerator bool `json:"hooks_as_generator"`
	Args             trainingSpec
	ChiefIsReady     *bool `json:"chief_is_ready"`
}

func (p phaseSpec) singular() bool { return p.Session == "singular" }

// An operation is one line of a program.
type operation struct {
	Op string
	runSpec
	Max   int
	Pause float64
	Secs  float64
	Kind  string
	Steps []stepSpec
	Catch bool
	Dir   string

	OptionsObject string `json:"options_object"`
}

// A runSpec is what is asked of a run, by its caller or by a hook.
type runSpec struct {
	Fetches any
	Feeds   map[string]any
	Options *optionsSpec
	shared  bool // the options object is that of other runs, too
}

// fresh returns r with an options object of its own.
func (r runSpec) fresh() runSpec {
	if !r.shared {
		r.Options = r.Options.clone()
	}
	return r
}

// A stepSpec is one line of a step function.
type stepSpec struct {
	Do string
	runSpec
	Kind    string
	Attempt int
}

func parseScenario(t *testing.T, d document) *scenario {
	t.Helper()
	s := new(scenario)
	require.NoError(t, decodeStrictly(d.Scenario, s))
	return s
}

// namesIn returns the names in a structure of fetches, in its order; those of an
// object in the order of its keys.
func namesIn(fetches any) []string {
	switch f := fetches.(type) {
	case string:
		return []string{f}
	case []any:
		var names []string
		for _, part := range f {
			names = append(names, namesIn(part)...)
		}
		return names
	case map[string]any:
		var names []string
		for _, key := range sortedKeys(f) {
			names = append(names, namesIn(f[key])...)
		}
		return names
	}
	return nil
}

// inStructureOf puts values in the place of names.
func inStructureOf(fetches any, value func(name string) any) any {
	switch f := fetches.(type) {
	case string:
		return value(f)
	case []any:
		out := make([]any, len(f))
		for i, part := range f {
			out[i] = inStructureOf(part, value)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(f))
		for key, part := range f {
			out[key] = inStructureOf(part, value)
		}
		return out
	}
	return nil
}
