package hooks_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
)

func TestProfilesOfASessionDoNotReplaceThoseOfTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	h, err := hooks.NewProfilerHook(hooks.ProfilerHookConfig{SaveSteps: 2, OutputDir: dir})
	require.NoError(t, err)
	train(t, newTrainer(), 3, "train", h)
	train(t, newTrainer(), 3, "train", h)

	timelines, err := filepath.Glob(filepath.Join(dir, "timeline-*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "timeline-2.json"), filepath.Join(dir, "timeline-2_1.json")}, timelines)
}
