package cli_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

// epochs makes runs whose epochs have 4 and 2 steps, and one that tells none.
func epochs(t *testing.T) {
	t.Chdir(t.TempDir())
	for run, steps := range map[string]int64{"a": 4, "b": 2, "c": 100} {
		w, err := summary.NewFileWriter(filepath.Join("runs", run), summary.FileWriterConfig{})
		require.NoError(t, err)
		at := w.At(time.Unix(100, 0))
		for step := range int64(10) {
			require.NoError(t, at.Scalar("loss", float64(10-step), step))
			if step > 0 && step%steps == 0 {
				require.NoError(t, at.Scalar("epoch", float64(step/steps), step))
			}
		}
		require.NoError(t, w.Close())
	}
}

func TestCurvesAreDrawnOverAScalar(t *testing.T) {
	epochs(t)
	r := command(t, "show", "runs", "--x", "epoch", "--height", "5", "--width", "40")
	require.Zero(t, r.status)
	require.Equal(t, "runhook: run \"c\" has no \"epoch\" and is left out\n", r.err)
	require.True(t, strings.HasPrefix(r.out, "loss\n"), "and no chart of the epoch:\n%s", r.out)
	require.Regexp(t, `(?m)^ +1 +2 +3 +epoch$`, r.out)
	require.Contains(t, r.out, "a  1 at step 9, 5 without epoch\n")
	require.Contains(t, r.out, "b  1 at step 9, 3 without epoch\n")

	r = command(t, "show", "runs", "--run", "a", "--tag", "loss", "--x", "epoch", "--steps", "3:6", "--json")
	require.Equal(t, result{status: 0, out: `[
  {
    "run": "a",
    "tag": "loss",
    "steps": [
      4,
      5,
      6
    ],
    "wall_times": [
      100,
      100,
      100
    ],
    "values": [
      6,
      5,
      4
    ],
    "x": [
      1,
      1.25,
      1.5
    ]
  }
]
`}, r)
	require.Equal(t, "runhook: --x \"epochs\": no run has a scalar of this tag\n", command(t, "show", "runs", "--x", "epochs").err)
	require.Equal(t, "runhook: --x \"\", want step, relative, time or the tag of a scalar\n", command(t, "show", "runs", "--x", "").err)
	require.Contains(t, command(t, "show", "runs", "--run", "c", "--x", "epoch").err, "no run has a scalar of this tag")
	require.Contains(t, succeeds(t, "show", "runs", "--run", "a", "--x", "epoch", "--steps", "0:2"), "nothing to draw")
	require.Contains(t, succeeds(t, "show", "runs", "--run", "a", "--x", "epoch", "--steps", "0:2", "--smooth", "0.5"), "nothing to draw")
}

func TestTheAxisHasAChartOnlyIfItIsChosen(t *testing.T) {
	epochs(t)
	require.NotRegexp(t, `(?m)^epoch$`, succeeds(t, "show", "runs", "--run", "a", "--x", "epoch"))
	require.Regexp(t, `(?m)^epoch$`, succeeds(t, "show", "runs", "--run", "a", "--x", "epoch", "--tag", "epoch", "--tag", "loss"))
	require.Contains(t, succeeds(t, "show", "runs", "--run", "a", "--x", "epoch", "--tag", "epoch"), "a  2 at step 8\n")
}

func TestPointsWhoseAxisIsNotFiniteAreLeftOutAndCounted(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "runs/a", first, func(w *summary.FileWriter) {
		for step, epoch := range []float64{0, 1, math.Inf(1), 3, math.NaN(), 5} {
			must(t, w.Scalar("loss", 1, int64(step)))
			must(t, w.Scalar("epoch", epoch, int64(step)))
		}
	})
	require.Contains(t, succeeds(t, "show", "runs", "--x", "epoch"), "a  1 at step 5, 2 without epoch\n")
	var curves []struct{ X, Values []float64 }
	require.NoError(t, json.Unmarshal([]byte(succeeds(t, "show", "runs", "--x", "epoch", "--json")), &curves))
	require.Equal(t, []float64{0, 1, 3, 5}, curves[0].X)
	require.Len(t, curves[0].Values, 4)
}

func TestTheShellIsOfferedScalarsForTheAxis(t *testing.T) {
	logdir(t)
	require.Equal(t, "step\nrelative\ntime\naccuracy\nloss\n:4\n", command(t, "__complete", "show", "runs", "--x", "").out)
	require.Equal(t, "accuracy\nloss\n:4\n", command(t, "__complete", "export", "runs", "--x", "").out)
	require.Contains(t, command(t, "__complete", "export", "runs", "--tag", "").out, "samples/in\n")
}

func TestRowsTellWhereStepsAreOnTheAxisOfAScalar(t *testing.T) {
	epochs(t)
	require.Equal(t, `run,tag,step,wall_time,value,x
a,loss,3,100,7,
a,loss,4,100,6,1
a,epoch,4,100,1,1
a,loss,5,100,5,1.25
c,loss,3,100,7,
c,loss,4,100,6,
c,loss,5,100,5,
`, succeeds(t, "export", "runs", "--run", "a", "--run", "c", "--x", "epoch", "--steps", "3:5"))
	require.Equal(t, []string{
		`{"run":"b","step":1,"wall_time":100,"tag":"loss","kind":"scalar","plugin":"scalars","value":9}`,
		`{"run":"b","step":2,"x":1,"wall_time":100,"tag":"loss","kind":"scalar","plugin":"scalars","value":8}`,
		`{"run":"b","step":3,"x":1.5,"wall_time":100,"tag":"loss","kind":"scalar","plugin":"scalars","value":7}`,
	}, strings.Split(strings.TrimSpace(succeeds(t, "export", "runs", "--run", "b", "--tag", "loss", "--x", "epoch", "--steps", "1:3", "--json")), "\n"))
	for format, out := range map[string]string{"parquet": "out.parquet", "files": "out"} {
		r := command(t, "export", "runs", "--x", "epoch", "--format", format, "-o", out)
		require.Equal(t, result{status: 2, err: "runhook: --x \"epoch\", want csv or ndjson for it, not " + format + "\n"}, r)
	}
	r := command(t, "export", "runs", "--x", "epochs", "-o", "out.csv")
	require.Equal(t, result{status: 2, err: "runhook: --x \"epochs\": no run has a scalar of this tag\n"}, r)
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing half done")
}

func TestFollowedCurvesAreDrawnOverAScalar(t *testing.T) {
	epochs(t)
	screen := tty
	screen.NoColor = true
	chart := follow(t, screen, "show", "runs", "--follow", "--interval", "1ms", "--run", "a", "--x", "epoch")
	chart.until(t, "\x1b[H", "loss\x1b[K", "epoch\x1b[K", "a  1 at step 9, 5 without epoch")
	chart.end(t)
	require.Equal(t, result{status: 2, err: "runhook: --x \"epoch\" with --follow draws; with --json the points are printed as they come\n"},
		command(t, "show", "runs", "--follow", "--x", "epoch", "--json"))
}
