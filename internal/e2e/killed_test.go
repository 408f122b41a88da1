package e2e

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventlog/readers"
)

// trainsIn names the folder of the job that the test, run as a program of its
// own, trains; lastStep the step that it stops at.
const (
	trainsIn = "RUNHOOK_TRAINS_IN"
	lastStep = "RUNHOOK_LAST_STEP"
)

// How often the job is killed, without TensorBoard's own readers and with them.
const (
	fewKills  = 15
	manyKills = 200
)

// The periods of the job, in steps.
const (
	checkpointSteps = 7
	trainSteps      = 1
	testSteps       = 5
)

// A job that is killed at random moments and started again with the same folder
// goes on from the newest checkpoint, which is whole, and its curves look as if
// it had never stopped.
func TestAJobThatIsKilledAndStartedAgainHasCurvesWithoutAGap(t *testing.T) {
	if dir := os.Getenv(trainsIn); dir != "" {
		trainIn(t, dir)
		return
	}
	dir := t.TempDir()
	kills := fewKills
	if os.Getenv("RUNHOOK_PYTHON") != "" {
		kills = manyKills
	}
	newest, torn := int64(0), 0
	random := rand.New(rand.NewPCG(1, 2))
	for range kills {
		life := startJob(t, dir, 1<<40)
		require.Equal(t, newest, life.restored(t))
		time.Sleep(time.Duration(random.Int64N(int64(100 * time.Millisecond))))
		require.NoError(t, life.cmd.Process.Kill())
		told := life.saved()
		var left int
		newest, left = newestIn(t, dir)
		torn += left
		require.GreaterOrEqual(t, newest, told, "the step of a checkpoint that was told of")
	}
	last := newest + 10
	life := startJob(t, dir, last)
	require.Equal(t, newest, life.restored(t))
	require.Equal(t, last, life.saved())
	require.NoError(t, life.cmd.Wait())
	t.Logf("killed %d times at %d steps, %d times in the middle of a checkpoint", kills, newest, torn)

	for _, view := range readers.All() {
		shown, err := view.Load(t.Context(), os.DirFS(dir))
		require.NoError(t, err)
		require.NoError(t, shown.Err)
		for run, tags := range curvesOf(last) {
			for tag, c := range tags {
				var steps []int64
				var values []float64
				for _, p := range shown.Run(run).Tag(tag).Points {
					steps = append(steps, p.Step)
					if v, ok := p.Value.(float64); ok {
						values = append(values, v)
					}
				}
				c.check(t, view.Name()+": "+run+"/"+tag, steps, values, view.Name() == "EventAccumulator")
			}
		}
	}
	if kills == fewKills {
		return
	}
	answer := askReaders(t, dir)
	for name, reader := range answer.Readers {
		for run, tags := range curvesOf(last) {
			for tag, c := range tags {
				if c.tensors {
					c.every = 0 // of many histograms, the page shows some
				}
				s := reader.Runs[run][tag]
				var values []float64
				for _, v := range s.Values {
					if v, ok := v.(float64); ok {
						values = append(values, v)
					}
				}
				c.check(t, name+": "+run+"/"+tag, s.Steps, values, name == eventAccumulator)
			}
		}
	}
}

// A life is the job from a start to its end.
type life struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startJob(t *testing.T, dir string, last int64) life {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAJobThatIsKilledAndStartedAgainHasCurvesWithoutAGap$")
	cmd.Env = append(os.Environ(), trainsIn+"="+dir, fmt.Sprintf("%s=%d", lastStep, last))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	return life{cmd, bufio.NewScanner(out)}
}

// restored returns the step that the job begins at, which it tells first.
func (l life) restored(t *testing.T) (step int64) {
	t.Helper()
	require.True(t, l.lines.Scan(), "the job has ended")
	_, err := fmt.Sscanf(l.lines.Text(), "restored %d", &step)
	require.NoError(t, err, l.lines.Text())
	return step
}

// saved waits for the end and returns the step of the last checkpoint that the job
// has told of, -1 if there is none.
func (l life) saved() int64 {
	step := int64(-1)
	for l.lines.Scan() {
		fmt.Sscanf(l.lines.Text(), "saved %d", &step)
	}
	return step
}

// newestIn returns the step of the checkpoint that the state in dir names, and
// how many are left that were not finished. All that the state names are whole.
func newestIn(t *testing.T, dir string) (step int64, unfinished int) {
	t.Helper()
	rests, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
	require.NoError(t, err)
	state, err := checkpoint.GetCheckpointState(dir)
	require.NoError(t, err)
	if state == nil { // killed before its first
		return 0, len(rests)
	}
	for _, path := range append(state.AllModelCheckpointPaths, state.ModelCheckpointPath) {
		contents, err := checkpoint.Load(t.Context(), path, false)
		require.NoError(t, err)
		step = *contents.GlobalStep
		require.Equal(t, session.Int64(step), contents.Variables["w"])
	}
	return step, len(rests)
}

