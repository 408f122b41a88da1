package checkpoint_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
)

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		start := time.Now()
		_, err := checkpoint.WaitForNewCheckpoint(ctx, t.TempDir(), "", checkpoint.WaitConfig{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 90*time.Second, time.Since(start))
	})
}

func TestAnIterationEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paths := threeSaves(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got []string
		var errs []error
		for path, err := range checkpoint.CheckpointsIterator(ctx, filepath.Dir(paths[0]), checkpoint.IteratorConfig{MinIntervalSecs: time.Hour}) {
			cancel()
			if got = append(got, path); err != nil {
				errs = append(errs, err)
			}
		}
		require.Equal(t, []string{paths[2], ""}, got)
		require.Equal(t, []error{context.Canceled}, errs)
	})
}

func TestAnErrorEndsAnIteration(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), nil, 0o666))
	for _, c := range []struct {
		name   string
		config checkpoint.IteratorConfig
		want   string
	}{
		{"a state file without a checkpoint", checkpoint.IteratorConfig{}, session.ErrInvalidCheckpointState.Error()},
		{"a negative interval", checkpoint.IteratorConfig{MinIntervalSecs: -1}, "checkpoint: IteratorConfig: MinIntervalSecs is -1ns, want a positive duration or 0"},
		{"a negative timeout", checkpoint.IteratorConfig{Timeout: -2}, "the Timeout is -2ns, want a positive duration, 0 or Off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			for path, err := range checkpoint.CheckpointsIterator(t.Context(), dir, c.config) {
				calls++
				require.Empty(t, path)
				require.ErrorContains(t, err, c.want)
			}
			require.Equal(t, 1, calls)
		})
	}
	_, err := checkpoint.WaitForNewCheckpoint(t.Context(), dir, "", checkpoint.WaitConfig{SecondsToSleep: -1, Timeout: -2})
	require.EqualError(t, err, "checkpoint: WaitConfig: SecondsToSleep is -1ns, want a positive duration or 0 (1s)\ncheckpoint: WaitConfig: the Timeout is -2ns, want a positive duration, 0 or Off")
}
