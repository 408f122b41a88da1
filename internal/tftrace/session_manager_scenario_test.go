package tftrace

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
)

// A managerScenario is a use of session managers, scaffolds and creators.
type managerScenario struct {
	scenarioHead
	Graph   struct{ Summaries int }
	Manager *managerSpec
	// Managers is used instead of Manager, by name.
	Managers         map[string]managerSpec
	Functions        map[string]functionSpec
	Saver            struct{ Outcomes []*string }
	Collections      map[string][]string
	CheckpointStates []stateSpec `json:"checkpoint_states"`
	CreateFaults     []faultSpec `json:"create_faults"`
	CloseFaults      []faultSpec `json:"close_faults"`
	Ops              []managerOp
}

type managerSpec struct {
	LocalInitOp         namesSpec          `json:"local_init_op"`
	ReadyOp             namesSpec          `json:"ready_op"`
	ReadyForLocalInitOp namesSpec          `json:"ready_for_local_init_op"`
	LocalInitFeeds      map[string]float64 `json:"local_init_feed_dict"`
	RecoveryWaitSecs    float64            `json:"recovery_wait_secs"`
}

type stateSpec struct {
	Dir  string
	T    float64
	Path string   `json:"model_checkpoint_path"`
	All  []string `json:"all_model_checkpoint_paths"`
	Text *string  // the file as it is, instead of the two
}

// A managerOp is one operation; which fields count depends on Op.
type managerOp struct {
	Op      string
	Manager string

	InitOp              namesSpec          `json:"init_op"`
	InitFeeds           map[string]float64 `json:"init_feed_dict"`
	InitFn              *initFnSpec        `json:"init_fn"`
	LocalInitOp         namesSpec          `json:"local_init_op"`
	LocalInitFeeds      map[string]float64 `json:"local_init_feed_dict"`
	ReadyOp             namesSpec          `json:"ready_op"`
	ReadyForLocalInitOp namesSpec          `json:"ready_for_local_init_op"`
	SummaryOp           string             `json:"summary_op"`
	Saver               any                // true, or a name
	CopyFrom            string             `json:"copy_from_scaffold"`

	Scaffold          string
	Creator           string
	CheckpointDir     string   `json:"checkpoint_dir"`
	CheckpointFile    string   `json:"checkpoint_filename_with_path"`
	WaitForCheckpoint bool     `json:"wait_for_checkpoint"`
	MaxWaitSecs       *float64 `json:"max_wait_secs"`
}

// excludes reports whether the arguments exclude each other.
func (op managerOp) excludes() bool { return op.CheckpointDir != "" && op.CheckpointFile != "" }

// namesSpec is a name or a list of names.
type namesSpec []string

func (n *namesSpec) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(n))
	}
	*n = make(namesSpec, 1)
	return json.Unmarshal(b, &(*n)[0])
}

func (n namesSpec) op() session.Op {
	if n == nil {
		return nil
	}
	return session.Ops(n)
}

// An initFnSpec is an init_fn that runs functions, then fails.
type initFnSpec struct {
	Functions []string
	Error     string
}

func (f *initFnSpec) UnmarshalJSON(b []byte) error {
	if string(b) == "true" {
		return nil
	}
	type plain initFnSpec
	return decodeStrictly(b, (*plain)(f))
}

// A functionSpec gives the outcomes of a function: one a call, of which the last
// goes on, or by time.
type functionSpec struct {
	calls  []any
	byTime [][2]any
}

func (f *functionSpec) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, &f.calls)
	}
	return decodeStrictly(b, &struct {
		ByTime *[][2]any `json:"by_time"`
	}{&f.byTime})
}

// at is the outcome of call number n, from 0, at time t.
func (f functionSpec) at(n int, t float64) (outcome any) {
	if len(f.calls) > 0 {
		return f.calls[min(n, len(f.calls)-1)]
	}
	for _, entry := range f.byTime {
		if entry[0].(float64) <= t {
			outcome = entry[1]
		}
	}
	return outcome
}

func parseManagerScenario(t *testing.T, d document) *managerScenario {
	t.Helper()
	s := new(managerScenario)
	require.NoError(t, decodeStrictly(d.Scenario, s))
	return s
}

// manager returns the arguments of a manager; "" is the only one.
func (s *managerScenario) manager(name string) managerSpec {
	if spec, ok := s.Managers[name]; ok {
		return spec
	}
	if s.Managers != nil {
		return s.Managers["manager"]
	}
	if s.Manager != nil {
		return *s.Manager
	}
	return managerSpec{}
}

// state is what the state file of a folder says at time t; nil if there is none
// or it cannot be read.
func (s *managerScenario) state(dir string, t float64) *session.CheckpointState {
	var found *session.CheckpointState
	for _, state := range s.CheckpointStates {
		switch {
		case state.Dir != dir || state.T > t:
		case state.Text == nil:
			found = &session.CheckpointState{ModelCheckpointPath: state.Path, AllModelCheckpointPaths: state.All}
		case strings.TrimSpace(*state.Text) == "":
			found = new(session.CheckpointState)
		default:
			found = nil
		}
	}
	return found
}

func feedsOf(numbers map[string]float64) session.Feeds {
	if numbers == nil {
		return nil
	}
	feeds := make(session.Feeds)
	for name, number := range numbers {
		feeds[name] = session.Float64(number)
	}
	return feeds
}

func shownFeeds(feeds session.Feeds) map[string]any {
	shown := make(map[string]any)
	for name, value := range feeds {
		shown[name] = asJSON(value)
	}
	return shown
}

func secs(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
