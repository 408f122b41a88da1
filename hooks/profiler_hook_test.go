package hooks_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// profilesIn returns the names of the files in dir but for event files.
func profilesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.Contains(e.Name(), "tfevents") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// metadataTags returns the tags of the run metadata in dir.
func metadataTags(t *testing.T, dir string) (tags []string) {
	t.Helper()
	for _, e := range eventsIn(t, dir) {
		if m := e.GetTaggedRunMetadata(); m != nil {
			require.NotEmpty(t, m.GetRunMetadata())
			tags = append(tags, m.GetTag())
		}
	}
	return tags
}

func TestTheStepsThatAreProfiled(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.ProfilerHookConfig
		pauses []time.Duration
		starts []int64
		lostAt []int
		runs   int
		steps  []string
	}{
		"every second step":            {hooks.ProfilerHookConfig{SaveSteps: 2}, []time.Duration{0}, nil, nil, 5, []string{"2", "4"}},
		"every step but for the first": {hooks.ProfilerHookConfig{SaveSteps: 1}, []time.Duration{0}, nil, nil, 3, []string{"2", "3"}},
		"not the first step":           {hooks.ProfilerHookConfig{SaveSteps: 1}, []time.Duration{0}, nil, nil, 1, nil},
		"not the first step, by time":  {hooks.ProfilerHookConfig{SaveSecs: 2 * time.Second}, []time.Duration{3 * time.Second}, nil, nil, 1, nil},
		"by time":                      {hooks.ProfilerHookConfig{SaveSecs: 2 * time.Second}, []time.Duration{0, 2500 * time.Millisecond, 100 * time.Millisecond, 1800 * time.Millisecond, 100 * time.Millisecond}, nil, nil, 5, []string{"2", "5"}},
		"a step that comes again":      {hooks.ProfilerHookConfig{SaveSteps: 1}, []time.Duration{0}, []int64{0, 1}, []int{4}, 5, []string{"2", "2_1", "3", "3_1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "profiles")
				c.config.OutputDir = dir
				h := made(hooks.NewProfilerHook(c.config))(t)
				require.NoDirExists(t, dir, "nothing is made before the session")
				train(t, lossOf(nil, c.starts, c.lostAt...), c.runs, "train", paced(c.pauses...), h)
				var files, tags []string
				for _, step := range c.steps {
					files, tags = append(files, "timeline-"+step+".json"), append(tags, "step_"+step)
				}
				slices.Sort(files)
				got := metadataTags(t, dir)
				slices.Sort(got)
				require.Equal(t, files, profilesIn(t, dir))
				require.Equal(t, tags, got)
			})
		})
	}
}

// A chromeTrace is a file of the Trace Event Format, which Chrome and Perfetto
// show.
type chromeTrace struct {
	TraceEvents []struct {
		Name, Ph string
		Pid, Tid int
		Ts, Dur  float64
	}
}

func TestATimelineHasTheTimesOfTheNodes(t *testing.T) {
	dir := t.TempDir()
	h := made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 1, OutputDir: dir}))(t)
	nan := made(hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: "loss"}))(t)
	train(t, newTrainer(), 2, "train", h, nan)
	text, err := os.ReadFile(filepath.Join(dir, "timeline-2.json"))
	require.NoError(t, err)
	var trace chromeTrace
	require.NoError(t, json.Unmarshal(text, &trace))
	var nodes []string
	for _, e := range trace.TraceEvents {
		if e.Ph == "M" {
			require.Equal(t, "process_name", e.Name)
			continue
		}
		require.Equal(t, "X", e.Ph)
		nodes = append(nodes, e.Name)
		require.GreaterOrEqual(t, e.Dur, 0.0)
		require.WithinDuration(t, time.Now(), time.UnixMicro(int64(e.Ts)), time.Hour)
	}
	require.Equal(t, []string{"loss"}, nodes)
}