// A rising series is what a series has to look like.
type rising struct {
	last  int64
	every int64                    // the most steps between two points; 0: any
	value func(step int64) float64 // nil: any
	// tensors says that the series is stored as tensors, of which EventAccumulator
	// drops none.
	tensors bool
}

// curvesOf returns the curves of a job by run and tag.
func curvesOf(last int64) map[string]map[string]rising {
	return map[string]map[string]rising{
		".": {
			"loss":            {last: last, every: trainSteps, value: lossAt},
			"global_step/sec": {last: last},
		},
		"test": {
			"loss":    {last: last, every: testSteps, value: lossAt},
			"weights": {last: last, every: testSteps, tensors: true},
		},
	}
}

// check fails the test unless the steps rise, each there once, without a gap.
func (c rising) check(t *testing.T, name string, steps []int64, values []float64, dropsNoTensor bool) {
	t.Helper()
	if c.tensors && dropsNoTensor {
		return
	}
	require.NotEmpty(t, steps, name)
	before := int64(0)
	for i, step := range steps {
		require.Greater(t, step, before, "%s: point %d", name, i)
		if c.every > 0 {
			require.LessOrEqual(t, step-before, c.every, "%s: a gap behind step %d", name, before)
		}
		if c.value != nil {
			require.Equal(t, float64(float32(c.value(step))), values[i], "%s: step %d", name, step)
		}
		before = step
	}
	if c.every > 0 {
		require.LessOrEqual(t, c.last-before, c.every, "%s: ends with step %d", name, before)
	}
}

func lossAt(step int64) float64 { return 1 / float64(step) }

// trainIn trains until the process is killed, or the last step is there. It tells
// where it begins, and of each checkpoint.
func trainIn(t *testing.T, dir string) {
	last, err := strconv.ParseInt(os.Getenv(lastStep), 10, 64)
	require.NoError(t, err)
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: last})
	require.NoError(t, err)
	test, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: testSteps, OutputDir: filepath.Join(dir, "test"),
		SummaryOp: summary.Merge(summary.Scalar("loss", "loss"), summary.Histogram("weights", "weights")),
	})
	require.NoError(t, err)
	begin := &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, s session.Session, _ *session.Coordinator) error {
		values, err := session.Eval(ctx, s, session.GlobalStepName, "w")
		require.NoError(t, err)
		require.Equal(t, values.At(0), values.At(1))
		fmt.Printf("restored %v\n", values.At(0))
		return nil
	}}
	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{})
	require.NoError(t, err)
	config := hooks.MonitoredTrainingSessionConfig{
		Engine: newJob(), CheckpointDir: dir, SaveCheckpointSteps: checkpointSteps, SaveSummariesSteps: trainSteps, LogStepCountSteps: 10,
		Scaffold: &session.Scaffold{Saver: tellingSaver{saver}, SummaryOp: summary.Scalar("loss", "loss")},
		Hooks:    []session.SessionRunHook{begin, stop, test},
	}
	require.NoError(t, hooks.WithMonitoredTrainingSession(t.Context(), config, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(t.Context(), session.TrainOp)
	}))
}

// newJob returns an engine whose variable "w" is always the global step.
func newJob() *graph.Graph {
	e := graph.New()
	e.CreateGlobalStep()
	e.Variable("w", func() session.Value { return session.Int64(0) })
	e.Node("w+1", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Int64()
		return session.Int64(w + 1), nil
	}, "w")
	e.Assign("learn", "w", "w+1")
	e.Node("loss", func(_ context.Context, in []session.Value) (session.Value, error) {
		step, _ := in[0].Int64()
		return session.Float64(lossAt(step)), nil
	}, "w+1")
	e.Node("weights", func(_ context.Context, in []session.Value) (session.Value, error) {
		step, _ := in[0].Int64()
		return session.TensorOf([]float32{1, 2, float32(step)}), nil
	}, "w+1")
	e.Train(session.TrainOp, "learn")
	return e
}

// A tellingSaver tells of each checkpoint.
type tellingSaver struct{ *checkpoint.Saver }

func (s tellingSaver) Save(ctx context.Context, open session.Session, prefix string, step int64) (string, error) {
	path, err := s.Saver.Save(ctx, open, prefix, step)
	if err == nil {
		fmt.Printf("saved %d\n", step)
	}
	return path, err
}
