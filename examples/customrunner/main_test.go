package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
)

func TestTheProgramConverges(t *testing.T) {
	var out bytes.Buffer
	logdir := t.TempDir()
	require.NoError(t, run(t.Context(), newKMeans(gaussianClouds(1000), 5), logdir, &out))
	var runs int
	var inertia, moved float64
	_, err := fmt.Sscanf(out.String(), "after %d runs: inertia = %g, moved = %g\n", &runs, &inertia, &moved)
	require.NoError(t, err, "%s", out.String())
	require.Greater(t, runs, 1)
	require.Less(t, runs, 100)
	require.InDelta(t, 2*0.2*0.2, inertia, 0.01, "the variance of the clouds in two dimensions")
	require.Less(t, moved, 1e-3)
	require.Contains(t, out.String(), "tensorboard --logdir "+logdir)
	require.NotContains(t, out.String(), "interrupted")
	requireEventFile(t, logdir)
}

func TestEachCenterFindsACloud(t *testing.T) {
	model := newKMeans(gaussianClouds(1000), 5)
	require.NoError(t, train(t.Context(), model, t.TempDir(), io.Discard))
	for i := range 5 {
		angle := 2 * math.Pi * float64(i) / 5
		corner := point{math.Cos(angle), math.Sin(angle)}
		near := 0
		for _, center := range model.centers {
			if center.distance(corner) < 0.1 {
				near++
			}
		}
		require.Equal(t, 1, near, "corner %d", i)
	}
}

// An interrupted engine cancels a context in its second iteration.
type interrupted struct {
	*kMeans
	cancel func()
}

func (e interrupted) NewSession(ctx context.Context) (session.Session, error) {
	s, err := e.kMeans.NewSession(ctx)
	return interruptedSession{s, e}, err
}

type interruptedSession struct {
	session.Session
	engine interrupted
}

func (s interruptedSession) Run(ctx context.Context, req *session.Request) error {
	err := s.Session.Run(ctx, req)
	if s.engine.steps == 2 {
		s.engine.cancel()
	}
	return err
}

func TestAnInterruptedProgramSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	engine := interrupted{newKMeans(gaussianClouds(1000), 5), func() { cancel(errors.New("interrupt")) }}
	var out bytes.Buffer
	logdir := t.TempDir()
	require.NoError(t, run(ctx, engine, logdir, &out))
	require.Contains(t, out.String(), "after 2 runs: ", "the hook's End was called")
	require.Contains(t, out.String(), "interrupted (interrupt): everything recorded so far is in the event files")
	require.Contains(t, out.String(), "tensorboard --logdir "+logdir)
	requireEventFile(t, logdir)
}

func TestFlags(t *testing.T) {
	logdir, err := parseFlags(nil)
	require.NoError(t, err)
	require.NotEmpty(t, logdir)
	logdir, err = parseFlags([]string{"-logdir", "x"})
	require.NoError(t, err)
	require.Equal(t, "x", logdir)
	_, err = parseFlags([]string{"train", "test"})
	require.EqualError(t, err, `unexpected argument "train"`)
}

func requireEventFile(t *testing.T, logdir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(logdir, "events.out.tfevents.*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
}
