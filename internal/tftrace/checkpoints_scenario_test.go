package tftrace

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A checkpointScenario is a use of savers and of the functions around them, in a
// folder that is empty at first.
type checkpointScenario struct {
	Format       int
	Name         string
	Family       string
	About        string
	Variables    map[string]variableSpec
	RefVariables bool  `json:"ref_variables"`
	Initialize   *bool // nil: true
	Ops          []checkpointOp
	Schedule     []checkpointOp // of another process, each at its time
}

// A checkpointOp is one operation; which fields count depends on Op.
type checkpointOp struct {
	Op   string
	At   float64
	Secs float64

	Saver             string
	MaxToKeep         optional[int]     `json:"max_to_keep"`
	KeepEvery         optional[float64] `json:"keep_checkpoint_every_n_hours"`
	PadStepNumber     bool              `json:"pad_step_number"`
	SaveRelativePaths bool              `json:"save_relative_paths"`
	Sharded           bool
	DeferBuild        bool           `json:"defer_build"`
	AllowEmpty        bool           `json:"allow_empty"`
	Variables         *variablesSpec // to save, or to read

	Path            string
	GlobalStep      any     `json:"global_step"` // number, or name of a variable
	LatestFilename  string  `json:"latest_filename"`
	WriteState      *bool   `json:"write_state"`
	WriteMetaGraph  *bool   `json:"write_meta_graph"`
	MetaGraphSuffix *string `json:"meta_graph_suffix"`
	Fault           string
	Values          map[string]any
	Paths           listOf[string]
	Checkpoints     listOf[[2]any] // path and time

	Dir            string
	ModelPath      string    `json:"model_checkpoint_path"`
	AllPaths       []string  `json:"all_model_checkpoint_paths"`
	Timestamps     []float64 `json:"all_model_checkpoint_timestamps"`
	LastPreserved  float64   `json:"last_preserved_timestamp"`
	LastCheckpoint string    `json:"last_checkpoint"`
	SecondsToSleep float64   `json:"seconds_to_sleep"`
	Timeout        *float64
	MinInterval    float64   `json:"min_interval_secs"`
	BodySecs       []float64 `json:"body_secs"`
	TimeoutFn      []bool    `json:"timeout_fn"`
	Take           int
	Text, Glob, To string
}

// A variableSpec is a value; {"int64": n} is one that is no float32.
type variableSpec struct {
	value any
	int64 *int64
}

func (v *variableSpec) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return json.Unmarshal(b, &v.value)
	}
	return json.Unmarshal(b, &struct {
		Int64 **int64 `json:"int64"`
	}{&v.int64})
}

// A listOf tells a list from something else, which Python finds out when it
// runs.
type listOf[T any] struct {
	items   []T
	noList  bool
	written bool
}

func (l *listOf[T]) UnmarshalJSON(b []byte) error {
	l.written = true
	if l.noList = b[0] != '['; l.noList {
		return nil
	}
	return json.Unmarshal(b, &l.items)
}

// A variablesSpec is a list of names, or a map from the names in checkpoints.
type variablesSpec map[string]string

func (v *variablesSpec) UnmarshalJSON(b []byte) error {
	if b[0] == '{' {
		return json.Unmarshal(b, (*map[string]string)(v))
	}
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return err
	}
	*v = make(variablesSpec)
	for _, name := range names {
		(*v)[name] = name
	}
	return nil
}

// parseCheckpointScenario reads the scenario with dir for $DIR.
func parseCheckpointScenario(t *testing.T, d document, dir string) *checkpointScenario {
	t.Helper()
	s := new(checkpointScenario)
	decoder := json.NewDecoder(bytes.NewReader(bytes.ReplaceAll(d.Scenario, []byte("$DIR"), []byte(filepath.ToSlash(dir)))))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(s))
	if s.Variables == nil {
		s.Variables = map[string]variableSpec{"v": {value: 1.0}}
	}
	return s
}

// stateNames are the names that state files have in the scenario.
func (s *checkpointScenario) stateNames() map[string]bool {
	names := map[string]bool{"checkpoint": true}
	for _, op := range append(s.Schedule, s.Ops...) {
		if op.LatestFilename != "" && !strings.Contains(op.LatestFilename, "/") {
			names[op.LatestFilename] = true
		}
	}
	return names
}

// stateTime is a time stamp in a state: seconds since 1970.
func stateTime(s float64) time.Time { return time.Unix(0, int64(s*1e9)) }
