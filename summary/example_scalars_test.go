package summary_test

import (
	"fmt"
	"log"
	"log/slog"
	"math"
	"os"
	"path/filepath"

	"github.com/runhook/runhook/summary"
)

// stdout returns a writer that prints what it writes. For TensorBoard there is
// summary.NewFileWriter, which has the same methods.
func stdout() *summary.Writer { return summary.NewWriter(stdoutSink()) }

func stdoutSink() summary.Sink {
	onlyValues := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
			return slog.Attr{}
		}
		return a
	}
	handler := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: onlyValues})
	return summary.NewSlogSink(slog.New(handler), slog.LevelInfo)
}

func ExampleWriter_Scalar() {
	w := stdout()
	for step := range int64(3) {
		if err := w.Scalar("loss", 1/float64(step+1), step); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// step=0 loss=1
	// step=1 loss=0.5
	// step=2 loss=0.33333334
}

// Several tags in one event cost less than an event each.
func ExampleWriter_Scalars() {
	w := stdout()
	if err := w.Scalars(map[string]float64{"loss": 0.25, "accuracy": 0.875}, 100); err != nil {
		log.Fatal(err)
	}
	// Output: step=100 accuracy=0.875 loss=0.25
}

// TensorBoard draws float32. All 64 bits stand beside that, for package eventlog
// and other programs.
func ExampleWriter_ExactScalar() {
	w := stdout()
	if err := w.ExactScalar("energy", 1700000000.123456, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 energy=1.7e+09 energy/float64=tensor
}

// A chart has a name of its own and an explanation in Markdown.
func ExampleValue_Described() {
	w := stdout()
	loss := summary.ScalarValue("loss", 0.5).Described("cross entropy", "Of the *test* set.")
	if err := w.Add(7, loss, summary.ScalarValue("rate", 0.125)); err != nil {
		log.Fatal(err)
	}
	// Output: step=7 loss=0.5 rate=0.125
}

func ExampleWriter_Scope() {
	w := stdout()
	w.SetStep(3)
	train := w.Scope("train")
	if err := train.Scalar("loss", 0.5, summary.CurrentStep); err != nil {
		log.Fatal(err)
	}
	// Output: step=3 train/loss=0.5
}

// Slices of numbers and tensors have distributions. NaN and infinities are left
// out, and counted by NonFinite.
func ExampleWriter_Histogram() {
	w := stdout()
	weights := []float32{-1, 0, 0.25, 2.5, float32(math.NaN())}
	if err := w.Histogram("weights", weights, 1); err != nil {
		log.Fatal(err)
	}
	if err := w.NonFinite("weights/non_finite", weights, 1); err != nil {
		log.Fatal(err)
	}
	// Output:
	// step=1 weights="4 numbers from -1 to 2.5"
	// step=1 weights/non_finite=1
}

// What was counted elsewhere comes with its buckets.
func ExampleWriter_HistogramRaw() {
	w := stdout()
	lengths := []summary.Bucket{{Left: 0, Right: 10, Count: 7}, {Left: 10, Right: 100, Count: 2}}
	if err := w.HistogramRaw("lengths", lengths, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 lengths="9 numbers from 0 to 100"
}

// How good the answers of a classifier are at each threshold.
func ExampleWriter_PRCurve() {
	w := stdout()
	labels := []bool{true, false, true, false}
	predictions := []float32{0.9, 0.4, 0.6, 0.1}
	if err := w.PRCurve("test", labels, predictions, summary.PRCurveOptions{}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 test=pr_curve
}

// One run says what the table of trials has; each trial is a run with its own
// values, metrics and end.
func ExampleWriter_HParamsStart() {
	all := stdout()
	if err := all.HParamsExperiment(summary.HParamsExperiment{
		HParams: []summary.HParamInfo{{Name: "rate", Min: 0.001, Max: 1}, {Name: "optimizer", Values: []any{"sgd", "adam"}}},
		Metrics: []summary.HParamMetric{{Tag: "accuracy"}},
	}); err != nil {
		log.Fatal(err)
	}

	trial := stdout()
	if err := trial.HParamsStart(summary.HParamsStart{HParams: summary.HParams{"rate": 0.1, "optimizer": "adam"}}); err != nil {
		log.Fatal(err)
	}
	if err := trial.Scalar("accuracy", 0.875, 100); err != nil {
		log.Fatal(err)
	}
	if err := trial.HParamsEnd(summary.StatusSuccess); err != nil {
		log.Fatal(err)
	}
	// Output:
	// step=0 _hparams_/experiment=hparams
	// step=0 _hparams_/session_start_info=hparams
	// step=100 accuracy=0.875
	// step=0 _hparams_/session_end_info=hparams
}

// Lines and a line with a band, of scalars that any run writes.
func ExampleWriter_CustomScalars() {
	w := stdout()
	if err := w.CustomScalars(summary.Layout{Categories: []summary.LayoutCategory{{
		Title: "losses",
		Charts: []summary.LayoutChart{
			{Title: "all", Tags: []string{"loss/.*"}},
			{Title: "median", Bands: []summary.LayoutBand{{Value: "loss/median", Lower: "loss/low", Upper: "loss/high"}}},
		},
	}}}, 0); err != nil {
		log.Fatal(err)
	}
	// Output: step=0 custom_scalars__config__=custom_scalars
}

// A run for each line of a chart.
func ExampleRunWriters() {
	dir, err := os.MkdirTemp("", "runs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	runs, err := summary.NewRunWriters(dir, summary.RunWritersConfig{})
	if err != nil {
		log.Fatal(err)
	}
	for step := range int64(10) {
		if err := runs.Scalars("loss", map[string]float64{"train": 0.5, "test": 0.625}, step); err != nil {
			log.Fatal(err)
		}
	}
	if err := runs.Close(); err != nil {
		log.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(dir, "*", "events.out.tfevents.*"))
	fmt.Println(len(files), "event files,", err)
	// Output: 2 event files, <nil>
}
