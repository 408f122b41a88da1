package tftrace

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { replayers["construct"] = replayConstruct }

// replayConstruct makes each hook of a scenario, and nothing else.
func replayConstruct(t *testing.T, d document) outcome {
	s := parseScenario(t, d)
	if name := s.unknownHook(); name != "" {
		return unknown("hook " + name)
	}
	want := recorded(t, d).binding(s.isProbe)
	dir := t.TempDir()
	var got trace
	inBubble(t, func(t *testing.T) {
		r := newRecorder()
		l := newLibrary(t.Context(), dir, newMachine(s, r))
		construct(s, r, l)
		require.NoError(t, l.close())
		files, err := filesBelow(dir, r.start)
		require.NoError(t, err)
		got = trace{Events: r.events, Files: files}.binding(s.isProbe)
	})
	return judge(want, got, func(mended mended) (tr trace) {
		inBubble(t, func(t *testing.T) {
			r := newRecorder()
			m := newModel(newMachine(s, r), mended)
			construct(s, r, m)
			tr = trace{Events: r.events, Files: m.files}.binding(s.isProbe)
		})
		return tr
	})
}

func construct(s *scenario, r *recorder, on stack) {
	for _, h := range s.Hooks {
		r.add("call", "op", "construct", "hook", h.Name)
		if err := on.construct(h); err != nil {
			r.add("raise", "op", "construct").fail(err)
		} else {
			r.add("return", "op", "construct")
		}
	}
}
