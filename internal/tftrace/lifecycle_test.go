package tftrace

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func init() { replayers["lifecycle"] = replayLifecycle }

// replayLifecycle plays a scenario on this library, and on the model if that has
// its hooks.
func replayLifecycle(t *testing.T, d document) outcome {
	s := parseScenario(t, d)
	if missing := s.missingHook(); missing != "" {
		return outcome{missing: missing}
	}
	want := recorded(t, d).binding(s.isProbe)
	got := playLibrary(t, s)
	if !s.isModelled() {
		return outcome{different: "the model lacks a hook of this scenario"}
	}
	return judge(want, got, func(mended mended) trace { return playModel(t, s, mended) })
}

// missingHook names a hook that this library does not have yet.
func (s *scenario) missingHook() string {
	for _, hookType := range s.hookTypes() {
		if libraryHooks[hookType] == nil {
			return "hook " + hookType
		}
	}
	return ""
}

func (s *scenario) isProbe(hook string) bool {
	return slices.ContainsFunc(s.Hooks, func(h hookSpec) bool { return h.Name == hook && h.Type == "probe" })
}

// isModelled reports whether the model has all hooks of the scenario.
func (s *scenario) isModelled() bool {
	return !slices.ContainsFunc(s.hookTypes(), func(hookType string) bool { return modelHooks[hookType] == nil })
}

// playLibrary plays a scenario on this library, in a bubble of time.
func playLibrary(t *testing.T, s *scenario) (tr trace) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		l := newLibrary(t.Context(), dir, newMachine(s, r))
		perform(s, r, l)
		require.NoError(t, l.close())
		files, err := filesBelow(dir, r.start)
		require.NoError(t, err)
		tr = trace{Events: r.events, Files: files}
	})
	return tr.binding(s.isProbe)
}

// playModel plays a scenario on the model of TensorFlow.
func playModel(t *testing.T, s *scenario, mended mended) (tr trace) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		m := newModel(newMachine(s, r), mended)
		perform(s, r, m)
		tr = trace{Events: r.events, Files: m.files}
	})
	return tr.binding(s.isProbe)
}
