package summary_test

import (
	"context"
	"fmt"
	"image"
	"log"
	"math"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// Every kind has an op. It names what it is made of, which the hook fetches on the
// runs that record; what only an op needs, a graph computes only then.
func ExampleMerge() {
	g := graph.New()
	g.CreateGlobalStep()
	value := func(name string, v session.Value) {
		g.Node(name, func(context.Context, []session.Value) (session.Value, error) { return v, nil })
	}
	value("loss", session.Float64(0.5))
	value("layer/weights", session.TensorOf([]float32{-1, 0, 1}))
	value("batch", session.TensorOf(make([]uint8, 3*8*8*1), 3, 8, 8, 1))
	value("frames", session.Any(summary.Animation{Frames: []image.Image{sunrise(20), sunrise(10)}}))
	value("plot", session.Any(drawing{height: 12}))
	value("sound", session.TensorOf(make([]float32, 800), 1, 800))
	value("note", session.String("all is *well*"))
	value("labels", session.TensorOf([]bool{true, false}))
	value("predictions", session.TensorOf([]float32{0.75, 0.5}))
	g.Train(session.TrainOp)

	op := summary.Merge(
		summary.Scalar("loss", "loss"),
		summary.Histogram("layer/weights", "layer/weights"),
		summary.Image("input", "batch", 1),
		summary.Video("video", "frames"),
		summary.Figure("figure", "plot"),
		summary.Audio("sound", "sound", 16000, 1),
		summary.Text("note", "note"),
		summary.PRCurve("test", "labels", "predictions", "", 0),
	)
	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 100, SummaryWriter: stdoutSink(), SummaryOp: op, // or OutputDir instead of SummaryWriter
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	config := session.Config{Engine: g, Hooks: []session.SessionRunHook{saver}}
	err = session.With(ctx, config, func(s *session.MonitoredSession) error {
		_, err := s.Run(ctx, session.TrainOp)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: step=1 loss=0.5 layer/weights="3 numbers from -1 to 1" input/image="1 picture of 8x8" video="1 picture of 32x24" figure="1 picture of 32x24" sound/audio="1 clip" note="all is *well*" test=pr_curve
}

// record records what an op makes of fetched values, as a hook does.
func record(op summary.Op, values map[string]session.Value) {
	g := graph.New()
	g.CreateGlobalStep()
	for name, v := range values {
		g.Node(name, func(context.Context, []session.Value) (session.Value, error) { return v, nil })
	}
	g.Train(session.TrainOp)
	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{SaveSteps: 1, SummaryWriter: stdoutSink(), SummaryOp: op})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	err = session.With(ctx, session.Config{Engine: g, Hooks: []session.SessionRunHook{saver}}, func(s *session.MonitoredSession) error {
		_, err := s.Run(ctx, session.TrainOp)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleScalar() {
	record(summary.Scalar("loss", "loss"), map[string]session.Value{"loss": session.Float64(0.25)})
	// Output: step=1 loss=0.25
}

func ExampleExactScalar() {
	record(summary.ExactScalar("energy", "energy"), map[string]session.Value{"energy": session.Float64(1700000000.123456)})
	// Output: step=1 energy=1.7e+09 energy/float64=tensor
}

func ExampleHistogram() {
	record(summary.Histogram("layer/weights", "weights"), map[string]session.Value{"weights": session.TensorOf([]float32{-1, 0, 0.25, 2.5}, 2, 2)})
	// Output: step=1 layer/weights="4 numbers from -1 to 2.5"
}

// A number of buckets, or a rule of NumPy's.
func ExampleHistogramBuckets() {
	losses := session.TensorOf([]float32{0.5, 0.75, 0.5, 1.5, 0.25, 0.125})
	record(summary.Merge(
		summary.HistogramBuckets("losses/thirty", "losses", 30),
		summary.HistogramBuckets("losses/auto", "losses", summary.BucketsAuto),
	), map[string]session.Value{"losses": losses})
	// Output: step=1 losses/thirty="6 numbers from 0.125 to 1.5" losses/auto="6 numbers from 0.125 to 1.5"
}

func ExampleHistogramRaw() {
	lengths := []summary.Bucket{{Left: 0, Right: 10, Count: 7}, {Left: 10, Right: 100, Count: 2}}
	record(summary.HistogramRaw("lengths", "lengths"), map[string]session.Value{"lengths": session.Any(lengths)})
	// Output: step=1 lengths="9 numbers from 0 to 100"
}

func ExampleHistogramV1() {
	record(summary.HistogramV1("weights", "weights"), map[string]session.Value{"weights": session.TensorOf([]float32{-1, 0, 0.25, 2.5})})
	// Output: step=1 weights="4 numbers from -1 to 2.5"
}

func ExampleNonFinite() {
	gradients := session.TensorOf([]float32{0.5, float32(math.NaN()), float32(math.Inf(1))})
	record(summary.NonFinite("gradients/non_finite", "gradients"), map[string]session.Value{"gradients": gradients})
	// Output: step=1 gradients/non_finite=2
}

// A batch is of shape [pictures, height, width, channels]. Each picture has a tag of
// its own.
func ExampleImage() {
	batch := session.TensorOf(make([]float32, 16*28*28), 16, 28, 28, 1)
	record(summary.Image("input", "batch", 2), map[string]session.Value{"batch": batch})
	// Output: step=1 input/image/0="1 picture of 28x28" input/image/1="1 picture of 28x28"
}

// All pictures have one tag.
func ExampleImages() {
	batch := session.TensorOf(make([]uint8, 16*28*28), 16, 28, 28, 1)
	record(summary.Images("input", "batch", 4), map[string]session.Value{"batch": batch})
	// Output: step=1 input="4 pictures of 28x28"
}

func ExampleImageBoxes() {
	boxes := []summary.Box{{XMin: 10, YMin: 6, XMax: 22, YMax: 18, Label: "sun"}}
	record(summary.ImageBoxes("found", "picture", "boxes"), map[string]session.Value{
		"picture": session.Any(sunrise(12)), "boxes": session.Any(boxes),
	})
	// Output: step=1 found="1 picture of 32x24"
}

func ExampleEncodedImages() {
	record(summary.EncodedImages("photos", "photos"), map[string]session.Value{"photos": session.Any([][]byte{photo(20), photo(12)})})
	// Output: step=1 photos="2 pictures of 32x24"
}

func ExampleFigure() {
	record(summary.Figure("drawing", "plot"), map[string]session.Value{"plot": session.Any(drawing{height: 12})})
	// Output: step=1 drawing="1 picture of 32x24"
}

// The frames of an environment are a tensor of shape [frames, height, width,
// channels].
func ExampleVideo() {
	frames := session.TensorOf(make([]uint8, 20*32*48*3), 20, 32, 48, 3)
	record(summary.Video("episode", "frames"), map[string]session.Value{"frames": frames})
	// Output: step=1 episode="1 picture of 48x32"
}

// Sounds are of shape [clips, samples] or [clips, samples, channels].
func ExampleAudio() {
	sounds := session.TensorOf(make([]float32, 2*8000), 2, 8000)
	record(summary.Audio("speech", "sounds", 16000, 1), map[string]session.Value{"sounds": sounds})
	// Output: step=1 speech/audio="1 clip"
}

// All clips have one tag.
func ExampleAudios() {
	sounds := session.TensorOf(make([]float32, 2*8000), 2, 8000)
	record(summary.Audios("speech", "sounds", 16000, 2), map[string]session.Value{"sounds": sounds})
	// Output: step=1 speech="2 clips"
}

func ExampleAudioV1() {
	sounds := session.TensorOf(make([]float32, 2*8000), 2, 8000)
	record(summary.AudioV1("speech", "sounds", 16000, 1), map[string]session.Value{"sounds": sounds})
	// Output: step=1 speech/audio="1 clip"
}

func ExampleText() {
	record(summary.Text("note", "note"), map[string]session.Value{"note": session.String("all is *well*")})
	// Output: step=1 note="all is *well*"
}

func ExampleTensor() {
	confusion := session.TensorOf([]int64{90, 10, 3, 97}, 2, 2)
	record(summary.Tensor("confusion", "confusion", summary.Plugin{Name: "confusion_matrix"}), map[string]session.Value{"confusion": confusion})
	// Output: step=1 confusion=tensor
}

func ExamplePRCurve() {
	record(summary.PRCurve("test", "labels", "predictions", "", 0), map[string]session.Value{
		"labels": session.TensorOf([]bool{true, false, true}), "predictions": session.TensorOf([]float32{0.9, 0.4, 0.6}),
	})
	// Output: step=1 test=pr_curve
}

func ExamplePRCurveRaw() {
	curve := summary.PRCurvePoints{
		TruePositives: []float64{2, 1}, FalsePositives: []float64{3, 0}, TrueNegatives: []float64{0, 3}, FalseNegatives: []float64{0, 1},
		Precision: []float64{0.4, 1}, Recall: []float64{1, 0.5},
	}
	record(summary.PRCurveRaw("test", "curve"), map[string]session.Value{"curve": session.Any(curve)})
	// Output: step=1 test=pr_curve
}

func ExampleMesh() {
	cloud := summary.MeshData{Vertices: [][3]float32{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}}
	record(summary.Mesh("cloud", "points"), map[string]session.Value{"points": session.Any(cloud)})
	// Output: step=1 cloud_VERTEX=mesh
}

// An engine with summaries of its own hands them on.
func ExampleSerialized() {
	made := &eventpb.Summary{Value: []*eventpb.Summary_Value{{Tag: "loss", Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: 0.25}}}}
	record(summary.Serialized("merged"), map[string]session.Value{"merged": session.Any(made)})
	// Output: step=1 loss=0.25
}

// What no run computes is there from the start.
func ExampleConstant() {
	start, err := summary.HParamsStartValue(summary.HParamsStart{HParams: summary.HParams{"rate": 0.1}})
	if err != nil {
		log.Fatal(err)
	}
	record(summary.Merge(summary.Constant(start), summary.Scalar("loss", "loss")), map[string]session.Value{"loss": session.Float64(0.25)})
	// Output: step=1 _hparams_/session_start_info=hparams loss=0.25
}

func ExampleDescribed() {
	op := summary.Described(summary.Scalar("loss", "loss"), "cross entropy", "Of the *test* set.")
	record(op, map[string]session.Value{"loss": session.Float64(0.25)})
	// Output: step=1 loss=0.25
}

// Tags of ops are made of names as TensorFlow makes them.
func ExampleCleanName() {
	fmt.Println(summary.CleanName("/layer 1/weights:0"))
	// Output: layer_1/weights_0
}

// Names are made as in a graph of TensorFlow: scopes in front, numbers behind.
func ExampleNameScope() {
	var root summary.NameScope
	tower := root.Scope("tower")
	w := stdout()
	for _, tag := range []string{root.Tag("loss"), tower.Tag("loss"), tower.Tag("loss"), root.Scope("tower").FamilyTag("losses", "loss")} {
		if err := w.Scalar(tag, 1, 0); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// step=0 loss=1
	// step=0 tower/loss=1
	// step=0 tower/loss_1=1
	// step=0 losses/tower_1/losses/loss=1
}
