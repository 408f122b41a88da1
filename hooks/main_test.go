package hooks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/session/sessiontest"
	"github.com/runhook/runhook/summary/eventpb"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var errBroken = errors.New("broken")

// A trainer is a graph whose training op makes a step. "loss" tells how often it
// was evaluated, this time included; "five" makes five steps in a run.
type trainer struct {
	*graph.Graph
	evaluated int
}

func newTrainer() *trainer {
	e := &trainer{Graph: graph.New()}
	e.CreateGlobalStep()
	e.Node("loss", func(context.Context, []session.Value) (session.Value, error) {
		e.evaluated++
		return session.Float64(float64(e.evaluated)), nil
	})
	e.Node("step+5", func(_ context.Context, in []session.Value) (session.Value, error) {
		step, _ := in[0].Int64()
		return session.Int64(step + 5), nil
	}, session.GlobalStepName)
	e.Assign("five", session.GlobalStepName, "step+5")
	e.Train("train")
	return e
}

// restored makes every session begin at a step.
func (e *trainer) restored(step int64) *session.HookFuncs {
	e.Node("restored step", func(context.Context, []session.Value) (session.Value, error) { return session.Int64(step), nil })
	e.Assign("restore", session.GlobalStepName, "restored step")
	return &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, s session.Session, _ *session.Coordinator) error {
		_, err := session.Eval(ctx, s, "restore")
		return err
	}}
}

// train makes runs of the op in one session until a stop is requested, at most
// most. It returns how many it made.
func train(t testing.TB, e session.Engine, most int, op string, hooks ...session.SessionRunHook) (runs int) {
	t.Helper()
	err := session.With(t.Context(), session.Config{Engine: e, Hooks: hooks}, func(s *session.MonitoredSession) error {
		for !s.ShouldStop() && runs < most {
			if _, err := s.Run(t.Context(), op); err != nil {
				return err
			}
			runs++
		}
		return nil
	})
	require.NoError(t, err)
	return runs
}

// paced waits before each run: for the pauses one after the other, and for the
// last of them before all that come after.
func paced(pauses ...time.Duration) *session.HookFuncs {
	runs := 0
	return &session.HookFuncs{OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
		time.Sleep(pauses[min(runs, len(pauses)-1)])
		runs++
		return nil, nil
	}}
}

// lossOf is an engine of which "loss" is one value after the other, a step each,
// and whose sessions begin at starts. It is lost at some of its training runs,
// counted from 1.
func lossOf(losses []float64, starts []int64, lostAt ...int) *sessiontest.Engine {
	e := &sessiontest.Engine{Outputs: map[string]sessiontest.Output{"loss": sessiontest.Floats(losses...)}, Starts: starts}
	for _, n := range lostAt {
		e.Faults = append(e.Faults, sessiontest.Fault{Op: sessiontest.OpTrain, N: n, Err: session.ErrAborted})
	}
	return e
}

// noBackoff creates a session that was lost again at once.
func noBackoff(int) time.Duration { return 0 }

// failing returns what a session with the hooks ends with that makes runs of the
// training op until a stop is requested, which it has to be.
func failing(t testing.TB, e session.Engine, hooks ...session.SessionRunHook) error {
	t.Helper()
	return session.With(t.Context(), session.Config{Engine: e, Hooks: hooks}, func(s *session.MonitoredSession) error {
		for range 1000 {
			if s.ShouldStop() {
				return nil
			}
			if _, err := s.Run(t.Context(), session.TrainOp); err != nil {
				return err
			}
		}
		return errors.New("no stop was requested in 1000 runs")
	})
}

// made returns what a constructor has made.
func made[H any](h H, err error) func(t testing.TB) H {
	return func(t testing.TB) H {
		t.Helper()
		require.NoError(t, err)
		return h
	}
}

// faultsOf returns the lines of an error without their common beginning.
func faultsOf(t testing.TB, err error, head string) []string {
	t.Helper()
	require.ErrorContains(t, err, head)
	faults := strings.Split(err.Error(), "\n")
	for i, fault := range faults {
		faults[i] = strings.TrimPrefix(fault, head)
	}
	return faults
}

// eventsIn returns the events of the files in dir, the version events left out.
func eventsIn(t testing.TB, dir string) (events []*eventpb.Event) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	require.NoError(t, err)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		for r := tfrecord.NewReader(bytes.NewReader(b)); ; {
			payload, err := r.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			e := new(eventpb.Event)
			require.NoError(t, proto.Unmarshal(payload, e))
			if e.GetFileVersion() == "" {
				events = append(events, e)
			}
		}
	}
	return events
}

// scalarsOf returns the numbers of a tag in the event files in dir, and their
// steps.
func scalarsOf(t testing.TB, dir, tag string) (steps []int64, numbers []float64) {
	t.Helper()
	for _, e := range eventsIn(t, dir) {
		for _, v := range e.GetSummary().GetValue() {
			if _, scalar := v.GetValue().(*eventpb.Summary_Value_SimpleValue); scalar && v.GetTag() == tag {
				steps, numbers = append(steps, e.GetStep()), append(numbers, float64(v.GetSimpleValue()))
			}
		}
	}
	return steps, numbers
}

// eventLines tells what the events in dir say: "START@1", "5: loss=0.25 acc=1".
func eventLines(t testing.TB, dir string) []string {
	t.Helper()
	said := []string{}
	for _, e := range eventsIn(t, dir) {
		said = append(said, eventLine(e))
	}
	return said
}

func eventLine(e *eventpb.Event) string {
	switch log := e.GetSessionLog(); {
	case log.GetCheckpointPath() != "":
		return fmt.Sprintf("%v@%d %s", log.GetStatus(), e.GetStep(), log.GetCheckpointPath())
	case log != nil:
		return fmt.Sprintf("%v@%d", log.GetStatus(), e.GetStep())
	case e.GetGraphDef() != nil:
		return fmt.Sprintf("graph@%d", e.GetStep())
	}
	line := fmt.Sprintf("%d:", e.GetStep())
	for _, v := range e.GetSummary().GetValue() {
		line += fmt.Sprintf(" %s=%v", v.GetTag(), v.GetSimpleValue())
	}
	return line
}
