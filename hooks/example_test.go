package hooks_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// The first run is logged, then every tenth; a second hook ends the loop.
func ExampleNewLoggingTensorHook() {
	loss := 64.0
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		loss /= 2
		out[0] = session.Float64(loss)
		return nil
	}, "loss")

	logging, err := hooks.NewLoggingTensorHook(hooks.LoggingTensorHookConfig{
		TaggedTensors: map[string]string{"loss": "loss", "step": session.GlobalStepName},
		EveryNIter:    10,
		Output:        os.Stdout,
		Formatter: func(l hooks.TensorLog) string { // without one, the seconds are told, too
			return fmt.Sprintf("step %v: loss %v", l.Lookup("step"), l.Lookup("loss"))
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: 25})
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	config := session.Config{Engine: engine, Hooks: []session.SessionRunHook{logging, stop}}
	err = session.With(ctx, config, func(s *session.MonitoredSession) error {
		for !s.ShouldStop() {
			if _, err := s.Run(ctx, session.TrainOp); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// step 0: loss 32
	// step 10: loss 0.03125
	// step 20: loss 3.0517578125e-05
}

// A job that is started again goes on from its newest checkpoint.
func ExampleWithMonitoredTrainingSession() {
	dir, err := os.MkdirTemp("", "job")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	for range 2 {
		engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
			out[0] = session.Float64(0.5)
			return nil
		}, "loss")
		stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{NumSteps: 20})
		if err != nil {
			log.Fatal(err)
		}
		config := hooks.MonitoredTrainingSessionConfig{
			Engine: engine, CheckpointDir: dir, SaveCheckpointSteps: 10, Hooks: []session.SessionRunHook{stop},
			Scaffold: &session.Scaffold{SummaryOp: summary.Scalar("loss", "loss")},
		}
		var steps []int64
		err = hooks.WithMonitoredTrainingSession(ctx, config, func(s *session.MonitoredSession) error {
			for !s.ShouldStop() {
				values, err := s.Run(ctx, session.TrainOp, session.GlobalStepName)
				if err != nil {
					return err
				}
				step, _ := values.At(1).Int64() // before the run
				steps = append(steps, step)
			}
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("steps %d to %d\n", steps[0]+1, steps[len(steps)-1]+1)
	}
	// Output:
	// steps 1 to 20
	// steps 21 to 40
}

// A function is called with the loss of every tenth step.
func ExampleFuncEvery() {
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		out[0] = session.Float64(0.5)
		return nil
	}, "loss")
	every, err := hooks.FuncEvery(hooks.FuncEveryConfig{
		EverySteps: 10, Fetches: []string{"loss"},
		Func: func(_ context.Context, _ session.Session, step int64, values session.Values) error {
			fmt.Println(step, values.At(0))
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: 25})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	err = session.With(ctx, session.Config{Engine: engine, Hooks: []session.SessionRunHook{every, stop}}, func(s *session.MonitoredSession) error {
		return s.RunUntilStop(ctx, session.TrainOp)
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 1 0.5
	// 11 0.5
	// 21 0.5
}
