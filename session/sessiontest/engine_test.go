package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

func TestEveryTestChecksForLeaks(t *testing.T) {
	leaktest.Check(t)
	leaktest.InEveryTest(t)
}

func TestTheScriptedEngineIsAnEngine(t *testing.T) {
	leaktest.Check(t)
	sessiontest.TestEngine(t, func(*testing.T) session.Engine { return newBent().Engine }, sessiontest.EngineOptions{
		Fetches: bentOptions.Fetches,
		Feeds:   bentOptions.Feeds,
		EndInput: func(e session.Engine) {
			scripted := e.(*sessiontest.Engine)
			scripted.Faults = []sessiontest.Fault{{Op: sessiontest.OpTrain, N: scripted.Count(sessiontest.OpTrain) + 1, Err: io.EOF}}
		},
		Block: func(e session.Engine) {
			e.(*sessiontest.Engine).Faults = []sessiontest.Fault{{Op: sessiontest.OpRun, Delay: time.Hour}}
		},
	})
}

func TestTheZeroEngineIsAnEngine(t *testing.T) {
	leaktest.Check(t)
	sessiontest.TestEngine(t, func(*testing.T) session.Engine { return new(sessiontest.Engine) }, sessiontest.EngineOptions{})
	sessiontest.TestEngine(t, func(*testing.T) session.Engine { return &sessiontest.Engine{NoGlobalStep: true} }, sessiontest.EngineOptions{})
}

func TestAGoodHookIsAHook(t *testing.T) {
	leaktest.Check(t)
	sessiontest.TestHook(t, func(*testing.T) session.SessionRunHook { return new(goodHook) }, sessiontest.HookOptions{})
}

// fetched makes a run and returns the values as text.
func fetched(t *testing.T, s session.Session, names ...string) string {
	t.Helper()
	values, err := session.Eval(t.Context(), s, names...)
	require.NoError(t, err)
	text := ""
	for name, v := range values.All() {
		text += fmt.Sprintf("%s=%v ", name, v)
	}
	return text
}

func openScripted(t *testing.T, e *sessiontest.Engine) session.Session {
	t.Helper()
	s, err := e.NewSession(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.(session.Initializer).Init(t.Context()))
	return s
}

func TestOutputsGoByTheStepsOfTheSession(t *testing.T) {
	leaktest.Check(t)
	e := &sessiontest.Engine{
		Outputs: map[string]sessiontest.Output{
			"loss": sessiontest.Floats(8, 4, 2), "none": sessiontest.Floats(), "name": sessiontest.Always(session.String("x")),
		},
		Other:  func(name string, step int64) session.Value { return session.String(fmt.Sprint(name, step)) },
		Starts: []int64{0, 1},
	}
	first, second := openScripted(t, e), openScripted(t, e)
	require.Equal(t, "loss=8 global_step=0 none=<none> name=x more=more0 ", fetched(t, first, "loss", "global_step", "none", "name", "more"))
	require.Equal(t, "loss=4 train=<none> global_step=0 ", fetched(t, first, "loss", "train", "global_step"))
	require.Equal(t, "loss=4 global_step=1 ", fetched(t, second, "loss", "global_step"))
	for range 3 {
		fetched(t, second, "train")
	}
	require.Equal(t, "loss=2 global_step=4 ", fetched(t, second, "loss", "global_step"))
	require.Equal(t, "global_step=1 ", fetched(t, openScripted(t, e), "global_step"), "the last start is that of all further sessions")
}