// A tracingEngine tells of nodes when it is asked for a trace.
type tracingEngine struct {
	*trainer
	nodes []session.NodeStats
}

type tracingSession struct {
	session.Session
	session.Initializer
	nodes []session.NodeStats
}

func (e tracingEngine) NewSession(ctx context.Context) (session.Session, error) {
	s, err := e.trainer.NewSession(ctx)
	if err != nil {
		return nil, err
	}
	return tracingSession{s, s.(session.Initializer), e.nodes}, nil
}

func (s tracingSession) Run(ctx context.Context, req *session.Request) error {
	err := s.Session.Run(ctx, req)
	if req.Options != nil && req.Options.TraceLevel == session.FullTrace {
		req.Metadata.Nodes = s.nodes
	}
	return err
}

// An eventSink keeps events.
type eventSink struct {
	summary.Sink
	events *[]*eventpb.Event
}

func (s eventSink) AddEvent(e *eventpb.Event) error {
	*s.events = append(*s.events, e)
	return nil
}

func (eventSink) Flush() error { return nil }

func TestNodesThatOverlapAreDrawnInRows(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	node := func(name string, from, to time.Duration) session.NodeStats {
		return session.NodeStats{Name: name, Start: at.Add(from), Duration: to - from}
	}
	e := tracingEngine{newTrainer(), []session.NodeStats{
		node("a", 0, 4*time.Millisecond), node("b", time.Millisecond, 2*time.Millisecond), node("c", 2*time.Millisecond, 5*time.Millisecond), node("d", 4*time.Millisecond, 4500*time.Microsecond),
	}}
	h := made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 1, OutputDir: dir}))(t)
	train(t, e, 2, "train", h)
	text, err := os.ReadFile(filepath.Join(dir, "timeline-2.json"))
	require.NoError(t, err)
	var trace chromeTrace
	require.NoError(t, json.Unmarshal(text, &trace))
	rows := make(map[string]int)
	for _, n := range trace.TraceEvents[1:] {
		rows[n.Name] = n.Tid
	}
	require.Equal(t, map[string]int{"a": 0, "b": 1, "c": 1, "d": 0}, rows)
	require.Equal(t, float64(at.UnixMicro())+1000, trace.TraceEvents[2].Ts)
	require.Equal(t, 1000.0, trace.TraceEvents[2].Dur)
}

func TestGosOwnProfilesAreWrittenIfAsked(t *testing.T) {
	dir := t.TempDir()
	h := made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 2, OutputDir: dir, GoCPUProfile: true, GoHeapProfile: true}))(t)
	train(t, newTrainer(), 4, "train", h)
	require.Equal(t, []string{
		"cpu-2.pprof", "cpu-4.pprof", "heap-2.pprof", "heap-4.pprof", "timeline-2.json", "timeline-4.json",
	}, profilesIn(t, dir))
	for _, name := range []string{"cpu-2.pprof", "heap-2.pprof"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		r, err := gzip.NewReader(bytes.NewReader(content)) // a profile is a zipped message
		require.NoError(t, err)
		message, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NotEmpty(t, message)
	}
}

func TestACPUProfileOfARunThatFailsIsEnded(t *testing.T) {
	config := hooks.ProfilerHookConfig{SaveSteps: 1, GoCPUProfile: true}
	for range 2 { // a profile that is still being taken would make the second fail
		config.OutputDir = t.TempDir()
		e := &sessiontest.Engine{Faults: []sessiontest.Fault{{Op: sessiontest.OpTrain, N: 2, Err: errBroken}}}
		require.ErrorIs(t, failing(t, e, made(hooks.NewProfilerHook(config))(t)), errBroken)
		require.Empty(t, profilesIn(t, config.OutputDir))
	}
	config.OutputDir = t.TempDir()
	job := session.Config{
		Engine: lossOf(nil, []int64{0, 1}, 2), Hooks: []session.SessionRunHook{made(hooks.NewProfilerHook(config))(t), newStop(t, hooks.StopAtStepHookConfig{LastStep: 3})},
		Recovery: session.Recovery{Backoff: noBackoff},
	}
	require.NoError(t, session.With(t.Context(), job, func(s *session.MonitoredSession) error { return s.RunUntilStop(t.Context(), "train") }))
	require.Contains(t, profilesIn(t, config.OutputDir), "cpu-3.pprof")
}

