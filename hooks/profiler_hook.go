package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/runhook/runhook/internal/cadence"
	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/internal/lanes"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// ProfilerHookConfig describes a [ProfilerHook]. The fields are the arguments of
// tf.compat.v1.train.ProfilerHook.
type ProfilerHookConfig struct {
	// SaveSteps or SaveSecs, exactly one, is the period: steps of the global step,
	// or time between profiled steps.
	SaveSteps int64
	SaveSecs  time.Duration
	// OutputDir is the folder of the timelines and Go profiles. Required.
	OutputDir string
	// SummaryWriter is where the run metadata go. Default: the writer of
	// [summary.FileWriterCache] for OutputDir.
	SummaryWriter summary.Sink
	// ProfileSteps is how many runs in a row are profiled each time, and become one
	// profile of [summary.WriteProfile] in OutputDir, for TensorBoard's Profile page. A
	// session that ends before writes a shorter one. A trace that makes no profile, of
	// a node without a start for example, fails the run. Default: one, and no such
	// profile.
	ProfileSteps int
	// GoCPUProfile and GoHeapProfile write Go's own profiles of each profiled run,
	// cpu-<step>.pprof and heap-<step>.pprof, for go tool pprof. Only one CPU
	// profile can be taken in a process at a time.
	GoCPUProfile  bool
	GoHeapProfile bool
}

func (c ProfilerHookConfig) validate() error {
	errs := []error{cadence.Check("SaveSteps", c.SaveSteps, "SaveSecs", c.SaveSecs)}
	if c.OutputDir == "" {
		errs = append(errs, errors.New("no OutputDir is set"))
	}
	if c.ProfileSteps < 0 {
		errs = append(errs, fmt.Errorf("ProfileSteps is %d, want 0 or more", c.ProfileSteps))
	}
	return faults.Join("hooks: ProfilerHookConfig", errs...)
}

// A ProfilerHook has runs traced by the engine, and writes where their time went:
// timeline-<step>.json, which chrome://tracing and Perfetto show, and the run
// metadata for TensorBoard's graph, under the tag "step_<step>". A step that
// comes again, after a recovery, gets _1, _2 … behind it. ProfileSteps adds profiles of
// several steps for TensorBoard's Profile page.
//
// The first run of a session begins the first period and is not profiled.
type ProfilerHook struct {
	config ProfilerHookConfig
	timer  *session.SecondOrStepTimer
	step   *session.GlobalStep
	sink   summary.HookSink
	armed  bool
	next   int64          // the step that the coming run is expected to come to
	seen   map[string]int // names of steps, and how often they came

	due       bool // the run in progress is profiled
	began     time.Time
	profile   []summary.ProfileStep // the runs of the profile that is not written yet
	idle      session.SessionRunArgs
	profiling session.SessionRunArgs
	cpu       *bytes.Buffer // the CPU profile being taken; nil: none
}

var (
	_ session.SessionRunHook = (*ProfilerHook)(nil)
	_ session.SessionCloser  = (*ProfilerHook)(nil)
	_ Flusher                = (*ProfilerHook)(nil)
)

// NewProfilerHook returns a hook, or all that is wrong with its config.
func NewProfilerHook(config ProfilerHookConfig) (*ProfilerHook, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	timer, err := session.NewSecondOrStepTimer(config.SaveSecs, config.SaveSteps)
	if err != nil {
		return nil, err
	}
	return &ProfilerHook{config: config, timer: timer, seen: make(map[string]int)}, nil
}

// Begin returns [session.ErrNoGlobalStep] if the engine has none.
func (h *ProfilerHook) Begin(_ context.Context, graph session.Graph) error {
	h.timer.Reset()
	h.armed = false
	h.profile = nil
	var err error
	if h.step, err = session.NewGlobalStep(graph); err != nil {
		return err
	}
	h.idle.Fetches = []string{h.step.Name()}
	h.profiling.Fetches = h.idle.Fetches
	h.profiling.Options = &session.RunOptions{TraceLevel: session.FullTrace}
	if err := os.MkdirAll(h.config.OutputDir, 0o777); err != nil {
		return err
	}
	return h.sink.Begin(h.config.SummaryWriter, h.config.OutputDir)
}

// AfterCreateSession tells the writer where the session begins.
func (h *ProfilerHook) AfterCreateSession(ctx context.Context, s session.Session, _ *session.Coordinator) error {
	return sessionAt(ctx, &h.sink, h.step, s)
}

// BeforeRun asks for a trace if it is time to.
func (h *ProfilerHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	h.stopCPU() // of a run that failed
	h.due = h.armed && (len(h.profile) > 0 || h.timer.ShouldTriggerForStep(h.next))
	if !h.due {
		return &h.idle, nil
	}
	if h.config.GoCPUProfile {
		h.cpu = new(bytes.Buffer)
		if err := pprof.StartCPUProfile(h.cpu); err != nil {
			h.cpu = nil
			return nil, fmt.Errorf("hooks: ProfilerHook: %w", err)
		}
	}
	h.began = time.Now()
	return &h.profiling, nil
}

