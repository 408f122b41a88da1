package tftrace

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { replayers["training_session"] = replayTraining }

// A trainingSpec is the arguments of MonitoredTrainingSession.
type trainingSpec struct {
	IsChief            *bool             `json:"is_chief"`
	CheckpointDir      string            `json:"checkpoint_dir"`
	SummaryDir         string            `json:"summary_dir"`
	Hooks              []string          `json:"hooks"`
	ChiefOnlyHooks     []string          `json:"chief_only_hooks"`
	SaveCheckpointSecs optional[float64] `json:"save_checkpoint_secs"`
	SaveCheckpointStep optional[int64]   `json:"save_checkpoint_steps"`
	SaveSummariesSecs  optional[float64] `json:"save_summaries_secs"`
	SaveSummariesSteps optional[int64]   `json:"save_summaries_steps"`
	LogStepCountSteps  optional[int64]   `json:"log_step_count_steps"`
	MaxWaitSecs        *float64          `json:"max_wait_secs"`
	SaveGraphDef       *bool             `json:"save_graph_def"`
	StopGracePeriod    *float64          `json:"stop_grace_period_secs"`
}

func (s trainingSpec) isWorker() bool { return s.IsChief != nil && !*s.IsChief }

// A trainingStack makes the sessions of a phase by MonitoredTrainingSession.
type trainingStack interface {
	stack
	// next makes ready for a phase: new hooks, a new graph.
	next(p phaseSpec)
}

func replayTraining(t *testing.T, d document) outcome {
	s := parseScenario(t, d)
	if name := s.unknownHook(); name != "" {
		return unknown("hook " + name)
	}
	want := recorded(t, d).binding(s.isProbe)
	model := func(mended mended) trace { return playTrainingModel(t, s, mended) }
	return judge(want, playTraining(t, s), model)
}

func playTrainingModel(t *testing.T, s *scenario, mended mended) (tr trace) {
	t.Helper()
	inBubble(t, func(t *testing.T) {
		r := newRecorder()
		m := &modelTraining{model: newModel(newMachine(s, r), mended), scenario: s.Graph.Summaries, saved: make(map[string]*variables)}
		performTraining(s, r, m)
		tr = trace{Events: r.events, Files: m.files}
	})
	return tr.binding(s.isProbe)
}

// playTraining plays should_stop as playLibrary does.
func playTraining(t *testing.T, s *scenario) (tr trace) {
	t.Helper()
	dir := t.TempDir()
	stopFails := playTrainingModel(t, s, allMended(mistakes)).raises("should_stop")
	inBubble(t, func(t *testing.T) {
		r := newRecorder()
		l := &libraryTraining{library: newLibrary(t.Context(), dir, newMachine(s, r))}
		l.stopFails = stopFails
		performTraining(s, r, l)
		require.NoError(t, l.close())
		files, err := filesBelow(dir, r.start)
		require.NoError(t, err)
		tr = trace{Events: r.events, Files: files}
	})
	return tr.binding(s.isProbe)
}

// performTraining plays a scenario. Each phase is a program run of its own.
func performTraining(s *scenario, r *recorder, on trainingStack) {
	for _, phase := range s.Phases {
		on.next(phase)
		for _, h := range s.Hooks {
			if err := on.construct(h); err != nil {
				panic("hook " + h.Name + ": " + err.Error())
			}
		}
		p := &program{recorder: r, stack: on, objects: make(map[string]*optionsSpec), catchAll: phase.Style == "explicit"}
		p.play(phase, nil)
	}
}
