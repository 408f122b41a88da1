package summary_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// few is what the runtime may allocate meanwhile.
const few = 20

// allocations returns how many allocations n calls make, all together: an
// average would hide what happens now and then. If they are more than few it
// tries again, since the test binary has goroutines of its own.
func allocations(t *testing.T, n int, call func() error) uint64 {
	t.Helper()
	best := ^uint64(0)
	for try := 0; try < 3 && best > few; try++ {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range n {
			if err := call(); err != nil {
				require.NoError(t, err)
			}
		}
		runtime.ReadMemStats(&after)
		best = min(best, after.Mallocs-before.Mallocs)
	}
	return best
}

func TestWritingAScalarAllocatesNothing(t *testing.T) {
	w := openWriter(t, t.TempDir(), summary.FileWriterConfig{})
	step := int64(0)
	scalar := func() error {
		step++
		return w.Scalar("loss", 0.25, step)
	}
	allocations(t, 100_000, scalar) // the buffers find their size
	require.LessOrEqual(t, allocations(t, 200_000, scalar), uint64(few))
}

func TestWritingManyTagsAllocatesNothing(t *testing.T) {
	w := openWriter(t, t.TempDir(), summary.FileWriterConfig{MaxQueueBytes: 10_000})
	values := make([]summary.Value, 50)
	for i := range values {
		values[i] = summary.ScalarValue(fmt.Sprintf("layer%d/norm", i), float64(i))
	}
	step := int64(0)
	add := func() error {
		step++
		return w.Add(step, values...)
	}
	allocations(t, 2_000, add)
	require.LessOrEqual(t, allocations(t, 5_000, add), uint64(few))
}

// A still engine has values ready and allocates nothing; "train" makes a step.
type stillEngine struct{ step int64 }

func (e *stillEngine) Resolve(string) error                                { return nil }
func (e *stillEngine) GlobalStep() string                                  { return session.GlobalStepName }
func (e *stillEngine) Finalize(context.Context) error                      { return nil }
func (e *stillEngine) NewSession(context.Context) (session.Session, error) { return e, nil }
func (e *stillEngine) Close() error                                        { return nil }

func (e *stillEngine) Run(_ context.Context, req *session.Request) error {
	step := e.step
	for i, name := range req.Fetches {
		switch name {
		case session.GlobalStepName:
			req.Values[i] = session.Int64(step)
		case session.TrainOp:
			e.step++
		default:
			req.Values[i] = session.Float64(0.5)
		}
	}
	return nil
}

func allocationsOfRuns(t *testing.T, runs int, config summary.SummarySaverHookConfig) uint64 {
	t.Helper()
	s, err := session.NewMonitoredSession(t.Context(), session.Config{Engine: new(stillEngine), Hooks: []session.SessionRunHook{newSaver(t, config)}})
	require.NoError(t, err)
	defer s.Close()
	ctx := t.Context()
	run := func() error {
		_, err := s.Run(ctx, session.TrainOp)
		return err
	}
	allocations(t, runs/2, run)
	return allocations(t, runs, run)
}

func TestAnIdleRunAllocatesNothing(t *testing.T) {
	config := summary.SummarySaverHookConfig{SaveSteps: 1 << 40, OutputDir: t.TempDir(), SummaryOp: lossOp}
	require.LessOrEqual(t, allocationsOfRuns(t, 100_000, config), uint64(few))
}

func TestARecordingRunAllocatesNothing(t *testing.T) {
	ops := make([]summary.Op, 10)
	for i := range ops {
		ops[i] = summary.Scalar(fmt.Sprint("tag", i), fmt.Sprint("fetch", i))
	}
	for _, c := range []struct {
		name   string
		config summary.SummarySaverHookConfig
	}{
		{"merged", summary.SummarySaverHookConfig{SaveSteps: 1, SummaryOp: summary.Merge(ops...)}},
		{"listed", summary.SummarySaverHookConfig{SaveSteps: 1, SummaryOp: summary.List(ops)}},
		{"every other run", summary.SummarySaverHookConfig{SaveSteps: 2, SummaryOp: summary.Merge(ops...)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.config.OutputDir = t.TempDir()
			require.LessOrEqual(t, allocationsOfRuns(t, 20_000, c.config), uint64(few))
		})
	}
}

// The op of a scaffold is looked up each time, but taken apart only when it is
// another one.
func TestARecordingRunWithAScaffoldAllocatesNothing(t *testing.T) {
	config := summary.SummarySaverHookConfig{SaveSteps: 1, OutputDir: t.TempDir(), Scaffold: &session.Scaffold{SummaryOp: summary.Merge(lossOp)}}
	require.LessOrEqual(t, allocationsOfRuns(t, 10_000, config), uint64(few))
}