func TestTwoCPUProfilesAtOnceAreAnError(t *testing.T) {
	first := made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 1, OutputDir: t.TempDir(), GoCPUProfile: true}))(t)
	second := made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 1, OutputDir: t.TempDir(), GoCPUProfile: true}))(t)
	require.ErrorContains(t, failing(t, newTrainer(), first, second), "hooks: ProfilerHook: cpu profiling already in use")
}

func TestAProfilerNeedsAStepAndAPlace(t *testing.T) {
	h := made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 1, OutputDir: "main_test.go/x"}))(t)
	require.ErrorContains(t, failing(t, newTrainer(), h), "main_test.go")
	require.ErrorIs(t, failing(t, &sessiontest.Engine{NoGlobalStep: true}, h), session.ErrNoGlobalStep)

	var metadata []*eventpb.Event
	dir := t.TempDir()
	h = made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 1, OutputDir: dir, SummaryWriter: eventSink{events: &metadata}}))(t)
	train(t, newTrainer(), 2, "train", h)
	require.Len(t, metadata, 1, "the metadata go to the writer that is given")
	require.Equal(t, []string{"timeline-2.json"}, profilesIn(t, dir))
}

func TestProfilesOfASessionDoNotReplaceThoseOfTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	h := made(hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 2, OutputDir: dir}))(t)
	train(t, newTrainer(), 3, "train", h)
	train(t, newTrainer(), 3, "train", h)
	require.Equal(t, []string{"timeline-2.json", "timeline-2_1.json"}, profilesIn(t, dir))
}

func TestProfilesOfSeveralStepsAreWrittenIfAsked(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.ProfilerHookConfig
		starts []int64
		lostAt []int
		runs   int
		steps  []string // of each profile; one that is there twice is named once
	}{
		"two of every five":            {hooks.ProfilerHookConfig{SaveSteps: 5, ProfileSteps: 2}, nil, nil, 12, []string{"5 6", "10 11"}},
		"one":                          {hooks.ProfilerHookConfig{SaveSteps: 3, ProfileSteps: 1}, nil, nil, 7, []string{"3", "6"}},
		"all, and the rest at the end": {hooks.ProfilerHookConfig{SaveSteps: 2, ProfileSteps: 3}, nil, nil, 6, []string{"2 3 4", "5 6"}},
		"a step that comes again":      {hooks.ProfilerHookConfig{SaveSteps: 2, ProfileSteps: 3}, []int64{0, 2}, []int{4}, 5, []string{"2 3", "4"}},
		"none":                         {hooks.ProfilerHookConfig{SaveSteps: 2}, nil, nil, 6, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				c.config.OutputDir = dir
				h := made(hooks.NewProfilerHook(c.config))(t)
				train(t, lossOf(nil, c.starts, c.lostAt...), c.runs, "train", paced(time.Second), h)
				var steps []string
				paths, err := filepath.Glob(filepath.Join(dir, "plugins", "profile", "*", "*.xplane.pb"))
				require.NoError(t, err)
				for _, path := range paths { // by time
					content, err := os.ReadFile(path)
					require.NoError(t, err)
					var names []string
					for _, name := range regexp.MustCompile(`train \d+`).FindAllString(string(content), -1) {
						names = append(names, strings.TrimPrefix(name, "train "))
					}
					steps = append(steps, strings.Join(names, " "))
				}
				require.Equal(t, c.steps, steps)
			})
		})
	}
}
