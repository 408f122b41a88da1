package tftrace

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { replayers["lifecycle"] = replayLifecycle }

// replayLifecycle plays a scenario on this library and on the model.
func replayLifecycle(t *testing.T, d document) outcome {
	s := parseScenario(t, d)
	if name := s.unknownHook(); name != "" {
		return unknown("hook " + name)
	}
	want := recorded(t, d).binding(s.isProbe)
	return judge(want, playLibrary(t, s), func(mended mended) trace { return playModel(t, s, mended) })
}

// unknownHook names a type of hooks that this library or the model does not have.
func (s *scenario) unknownHook() string {
	for _, hookType := range s.hookTypes() {
		if libraryHooks[hookType] == nil || modelHooks[hookType] == nil {
			return hookType
		}
	}
	return ""
}

func (s *scenario) isProbe(hook string) bool {
	return slices.ContainsFunc(s.Hooks, func(h hookSpec) bool { return h.Name == hook && h.Type == "probe" })
}

// playLibrary plays a scenario on this library, in a bubble of time. Where
// should_stop is not to fail, it is ShouldStop, elsewhere CheckStop.
func playLibrary(t *testing.T, s *scenario) (tr trace) {
	t.Helper()
	dir := t.TempDir()
	stopFails := playModel(t, s, allMended(mistakes)).raises("should_stop")
	inBubble(t, func(t *testing.T) {
		r := newRecorder()
		l := newLibrary(t.Context(), dir, newMachine(s, r))
		l.stopFails = stopFails
		perform(s, r, l)
		require.NoError(t, l.close())
		files, err := filesBelow(dir, r.start)
		require.NoError(t, err)
		tr = trace{Events: r.events, Files: files}
	})
	return tr.binding(s.isProbe)
}

// raises reports whether an operation of the trace fails.
func (tr trace) raises(op string) bool {
	return slices.ContainsFunc(tr.Events, func(e event) bool { return e["ev"] == "raise" && e["op"] == op })
}

// playModel plays a scenario on the model of TensorFlow.
func playModel(t *testing.T, s *scenario, mended mended) (tr trace) {
	t.Helper()
	inBubble(t, func(t *testing.T) {
		r := newRecorder()
		m := newModel(newMachine(s, r), mended)
		perform(s, r, m)
		require.NoError(t, m.close())
		tr = trace{Events: r.events, Files: m.files}
	})
	return tr.binding(s.isProbe)
}
