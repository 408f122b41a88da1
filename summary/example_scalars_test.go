package summary_test

import (
	"fmt"
	"log"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

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

// A step that is set once serves all that is written at it.
func ExampleWriter_SetStep() {
	w := stdout()
	for step := range int64(2) {
		w.SetStep(step)
		if err := w.Scalar("loss", 1/float64(step+1), summary.CurrentStep); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// step=0 loss=1
	// step=1 loss=0.5
}

// What happened earlier has its own time.
func ExampleWriter_At() {
	w := stdout()
	measured := time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)
	if err := w.At(measured).Scalar("temperature", 21.5, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 temperature=21.5
}

// Slices of numbers and tensors have distributions.
func ExampleWriter_Histogram() {
	w := stdout()
	if err := w.Histogram("weights", []float32{-1, 0, 0.25, 2.5}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 weights="4 numbers from -1 to 2.5"
}

// Histograms leave out NaN and infinities; these are how many.
func ExampleWriter_NonFinite() {
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

// Buckets of equal width: a number of them, or as many as a rule of NumPy's makes.
func ExampleWriter_HistogramBuckets() {
	w := stdout()
	losses := []float64{0.1, 0.4, 0.2, 1.5, 0.3, 0.2}
	if err := w.HistogramBuckets("losses/ten", losses, 10, 1); err != nil {
		log.Fatal(err)
	}
	if err := w.HistogramBuckets("losses/auto", losses, summary.BucketsAuto, 1); err != nil {
		log.Fatal(err)
	}
	// Output:
	// step=1 losses/ten="6 numbers from 0.1 to 1.5"
	// step=1 losses/auto="6 numbers from 0.1 to 1.5"
}

// One outlier would get millions of buckets by this rule.
func ExampleBuckets_AtMost() {
	v, err := summary.HistogramBucketsValue("gradients", []float64{1, 2, 3, 4, 5, 6, 1e9}, summary.BucketsFD.AtMost(100))
	if err != nil {
		log.Fatal(err)
	}
	message, err := v.Proto()
	fmt.Println(message.GetTensor().GetTensorShape().GetDim()[0].GetSize(), "buckets", err)
	// Output: 100 buckets <nil>
}

// The form of TensorFlow's first API, for tools that know no other.
func ExampleWriter_HistogramV1() {
	w := stdout()
	if err := w.HistogramV1("weights", []float32{-1, 0, 0.25, 2.5}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 weights="4 numbers from -1 to 2.5"
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

// What was counted elsewhere, at each threshold from low to high.
func ExampleWriter_PRCurveRaw() {
	w := stdout()
	if err := w.PRCurveRaw("test", summary.PRCurvePoints{
		TruePositives: []float64{2, 1}, FalsePositives: []float64{3, 0}, TrueNegatives: []float64{0, 3}, FalseNegatives: []float64{0, 1},
		Precision: []float64{0.4, 1}, Recall: []float64{1, 0.5},
	}, 1); err != nil {
		log.Fatal(err)
	}
	// Output: step=1 test=pr_curve
}

// The columns of the table of trials, their domains, and the metrics.
func ExampleWriter_HParamsExperiment() {
	w := stdout()
	if err := w.HParamsExperiment(summary.HParamsExperiment{
		HParams: []summary.HParamInfo{{Name: "rate", Min: 0.001, Max: 1}, {Name: "optimizer", Values: []any{"sgd", "adam"}}},
		Metrics: []summary.HParamMetric{{Tag: "accuracy"}},
	}); err != nil {
		log.Fatal(err)
	}
	// Output: step=0 _hparams_/experiment=hparams
}

// A trial that ends says how.
func ExampleWriter_HParamsEnd() {
	w := stdout()
	status := summary.StatusSuccess
	if diverged := true; diverged {
		status = summary.StatusFailure
	}
	if err := w.HParamsEnd(status); err != nil {
		log.Fatal(err)
	}
	// Output: step=0 _hparams_/session_end_info=hparams
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

// A curve over epochs, with 1000 steps each: TensorBoard's axis reads 0.5k, 1k …
func ExampleFixedStep() {
	w := stdout()
	const epochs, batches = 2, 2
	loss := 1.0
	for epoch := range epochs {
		for batch := range batches {
			loss /= 2
			done := float64(epoch) + float64(batch+1)/batches
			step, err := summary.FixedStep(done, 1000)
			if err != nil {
				log.Fatal(err)
			}
			if err := w.Scalar("loss", loss, step); err != nil {
				log.Fatal(err)
			}
		}
	}
	// Output:
	// step=500 loss=0.5
	// step=1000 loss=0.25
	// step=1500 loss=0.125
	// step=2000 loss=0.0625
}