func TestFaultsComeAtTheirCall(t *testing.T) {
	leaktest.Check(t)
	lost := session.ErrAborted
	for _, c := range []struct {
		name  string
		fault sessiontest.Fault
		want  []error // of five training runs
		step  string  // after them
	}{
		{"the third", sessiontest.Fault{Op: sessiontest.OpTrain, N: 3, Err: lost}, []error{nil, nil, lost, nil, nil}, "global_step=4 "},
		{"the third, after its update", sessiontest.Fault{Op: sessiontest.OpTrain, N: 3, After: true, Err: lost}, []error{nil, nil, lost, nil, nil}, "global_step=5 "},
		{"the third run", sessiontest.Fault{Op: sessiontest.OpRun, N: 3, Err: lost}, []error{nil, nil, lost, nil, nil}, "global_step=4 "},
		{"the third run, after it", sessiontest.Fault{Op: sessiontest.OpRun, N: 3, After: true, Err: lost}, []error{nil, nil, lost, nil, nil}, "global_step=5 "},
		{"from the third on", sessiontest.Fault{Op: sessiontest.OpTrain, N: 3, Lasting: true, Err: io.EOF}, []error{nil, nil, io.EOF, io.EOF, io.EOF}, "global_step=2 "},
		{"all", sessiontest.Fault{Op: sessiontest.OpTrain, Err: lost}, []error{lost, lost, lost, lost, lost}, "global_step=0 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &sessiontest.Engine{Faults: []sessiontest.Fault{c.fault}}
			s := openScripted(t, e)
			for _, want := range c.want {
				_, err := session.Eval(t.Context(), s, "train")
				require.Equal(t, want, err)
			}
			require.Equal(t, c.step, fetched(t, s, "global_step"))
		})
	}
}

func TestEveryOperationCanFail(t *testing.T) {
	leaktest.Check(t)
	for op, call := range map[sessiontest.Op]func(e *sessiontest.Engine, s session.Session) error{
		sessiontest.OpResolve:    func(e *sessiontest.Engine, _ session.Session) error { return e.Resolve("train") },
		sessiontest.OpFinalize:   func(e *sessiontest.Engine, _ session.Session) error { return e.Finalize(t.Context()) },
		sessiontest.OpNewSession: func(e *sessiontest.Engine, _ session.Session) error { _, err := e.NewSession(t.Context()); return err },
		sessiontest.OpInit: func(_ *sessiontest.Engine, s session.Session) error {
			return s.(session.Initializer).Init(t.Context())
		},
		sessiontest.OpRun:   func(_ *sessiontest.Engine, s session.Session) error { return s.Run(t.Context(), &session.Request{}) },
		sessiontest.OpClose: func(_ *sessiontest.Engine, s session.Session) error { return s.Close() },
	} {
		for _, after := range []bool{false, true} {
			e := new(sessiontest.Engine)
			s := openScripted(t, e)
			require.NoError(t, call(e, s))
			s = openScripted(t, e)
			did := false
			e.Faults = []sessiontest.Fault{{Op: op, After: after, Err: errBent, Do: func() { did = true }}}
			require.Equal(t, errBent, call(e, s), op)
			require.True(t, did)
			calls := e.Calls()
			require.Equal(t, errBent, calls[len(calls)-1].Err)
		}
	}
}

func TestASlowRunTakesNoTimeInABubble(t *testing.T) {
	leaktest.Check(t)
	synctest.Test(t, func(t *testing.T) {
		e := &sessiontest.Engine{Faults: []sessiontest.Fault{{Op: sessiontest.OpTrain, Delay: time.Minute}}}
		s := openScripted(t, e)
		start := time.Now()
		fetched(t, s, "train")
		fetched(t, s, "global_step")
		require.Equal(t, time.Minute, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := session.Eval(ctx, s, "train")
		require.Equal(t, context.DeadlineExceeded, err)
		require.Equal(t, time.Minute+time.Second, time.Since(start))
		require.Equal(t, "global_step=1 ", fetched(t, s, "global_step"))
	})
}

func TestCallsAreRecorded(t *testing.T) {
	leaktest.Check(t)
	e := &sessiontest.Engine{Outputs: map[string]sessiontest.Output{"x": sessiontest.Floats(1)}}
	require.NoError(t, e.Resolve("x"))
	require.Error(t, e.Resolve("xx"))
	require.NoError(t, e.Finalize(t.Context()))
	s := openScripted(t, e)
	req := session.Request{
		Fetches: []string{"train", "x"}, Values: make([]session.Value, 2),
		Feeds: session.Feeds{"x": session.Float64(7)}, Options: &session.RunOptions{TraceLevel: session.FullTrace},
	}
	require.NoError(t, s.Run(t.Context(), &req))
	run := e.Calls()[5]
	clear(req.Fetches) // the record is a copy
	clear(req.Feeds)
	req.Options.TraceLevel = session.NoTrace
	require.Equal(t, sessiontest.Call{
		Op: sessiontest.OpRun, Session: 1, Fetches: []string{"train", "x"},
		Feeds: session.Feeds{"x": session.Float64(7)}, Options: &session.RunOptions{TraceLevel: session.FullTrace},
	}, run)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Run(t.Context(), &session.Request{}), session.ErrClosed)
	require.Equal(t, `[Resolve x Resolve xx: unknown name "xx", did you mean "x" Finalize NewSession Init Run train,x Close Run: `+session.ErrClosed.Error()+`]`, fmt.Sprint(e.Calls()))
	require.Equal(t, 1, e.Count(sessiontest.OpTrain))
}

