package e2e

import (
	"context"
	"image"
	"image/color"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
)

// TestEveryReaderShowsWhatWeWrite is TestEveryReaderShows for our own writers.
func TestEveryReaderShowsWhatWeWrite(t *testing.T) {
	for _, test := range []struct {
		name  string
		write func(t *testing.T, dir string)
		shown []shown
	}{
		{
			name:  "Scalars of a FileWriter",
			write: writing(writeScalars),
			shown: []shown{
				{
					tag: "loss", plugin: "scalars", steps: []int64{0, 1, 2, 3, 4, 5},
					values: []float64{0.25, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.Inf(1)},
				},
				{tag: "größe/日本", plugin: "scalars", steps: []int64{-5, math.MaxInt64}, values: []float64{1, 2}},
			},
		},
		{
			name:  "Histograms of a FileWriter",
			write: writing(writeHistograms),
			shown: []shown{
				{tag: "empty", plugin: "histograms", steps: []int64{0}, values: [][][3]float64{{}}},
				{tag: "one value", plugin: "histograms", steps: []int64{0}, values: [][][3]float64{{{3, 3, 2}}}},
				{
					tag: "not finite", plugin: "histograms", steps: []int64{0},
					values: [][][3]float64{{{-1, -0.917246389039776, 1}, {-0.917246389039776, 0, 0}, {0, 0, 1}}},
				},
				{tag: "all kinds", plugin: "histograms", steps: []int64{0, 1, 2, 3, 4, 5}},
			},
		},
		{
			name:  "Pictures of a FileWriter",
			write: writing(writeImages),
			shown: []shown{
				{tag: "grey", plugin: "images", steps: []int64{0}},
				{tag: "opaque", plugin: "images", steps: []int64{0, 7}},
				{tag: "transparent", plugin: "images", steps: []int64{0}},
			},
		},
		{
			name: "A saver hook every 8 steps",
			write: func(t *testing.T, dir string) {
				train(t, dir, 0, 30, 8, summary.Scalar("loss", "loss"), summary.Histogram("weights", "weights"))
			},
			shown: []shown{
				{tag: "loss", plugin: "scalars", steps: []int64{1, 9, 17, 25}, values: []float64{1, 1. / (1 << 8), 1. / (1 << 16), 1. / (1 << 24)}},
				{tag: "weights", plugin: "histograms", steps: []int64{1, 9, 17, 25}},
			},
		},
		{
			// The second session begins again at step 20: what the first wrote after
			// that is dropped, and nothing else. (Scalars and pictures: of tensors, such
			// as histograms, EventAccumulator drops nothing, whoever wrote them.)
			name: "A session that goes back in the same directory",
			write: func(t *testing.T, dir string) {
				train(t, dir, 0, 40, 8, twoScalars...)
				train(t, dir, 20, 40, 8, twoScalars...)
			},
			shown: []shown{
				{tag: "loss", plugin: "scalars", steps: []int64{1, 9, 17, 21, 29, 37}},
				{tag: "step", plugin: "scalars", steps: []int64{1, 9, 17, 21, 29, 37}},
			},
		},
		{
			name: "Three sessions in the same directory, each from the beginning",
			write: func(t *testing.T, dir string) {
				train(t, dir, 0, 10, 2, twoScalars...)
				train(t, dir, 0, 10, 2, twoScalars...)
				train(t, dir, 0, 10, 2, twoScalars...)
			},
			shown: []shown{
				{tag: "loss", plugin: "scalars", steps: []int64{1, 3, 5, 7, 9}},
				{tag: "step", plugin: "scalars", steps: []int64{1, 3, 5, 7, 9}},
			},
		},
		{
			name: "A directory that another writer began",
			write: func(t *testing.T, dir string) {
				recorded("tf2_scalar")(t, filepath.Join(dir, "other"))
				train(t, filepath.Join(dir, "ours"), 0, 4, 2, twoScalars...)
			},
			shown: []shown{
				{run: "ours", tag: "loss", plugin: "scalars", steps: []int64{1, 3}},
				{run: "ours", tag: "step", plugin: "scalars", steps: []int64{1, 3}},
				{run: "other", tag: "loss", plugin: "scalars"},
				{run: "other", tag: "step/negative", plugin: "scalars"},
				{run: "other", tag: "step/most_negative", plugin: "scalars"},
				{run: "other", tag: "step/beyond_2_53", plugin: "scalars"},
				{run: "other", tag: "step/largest", plugin: "scalars"},
				{run: "other", tag: "described", plugin: "scalars", description: "<p>A <em>scalar</em></p>"},
				{run: "other", tag: "int", plugin: "scalars"},
				{run: "other", tag: "f64", plugin: "scalars"},
				{run: "other", tag: "f16", plugin: "scalars"},
				{run: "other", tag: "bool", plugin: "scalars"},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.write(t, dir)
			requireShown(t, dir, test.shown)
		})
	}
}

