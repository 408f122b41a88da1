package hooks_test

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestTheStepsAtWhichMemoryIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		config hooks.MemoryHookConfig
		lostAt []int
		want   []int64
	}{
		"every third step": {hooks.MemoryHookConfig{EverySteps: 3}, nil, []int64{1, 4, 7}},
		"by time":          {hooks.MemoryHookConfig{EverySecs: 5 * time.Second}, nil, []int64{1, 6}},
		"after a recovery": {hooks.MemoryHookConfig{EverySteps: 3}, []int{3}, []int64{1, 4, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.config.OutputDir = t.TempDir()
				h := made(hooks.NewMemoryHook(c.config))(t)
				train(t, lossOf(nil, []int64{0, 2}, c.lostAt...), 7, "train", paced(time.Second), h)
				steps, _ := scalarsOf(t, c.config.OutputDir, "memory/heap_bytes")
				require.Equal(t, c.want, steps)
			})
		})
	}
}

// ballast is memory that the process has.
var ballast []byte

func TestWhatMemoryIsSaidToBe(t *testing.T) {
	dir := t.TempDir()
	h := made(hooks.NewMemoryHook(hooks.MemoryHookConfig{EverySteps: 1, OutputDir: dir}))(t)
	ballast = nil
	runtime.GC()
	train(t, newTrainer(), 1, "train", h)
	ballast = slices.Repeat([]byte{1}, 64<<20)
	runtime.GC()
	train(t, newTrainer(), 1, "train", h)
	runtime.KeepAlive(ballast)
	ballast = nil

	written := func(tag string) (before, after float64) {
		_, v := scalarsOf(t, dir, tag)
		require.Len(t, v, 2, tag)
		require.Positive(t, v[0], tag)
		return v[0], v[1]
	}
	const least = 64 << 20
	before, after := written("memory/heap_bytes")
	require.Greater(t, after-before, 0.9*least)
	_, after = written("memory/go_bytes")
	require.Greater(t, after, 1.0*least)
	before, after = written("memory/gc_cycles")
	require.GreaterOrEqual(t, after-before, 1.0)
	before, after = written("memory/gc_pause_seconds")
	require.GreaterOrEqual(t, after, before)
	if _, err := os.Stat("/proc/self/statm"); err == nil {
		_, after = written("memory/resident_bytes")
		require.Greater(t, after, 1.0*least)
	}
}

func TestMemoryNeedsAStepAndAPlace(t *testing.T) {
	h := made(hooks.NewMemoryHook(hooks.MemoryHookConfig{EverySteps: 1, OutputDir: "main_test.go/x"}))(t)
	require.ErrorContains(t, failing(t, newTrainer(), h), "main_test.go")
	require.ErrorIs(t, failing(t, &sessiontest.Engine{NoGlobalStep: true}, h), session.ErrNoGlobalStep)
}