func TestWhatTheEngineRefuses(t *testing.T) {
	leaktest.Check(t)
	e := &sessiontest.Engine{NoGlobalStep: true}
	s := openScripted(t, e)
	require.Empty(t, e.GlobalStep())
	require.ErrorIs(t, e.Resolve(session.GlobalStepName), session.ErrUnknownName)
	require.ErrorIs(t, e.Resolve(""), session.ErrUnknownName)
	require.EqualError(t, s.Run(t.Context(), &session.Request{Feeds: session.Feeds{"train": session.Value{}}}), `sessiontest: "train" cannot be fed`)
	e.Other = func(string, int64) session.Value { return session.Value{} }
	require.ErrorIs(t, e.Resolve(session.GlobalStepName), session.ErrUnknownName)
	require.ErrorIs(t, e.Resolve(""), session.ErrUnknownName)
	require.NoError(t, e.Resolve("anything"))
}

func TestAnUnrecordedRunAllocatesNothing(t *testing.T) {
	leaktest.Check(t)
	e := &sessiontest.Engine{Outputs: map[string]sessiontest.Output{"x": sessiontest.Floats(1, 2)}, Unrecorded: true}
	s := openScripted(t, e)
	req := session.Request{Fetches: []string{"train", "x", "global_step"}, Values: make([]session.Value, 3)}
	var err error
	allocations := testing.AllocsPerRun(1000, func() { err = errors.Join(err, s.Run(context.Background(), &req)) })
	require.NoError(t, err)
	require.Zero(t, allocations)
	require.Empty(t, e.Calls())
}

// The suites in tests say the same as outside of them. A failing test cannot be
// a part of this one, so it runs by itself.
func TestTheSuitesFailTheTest(t *testing.T) {
	leaktest.Check(t)
	const variable = "SESSIONTEST_FAILS"
	if os.Getenv(variable) != "" {
		t.Run("engine", func(t *testing.T) {
			sessiontest.TestEngine(t, func(*testing.T) session.Engine {
				e := newBent()
				e.resolve = func(*bentEngine, string) error { return nil }
				return e
			}, sessiontest.EngineOptions{})
		})
		t.Run("hook", func(t *testing.T) {
			sessiontest.TestHook(t, func(*testing.T) session.SessionRunHook { return misspelt{} }, sessiontest.HookOptions{Allocates: true})
		})
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestTheSuitesFailTheTest$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "%s", out)
	text := string(out)
	require.Contains(t, text, "--- FAIL: TestTheSuitesFailTheTest/engine/resolve-unknown")
	require.Contains(t, text, sessiontest.EngineRules()["resolve-unknown"])
	require.Contains(t, text, `before Finalize: Resolve("no such name") returns <nil>`)
	require.Contains(t, text, "--- PASS: TestTheSuitesFailTheTest/engine/plans")
	require.Contains(t, text, "--- SKIP: TestTheSuitesFailTheTest/engine/feeds")
	require.Contains(t, text, "--- FAIL: TestTheSuitesFailTheTest/hook/method-names")
	require.Contains(t, text, "has a method AfterRuns, which looks like AfterRun")
	require.Contains(t, text, "--- PASS: TestTheSuitesFailTheTest/hook/recovery")
	require.Contains(t, text, "--- SKIP: TestTheSuitesFailTheTest/hook/idle-run")
}
