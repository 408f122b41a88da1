package hooks_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
)

// newTerminal returns both ends of a new terminal: what programs write to the one
// comes out of the other.
func newTerminal(t *testing.T) (program, user *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { user.Close() })
	control := func(request uintptr, argument *int32) {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, user.Fd(), request, uintptr(unsafe.Pointer(argument)))
		require.Zero(t, errno)
	}
	var unlocked, number int32
	control(syscall.TIOCSPTLCK, &unlocked)
	control(syscall.TIOCGPTN, &number)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { program.Close() })
	return program, user
}

// saidTo returns what came to a terminal up to and with the end of a line.
func saidTo(t *testing.T, user *os.File) string {
	t.Helper()
	var said []byte
	for !strings.HasSuffix(string(said), "\r\n") {
		b := make([]byte, 4096)
		n, err := user.Read(b)
		require.NoError(t, err)
		said = append(said, b[:n]...)
	}
	return string(said)
}

func TestOnATerminalTheLineIsWrittenOverAndOver(t *testing.T) {
	program, user := newTerminal(t)
	synctest.Test(t, func(t *testing.T) {
		pace := paced(50*time.Millisecond, 100*time.Millisecond, 20*time.Millisecond)
		h := made(hooks.NewProgressHook(hooks.ProgressHookConfig{Total: 4, Values: []string{"loss"}, Output: program}))(t)
		train(t, newTrainer(), 4, "train", pace, h)
	})
	line := func(text string) string { return "\r\x1b[?7l" + text + "\x1b[K\x1b[?7h" }
	require.Equal(t, line("step 1/4  25%  20 steps/s  200ms left  loss 1")+
		line("step 2/4  50%  15 steps/s  100ms left  loss 2")+
		line("step 4/4  100%  21.1 steps/s  in 200ms")+"\r\n", saidTo(t, user))
}

func TestOnATerminalTheLineStaysAfterAFailure(t *testing.T) {
	program, user := newTerminal(t)
	h := made(hooks.NewProgressHook(hooks.ProgressHookConfig{Output: program}))(t)
	runs := 0
	fails := &session.HookFuncs{OnAfterRun: func(context.Context, *session.SessionRunContext, *session.SessionRunValues) error {
		if runs++; runs == 2 {
			return errBroken
		}
		return nil
	}}
	require.ErrorIs(t, failing(t, newTrainer(), h, fails), errBroken)
	require.Contains(t, saidTo(t, user), "step 1")
}