// writing opens a writer on the directory for write.
func writing(write func(t *testing.T, w *summary.FileWriter)) func(t *testing.T, dir string) {
	return func(t *testing.T, dir string) {
		w, err := summary.NewFileWriter(dir, summary.FileWriterConfig{})
		require.NoError(t, err)
		write(t, w)
		require.NoError(t, w.Close())
	}
}

func writeScalars(t *testing.T, w *summary.FileWriter) {
	for step, v := range []float64{0.25, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64} {
		require.NoError(t, w.Scalar("loss", v, int64(step)))
	}
	require.NoError(t, w.Scalar("größe/日本", 1, -5))
	require.NoError(t, w.Scalar("größe/日本", 2, math.MaxInt64))
}

func writeHistograms(t *testing.T, w *summary.FileWriter) {
	require.NoError(t, w.Histogram("empty", []float32{}, 0))
	require.NoError(t, w.Histogram("one value", []float32{3, 3}, 0))
	require.NoError(t, w.Histogram("not finite", []float64{math.NaN(), -1, math.Inf(1), 0, math.Inf(-1)}, 0))
	for step, values := range []any{
		[]float32{1, 2}, []float64{-1e300, 1e300}, []int{1, -2}, []int32{1, 2}, []int64{math.MinInt64, math.MaxInt64}, []uint8{0, 255},
	} {
		require.NoError(t, w.Histogram("all kinds", values, int64(step)))
	}
}

func writeImages(t *testing.T, w *summary.FileWriter) {
	bounds := image.Rect(0, 0, 5, 3)
	opaque := image.NewRGBA(bounds)
	for i := range opaque.Pix {
		opaque.Pix[i] = 255
	}
	opaque.Set(1, 2, color.RGBA{R: 200, G: 100, A: 255})
	require.NoError(t, w.Image("grey", image.NewGray(bounds), 0))
	require.NoError(t, w.Image("opaque", opaque, 0))
	require.NoError(t, w.Image("opaque", opaque, 7))
	require.NoError(t, w.Image("transparent", image.NewNRGBA(bounds), 0))
}

var twoScalars = []summary.Op{summary.Scalar("loss", "loss"), summary.Scalar("step", session.GlobalStepName)}

// train runs steps from+1 to last, as a job does that was restored at step
// from, with a saver on dir for each op.
func train(t *testing.T, dir string, from, last, every int64, ops ...summary.Op) {
	t.Helper()
	g := lossGraph(from)
	restore := &session.HookFuncs{OnAfterCreateSession: func(ctx context.Context, s session.Session, _ *session.Coordinator) error {
		_, err := session.Eval(ctx, s, "restore")
		return err
	}}
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: last})
	require.NoError(t, err)
	attached := []session.SessionRunHook{restore, stop}
	for _, op := range ops {
		saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{SaveSteps: every, OutputDir: dir, SummaryOp: op})
		require.NoError(t, err)
		attached = append(attached, saver)
	}
	config := session.Config{Engine: g, Hooks: attached}
	require.NoError(t, session.With(t.Context(), config, func(s *session.MonitoredSession) error {
		for _, err := range s.Steps(t.Context(), session.TrainOp) {
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// lossGraph is an engine whose op "restore" sets the global step to from.
func lossGraph(from int64) *graph.Graph {
	g := graph.New()
	g.CreateGlobalStep()
	g.Node("from", func(context.Context, []session.Value) (session.Value, error) { return session.Int64(from), nil })
	g.Assign("restore", session.GlobalStepName, "from")
	g.Node("loss", func(_ context.Context, in []session.Value) (session.Value, error) {
		step, _ := in[0].Int64()
		return session.Float64(math.Exp2(-float64(step))), nil
	}, session.GlobalStepName)
	g.Node("weights", func(_ context.Context, in []session.Value) (session.Value, error) {
		step, _ := in[0].Int64()
		return session.TensorOf([]float32{1, float32(step)}), nil
	}, session.GlobalStepName)
	g.Train(session.TrainOp)
	return g
}
