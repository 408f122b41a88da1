package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/summary/eventlog"
)

func flags(t *testing.T, args ...string) options {
	t.Helper()
	o, err := parseFlags(args)
	require.NoError(t, err)
	return o
}

func curve(t *testing.T, dir, run, tag string) eventlog.Curve {
	t.Helper()
	curves, err := eventlog.Scalars(t.Context(), filepath.Join(dir, run), eventlog.Config{})
	require.NoError(t, err)
	for _, c := range curves {
		if c.Tag == tag {
			return c
		}
	}
	require.Fail(t, "no curve", tag)
	return eventlog.Curve{}
}

func TestItLearnsAndGoesOn(t *testing.T) {
	logdir := t.TempDir()
	var out strings.Builder
	require.NoError(t, run(t.Context(), flags(t, "-logdir", logdir, "-steps", "401"), &out))
	accuracy := curve(t, logdir, "eval", "accuracy")
	require.Equal(t, []int64{1, 101, 201, 301, 401}, accuracy.Steps)
	require.Greater(t, accuracy.Values[4], 0.93)

	require.NoError(t, run(t.Context(), flags(t, "-logdir", logdir, "-steps", "500"), &out))
	require.Equal(t, int64(402), curve(t, logdir, "eval", "accuracy").Steps[5])
	loss := curve(t, logdir, "", "loss")
	require.Subset(t, loss.Steps, []int64{1, 391, 402, 492})
	require.Less(t, loss.Values[len(loss.Values)-1], loss.Values[0]/4)
	rate := curve(t, logdir, "", "learning_rate")
	require.Less(t, rate.Values[len(rate.Values)-1], 0.05)
}

func TestItStopsEarly(t *testing.T) {
	logdir := t.TempDir()
	require.NoError(t, run(t.Context(), flags(t, "-logdir", logdir, "-steps", "5000", "-patience", "100"), new(strings.Builder)))
	latest, err := checkpoint.LatestCheckpoint(logdir)
	require.NoError(t, err)
	step, err := checkpoint.GlobalStep(latest)
	require.NoError(t, err)
	require.Less(t, step, int64(5000))
}

func TestAnInterruptionSavesEverything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	logdir := t.TempDir()
	out := &cancelling{cancel: cancel}
	require.NoError(t, run(ctx, flags(t, "-logdir", logdir), out))
	require.Contains(t, out.String(), "run again with -logdir "+logdir)
	latest, err := checkpoint.LatestCheckpoint(logdir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(logdir, "model.ckpt-101"), latest)
}

// cancelling calls cancel when it is told of step 101.
type cancelling struct {
	strings.Builder
	cancel context.CancelFunc
}

func (c *cancelling) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "step   101") {
		c.cancel()
	}
	return c.Builder.Write(p)
}

func TestFlagsThatCannotWork(t *testing.T) {
	for want, args := range map[string][]string{
		`unexpected argument "x"`:         {"x"},
		"-steps is 0, want 1 or more":     {"-steps", "0"},
		"-patience is -1, want 1 or more": {"-patience", "-1"},
	} {
		_, err := parseFlags(args)
		require.EqualError(t, err, want)
	}
}
