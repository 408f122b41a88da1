package summary_test

import (
	"context"
	"image"
	"log"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
	"github.com/runhook/runhook/summary"
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
