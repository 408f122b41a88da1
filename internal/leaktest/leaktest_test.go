package leaktest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
)

// A watched test keeps what is said of it.
type watched struct {
	testing.TB
	cleanup []func()
	said    string
}

func (w *watched) Cleanup(f func())                  { w.cleanup = append(w.cleanup, f) }
func (w *watched) Errorf(format string, args ...any) { w.said += fmt.Sprintf(format, args...) }

// end is the end of the test.
func (w *watched) end() string {
	for len(w.cleanup) > 0 {
		last := len(w.cleanup) - 1
		f := w.cleanup[last]
		w.cleanup = w.cleanup[:last]
		f()
	}
	return w.said
}

// wait is a goroutine of this module.
func wait(started chan<- struct{}, over <-chan struct{}) {
	close(started)
	<-over
}

func begin(over <-chan struct{}) {
	started := make(chan struct{})
	go wait(started, over)
	<-started
}

func TestAGoroutineThatIsLeftIsFound(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	w := &watched{TB: t}
	leaktest.Check(w)
	begin(over)
	said := w.end()
	require.Contains(t, said, "goroutines left after the test:\ngoroutine ")
	require.Contains(t, said, "leaktest_test.wait(")
}

func TestAGoroutineThatEndsInTheCleanupIsNotLeft(t *testing.T) {
	over := make(chan struct{})
	w := &watched{TB: t}
	leaktest.Check(w)
	w.Cleanup(func() { close(over) })
	begin(over)
	require.Empty(t, w.end())
}

func TestAGoroutineFromBeforeIsNotTheTests(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	begin(over)
	w := &watched{TB: t}
	leaktest.Check(w)
	require.Empty(t, w.end())
}

func TestMoreGoroutinesThanFitIntoAPage(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	for range 1000 {
		begin(over)
	}
	require.Len(t, leaktest.Left("leaktest_test.wait"), 1000)
}
