//go:build unix

package hooks_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
)

// signalled sends the process a signal in a run, and waits until the hook has it.
func signalled(t *testing.T, h *hooks.SignalHook, atRun int) *session.HookFuncs {
	runs := 0
	return &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		if runs++; runs == atRun {
			raise(t, h)
		}
		return nil, nil
	}}
}

// raise sends the process a signal, and waits until the hook has it.
func raise(t *testing.T, h *hooks.SignalHook) {
	t.Helper()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	for h.Signal() == nil {
		require.NoError(t, t.Context().Err())
	}
}

func newSignal() *hooks.SignalHook {
	return hooks.NewSignalHook(hooks.SignalHookConfig{Signals: []os.Signal{syscall.SIGUSR1}})
}

func TestASignalStopsTheTrainingCleanly(t *testing.T) {
	r := new(recorder)
	h := hooks.NewSignalHook(hooks.SignalHookConfig{Signals: []os.Signal{syscall.SIGUSR1}, Logger: slog.New(r)})
	require.Nil(t, h.Signal())
	saver := new(memorySaver)
	checkpoints := newCheckpointSaver(t, hooks.CheckpointSaverHookConfig{SaveSteps: 100, Saver: saver})
	require.Equal(t, 3, train(t, newTrainer(), 100, "train", h, signalled(t, h, 3), checkpoints), "the run in progress is finished")
	require.Equal(t, syscall.SIGUSR1, h.Signal())
	require.Equal(t, []int64{0, 3}, saver.saved, "End has saved the last step")
	require.Len(t, r.records, 1)
	require.Equal(t, map[string]any{"signal": "user defined signal 1"}, attrs(r.records[0]))

	require.Equal(t, 2, train(t, newTrainer(), 2, "train", h), "a hook that is used again begins anew")
	require.Nil(t, h.Signal())
}

func TestASignalBetweenTwoSessionsStopsTheNext(t *testing.T) {
	h := newSignal()
	created := 0
	creating := &session.HookFuncs{OnAfterCreateSession: func(context.Context, session.Session, *session.Coordinator) error {
		if created++; created == 2 {
			raise(t, h)
		}
		return nil
	}}
	e := lossOf(nil, nil, 2)
	config := session.Config{Engine: e, Hooks: []session.SessionRunHook{creating, h}, Recovery: session.Recovery{Backoff: noBackoff}}
	require.NoError(t, session.With(t.Context(), config, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(t.Context(), "train")
	}))
	require.Equal(t, 2, created)
}

func TestASignalInTheLastPhaseIsCaught(t *testing.T) {
	h := newSignal()
	ending := &session.HookFuncs{OnEnd: func(context.Context, session.Session) error {
		raise(t, h)
		return nil
	}}
	require.Equal(t, 1, train(t, newTrainer(), 1, "train", h, ending))
	require.Equal(t, syscall.SIGUSR1, h.Signal())
}

// signalledTwice is set for the test, run as a program of its own, that is to be
// ended by the second of two signals.
const signalledTwice = "RUNHOOK_SIGNALLED_TWICE"

func TestASecondSignalHasItsUsualEffect(t *testing.T) {
	if os.Getenv(signalledTwice) != "" {
		h := hooks.NewSignalHook(hooks.SignalHookConfig{})
		train(t, newTrainer(), 1, "train", h, &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			fmt.Println("running")
			for h.Signal() == nil {
			}
			fmt.Println("stopping")
			select {} // a run that never ends
		}})
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), signalledTwice+"=1")
		said, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(said)
		for _, line := range []string{"running", "stopping"} {
			require.True(t, lines.Scan())
			require.Equal(t, line, lines.Text())
			require.NoError(t, cmd.Process.Signal(signal))
		}
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Wait(), &exit)
		require.Equal(t, signal, exit.Sys().(syscall.WaitStatus).Signal())
	}
}
