package checkpoint_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/checkpoint"
	"github.com/runhook/runhook/session/graph"
)

// A job in a monitored session that saves at its end and, started again, goes on
// where it was.
func Example() {
	dir, err := os.MkdirTemp("", "job")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	for range 2 {
		if err := train(context.Background(), dir); err != nil {
			log.Fatal(err)
		}
	}
	latest, err := checkpoint.LatestCheckpoint(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("newest:", filepath.Base(latest))
	// Output:
	// begins at step 0 with w = 1
	// begins at step 3 with w = 8
	// newest: model.ckpt-6
}

func train(ctx context.Context, dir string) error {
	g := graph.New()
	g.CreateGlobalStep()
	g.Variable("w", func() session.Value { return session.Float64(1) })
	g.Node("2w", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		return session.Float64(2 * w), nil
	}, "w")
	g.Assign("grow", "w", "2w")
	g.Train("train", "grow")

	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{})
	if err != nil {
		return err
	}
	creator, err := session.NewChiefSessionCreator(session.ChiefConfig{
		Engine: g, Scaffold: &session.Scaffold{Saver: saver}, CheckpointDir: dir,
	})
	if err != nil {
		return err
	}
	config := session.Config{Engine: g, SessionCreator: creator}
	return session.With(ctx, config, func(s *session.MonitoredSession) error {
		values, err := s.Run(ctx, "global_step", "w")
		if err != nil {
			return err
		}
		fmt.Println("begins at step", values.At(0), "with w =", values.At(1))
		for range 3 {
			if _, err := s.Run(ctx, "train"); err != nil {
				return err
			}
		}
		return s.RunStepFn(ctx, func(ctx context.Context, sc *session.StepContext) error {
			values, err := session.Eval(ctx, sc.Session(), "global_step")
			if err != nil {
				return err
			}
			step, _ := values.At(0).Int64()
			_, err = saver.Save(ctx, sc.Session(), filepath.Join(dir, "model.ckpt"), step)
			return err
		})
	})
}

// A hook saves from within a monitored session.
func ExampleSaver() {
	dir, err := os.MkdirTemp("", "job")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	weights := make([]float32, 2)
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		weights[0]++
		out[0] = session.Float32(weights[0])
		return nil
	}, "loss").Variable("weights", session.TensorOf(weights))

	saver, err := checkpoint.NewSaver(checkpoint.SaverConfig{MaxToKeep: 3})
	if err != nil {
		log.Fatal(err)
	}
	save := &session.HookFuncs{OnEnd: func(ctx context.Context, s session.Session) error {
		path, err := saver.Save(ctx, s, filepath.Join(dir, "model.ckpt"), 4)
		fmt.Println("saved", filepath.Base(path))
		return err
	}}
	err = session.With(ctx, session.Config{Engine: engine, Hooks: []session.SessionRunHook{save}}, func(s *session.MonitoredSession) error {
		for range 4 {
			if _, err := s.Run(ctx, "train"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	contents, err := checkpoint.Load(ctx, filepath.Join(dir, "model.ckpt-4"), false)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*contents.GlobalStep, contents.Variables["weights"])
	// Output:
	// saved model.ckpt-4
	// 4 float32[2][4 0]
}

// An evaluation that follows a training job.
func ExampleCheckpointsIterator() {
	dir, err := os.MkdirTemp("", "job")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	if err := train(ctx, dir); err != nil {
		log.Fatal(err)
	}
	for path, err := range checkpoint.CheckpointsIterator(ctx, dir, checkpoint.IteratorConfig{Timeout: time.Millisecond}) {
		if err != nil {
			log.Fatal(err)
		}
		step, err := checkpoint.GlobalStep(path)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("evaluate step", step)
	}
	// Output:
	// begins at step 0 with w = 1
	// evaluate step 3
}
