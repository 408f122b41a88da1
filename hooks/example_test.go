package hooks_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
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