// AfterRun writes the profile of a run that was traced.
func (h *ProfilerHook) AfterRun(ctx context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
	var took time.Duration
	if h.due { // an idle run asks no clock
		took = time.Since(h.began)
	}
	cpu := h.stopCPU()
	stale, err := h.step.Get(values.Results)
	if err != nil {
		return err
	}
	if !h.armed {
		h.armed = true
		h.timer.UpdateLastTriggeredStep(stale)
	}
	step := stale + 1
	if h.due {
		if step, err = h.step.Read(ctx, rc.Session()); err != nil {
			return err
		}
		if len(h.profile) == 0 {
			h.timer.UpdateLastTriggeredStep(step)
		}
		metadata := values.Metadata
		if metadata == nil {
			metadata = new(session.RunMetadata)
		}
		if err := h.write(step, metadata, cpu); err != nil {
			return err
		}
		if err := h.addToProfile(step, took, metadata); err != nil {
			return err
		}
	}
	h.next = step + 1
	return nil
}

// write writes all that is known of the run that came to step.
func (h *ProfilerHook) write(step int64, metadata *session.RunMetadata, cpu []byte) error {
	name := h.nameOf(step)
	timeline, err := json.Marshal(timelineOf(metadata.Nodes))
	if err != nil {
		return err
	}
	if err := h.writeFile("timeline-"+name+".json", timeline); err != nil {
		return err
	}
	if cpu != nil {
		if err := h.writeFile("cpu-"+name+".pprof", cpu); err != nil {
			return err
		}
	}
	if h.config.GoHeapProfile {
		var heap bytes.Buffer
		if err := pprof.Lookup("heap").WriteTo(&heap, 0); err != nil {
			return err
		}
		if err := h.writeFile("heap-"+name+".pprof", heap.Bytes()); err != nil {
			return err
		}
	}
	return h.sink.Writer().AddRunMetadata(metadata, "step_"+name, 0) // as TensorFlow's: the tag has the step
}

// addToProfile keeps a copy of what is known of a run, until there are enough.
func (h *ProfilerHook) addToProfile(step int64, took time.Duration, metadata *session.RunMetadata) error {
	if h.config.ProfileSteps == 0 {
		return nil
	}
	h.profile = append(h.profile, summary.ProfileStep{
		Step: step, Start: h.began, Duration: took, Metadata: &session.RunMetadata{Nodes: slices.Clone(metadata.Nodes)},
	})
	if len(h.profile) < h.config.ProfileSteps {
		return nil
	}
	return h.writeProfile()
}

func (h *ProfilerHook) writeProfile() error {
	if len(h.profile) == 0 {
		return nil
	}
	steps := h.profile
	h.profile = nil
	return summary.WriteProfile(h.config.OutputDir, summary.Profile{Steps: steps})
}

func (h *ProfilerHook) writeFile(name string, content []byte) error {
	return os.WriteFile(filepath.Join(h.config.OutputDir, name), content, 0o666)
}

// nameOf names a step, differently each time, also in another session: files of
// the first are not overwritten.
func (h *ProfilerHook) nameOf(step int64) string {
	name := fmt.Sprint(step)
	h.seen[name]++
	if n := h.seen[name]; n > 1 {
		return fmt.Sprintf("%s_%d", name, n-1)
	}
	return name
}

// stopCPU ends the CPU profile that is being taken and returns it; nil if there
// is none.
func (h *ProfilerHook) stopCPU() []byte {
	if h.cpu == nil {
		return nil
	}
	pprof.StopCPUProfile()
	profile := h.cpu.Bytes()
	h.cpu = nil
	return profile
}

// End flushes the writer.
func (h *ProfilerHook) End(context.Context, session.Session) error { return h.Flush() }

// Flush implements [Flusher].
func (h *ProfilerHook) Flush() error { return h.sink.Flush() }

// CloseSession writes the profile of the runs that there were, and gives the writer
// back.
func (h *ProfilerHook) CloseSession(context.Context, error) error {
	h.stopCPU()
	return errors.Join(h.writeProfile(), h.sink.CloseSession())
}

// A timeline is a file of the Trace Event Format.
type timeline struct {
	TraceEvents []traceEvent `json:"traceEvents"`
}

// A traceEvent is one node's evaluation, or with the phase "M" what a row is
// called. Times are in microseconds.
type traceEvent struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	Process  int            `json:"pid"`
	Thread   int            `json:"tid"`
	Start    float64        `json:"ts"`
	Duration float64        `json:"dur"`
	Args     map[string]any `json:"args,omitempty"`
}

// timelineOf draws nodes in as many rows as overlap in time.
func timelineOf(nodes []session.NodeStats) timeline {
	events := []traceEvent{{Name: "process_name", Phase: "M", Args: map[string]any{"name": "engine"}}}
	var rows lanes.Lanes
	for _, n := range nodes {
		start := n.Start.UnixNano()
		events = append(events, traceEvent{
			Name: n.Name, Category: "Op", Phase: "X", Thread: rows.Place(start, start+int64(n.Duration)),
			Start: float64(start) / 1e3, Duration: float64(n.Duration) / 1e3,
			Args: map[string]any{"name": n.Name},
		})
	}
	return timeline{events}
}
