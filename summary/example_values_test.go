package summary_test

import (
	"fmt"
	"image"
	"log"
	"math"
	"time"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// write writes a value, as all that makes one returns it.
func write(v summary.Value, err error) { writeAll([]summary.Value{v}, err) }

func writeAll(values []summary.Value, err error) {
	if err == nil {
		err = stdout().Add(1, values...)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// Values are made in one place and written in another; several of a step in one
// event.
func ExampleWriter_Add() {
	loss := summary.ScalarValue("loss", 0.5)
	rate := summary.ScalarValue("rate", 0.125)
	if err := stdout().Add(7, loss, rate); err != nil {
		log.Fatal(err)
	}
	// Output: step=7 loss=0.5 rate=0.125
}

func ExampleScalarValue() {
	v := summary.ScalarValue("loss", 0.25)
	fmt.Println(v.Tag())
	write(v, nil)
	// Output:
	// loss
	// step=1 loss=0.25
}

func ExampleExactScalarValues() {
	writeAll(summary.ExactScalarValues("energy", 1700000000.123456))
	// Output: step=1 energy=1.7e+09 energy/float64=tensor
}

func ExampleHistogramValue() {
	write(summary.HistogramValue("weights", []float32{-1, 0, 0.25, 2.5}), nil)
	// Output: step=1 weights="4 numbers from -1 to 2.5"
}

func ExampleHistogramBucketsValue() {
	losses := []float64{0.1, 0.4, 0.2, 1.5, 0.3, 0.2}
	write(summary.HistogramBucketsValue("losses", losses, summary.BucketsSturges))
	// Output: step=1 losses="6 numbers from 0.1 to 1.5"
}

func ExampleHistogramRawValue() {
	write(summary.HistogramRawValue("lengths", []summary.Bucket{{Left: 0, Right: 10, Count: 7}, {Left: 10, Right: 100, Count: 2}}))
	// Output: step=1 lengths="9 numbers from 0 to 100"
}

func ExampleHistogramV1Value() {
	write(summary.HistogramV1Value("weights", []float32{-1, 0, 0.25, 2.5}), nil)
	// Output: step=1 weights="4 numbers from -1 to 2.5"
}

func ExampleNonFiniteValue() {
	gradients := []float32{0.5, float32(math.NaN()), float32(math.Inf(1))}
	write(summary.NonFiniteValue("gradients/non_finite", gradients), nil)
	// Output: step=1 gradients/non_finite=2
}

func ExampleImageValue() {
	write(summary.ImageValue("sunrise", sunrise(12)))
	// Output: step=1 sunrise="1 picture of 32x24"
}

func ExampleImagesValue() {
	write(summary.ImagesValue("sunrises", sunrise(20), sunrise(12)))
	// Output: step=1 sunrises="2 pictures of 32x24"
}

func ExampleImageBoxesValue() {
	write(summary.ImageBoxesValue("found", sunrise(12), summary.Box{XMin: 10, YMin: 6, XMax: 22, YMax: 18, Label: "sun"}))
	// Output: step=1 found="1 picture of 32x24"
}

func ExampleEncodedImagesValue() {
	write(summary.EncodedImagesValue("photos", photo(20), photo(12)))
	// Output: step=1 photos="2 pictures of 32x24"
}

func ExampleFigureValue() {
	write(summary.FigureValue("drawing", drawing{height: 12}))
	// Output: step=1 drawing="1 picture of 32x24"
}

func ExampleVideoValue() {
	write(summary.VideoValue("sunrise", summary.Animation{Frames: []image.Image{sunrise(20), sunrise(12)}, FPS: 2}))
	// Output: step=1 sunrise="1 picture of 32x24"
}

func ExampleAudioValue() {
	write(summary.AudioValue("notes", tone(440), tone(660)))
	// Output: step=1 notes="2 clips"
}

func ExampleAudioV1Value() {
	write(summary.AudioV1Value("a", tone(440)))
	// Output: step=1 a="1 clip"
}

func ExampleTextValue() {
	write(summary.TextValue("notes", "the *third* attempt"))
	// Output: step=1 notes="the *third* attempt"
}

func ExampleTextTableValue() {
	write(summary.TextTableValue("layers", [][]string{{"layer", "units"}, {"hidden", "**64**"}}))
	// Output: step=1 layers="layer | units | hidden | **64**"
}

func ExampleTensorValue() {
	confusion := session.Tensor{Shape: []int{2, 2}, Data: []int64{90, 10, 3, 97}}
	write(summary.TensorValue("confusion", summary.Plugin{Name: "confusion_matrix"}, confusion))
	// Output: step=1 confusion=tensor
}

func ExamplePRCurveValue() {
	write(summary.PRCurveValue("test", []bool{true, false, true}, []float64{0.9, 0.4, 0.6}, summary.PRCurveOptions{NumThresholds: 11}))
	// Output: step=1 test=pr_curve
}

func ExamplePRCurveRawValue() {
	write(summary.PRCurveRawValue("test", summary.PRCurvePoints{
		TruePositives: []float64{2, 1}, FalsePositives: []float64{3, 0}, TrueNegatives: []float64{0, 3}, FalseNegatives: []float64{0, 1},
		Precision: []float64{0.4, 1}, Recall: []float64{1, 0.5},
	}))
	// Output: step=1 test=pr_curve
}

func ExampleMeshValues() {
	points := [][3]float32{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}
	writeAll(summary.MeshValues("cloud", summary.MeshData{Vertices: points}))
	// Output: step=1 cloud_VERTEX=mesh
}

func ExampleCustomScalarsValue() {
	write(summary.CustomScalarsValue(summary.Layout{Categories: []summary.LayoutCategory{{
		Title: "losses", Charts: []summary.LayoutChart{{Title: "all", Tags: []string{"loss/.*"}}},
	}}}))
	// Output: step=1 custom_scalars__config__=custom_scalars
}

func ExampleHParamsExperimentValue() {
	write(summary.HParamsExperimentValue(summary.HParamsExperiment{
		HParams: []summary.HParamInfo{{Name: "rate", Min: 0.001, Max: 1}},
		Metrics: []summary.HParamMetric{{Tag: "accuracy"}},
	}))
	// Output: step=1 _hparams_/experiment=hparams
}

func ExampleHParamsStartValue() {
	write(summary.HParamsStartValue(summary.HParamsStart{HParams: summary.HParams{"rate": 0.1, "augment": true}}))
	// Output: step=1 _hparams_/session_start_info=hparams
}

func ExampleHParamsEndValue() {
	write(summary.HParamsEndValue(summary.StatusFailure, time.Now()))
	// Output: step=1 _hparams_/session_end_info=hparams
}

// What a traced run has told; a session hands it out, see Writer.AddGraph.
func ExampleRunMetadataValue() {
	traced := session.RunMetadata{Nodes: []session.NodeStats{{Name: "loss/square", Start: time.Now(), Duration: time.Millisecond}}}
	write(summary.RunMetadataValue("first run", &traced))
	// Output: step=1 "first run"=run_metadata
}

func ExampleKerasModelValue() {
	write(summary.KerasModelValue("model", kerasModel))
	// Output: step=1 model=graph
}

func ExampleValue_Proto() {
	message, err := summary.ScalarValue("loss", 0.25).Proto()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message.GetTag(), message.GetSimpleValue(), message.GetMetadata().GetPluginData().GetPluginName())
	// Output: loss 0.25 scalars
}
