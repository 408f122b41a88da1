package session_test

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/runhook/runhook/session"
)

func ExampleWith() {
	ctx := context.Background()
	batches := []float64{4, 2, 1}
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		if len(batches) == 0 {
			return io.EOF
		}
		out[0] = session.Float64(batches[0])
		batches = batches[1:]
		return nil
	}, "loss")

	const loss = session.Fetch[float64]("loss")
	err := session.With(ctx, session.Config{Engine: engine}, func(s *session.MonitoredSession) error {
		for !s.ShouldStop() {
			values, err := s.Run(ctx, "train", "loss")
			if err != nil {
				return err // the end of the input is a clean end
			}
			l, err := loss.Get(values)
			if err != nil {
				return err
			}
			fmt.Println("loss", l)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// loss 4
	// loss 2
	// loss 1
	// <nil>
}

func ExampleStepFunc() {
	// What a training loop does in one step, here gradient descent on (w-3)².
	w := 0.0
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		out[0] = session.Float64((w - 3) * (w - 3))
		w -= 0.25 * 2 * (w - 3)
		out[1] = session.Float64(w)
		return nil
	}, "loss", "w")

	ctx := context.Background()
	err := session.With(ctx, session.Config{Engine: engine}, func(s *session.MonitoredSession) error {
		for range 3 {
			values, err := s.Run(ctx, "train", "global_step", "loss", "w")
			if err != nil {
				return err
			}
			fmt.Println(values.At(1), values.At(2), values.At(3))
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0 9 1.5
	// 1 2.25 2.25
	// 2 0.5625 2.625
}

func ExampleFetch() {
	const (
		accuracy = session.Fetch[float64]("accuracy")
		logits   = session.Fetch[[]float32]("logits")
	)
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		out[0] = session.Float32(0.5)
		out[1] = session.TensorOf([]float32{0.25, 0.75})
		return nil
	}, string(accuracy), string(logits))

	ctx := context.Background()
	err := session.With(ctx, session.Config{Engine: engine}, func(s *session.MonitoredSession) error {
		values, err := s.Run(ctx, "train", string(accuracy), string(logits))
		if err != nil {
			return err
		}
		a, err := accuracy.Get(values) // a float32 widens to a float64
		if err != nil {
			return err
		}
		l, err := logits.Get(values)
		if err != nil {
			return err
		}
		fmt.Println(a, l)

		_, err = session.Fetch[int64]("accuracy").Get(values)
		fmt.Println(err)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0.5 [0.25 0.75]
	// session: fetch "accuracy": got float32, want int64
}

// A hook that ends the loop when the loss is small enough.
func ExampleHookFuncs() {
	const loss = session.Fetch[float64]("loss")
	args := &session.SessionRunArgs{Fetches: []string{string(loss)}}
	goodEnough := &session.HookFuncs{
		HookName: "good enough",
		OnBegin: func(_ context.Context, graph session.Graph) error {
			return graph.Resolve(string(loss))
		},
		OnBeforeRun: func(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
			return args, nil
		},
		OnAfterRun: func(_ context.Context, rc *session.SessionRunContext, values *session.SessionRunValues) error {
			l, err := loss.Get(values.Results)
			if err != nil {
				return err
			}
			fmt.Println("loss", l)
			if l < 1 {
				rc.RequestStop()
			}
			return nil
		},
	}

	l := 8.0
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		l /= 3
		out[0] = session.Float64(l)
		return nil
	}, "loss")
	ctx := context.Background()
	err := session.With(ctx, session.Config{Engine: engine, Hooks: []session.SessionRunHook{goodEnough}}, func(s *session.MonitoredSession) error {
		for !s.ShouldStop() {
			if _, err := s.Run(ctx, "train"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// loss 2.6666666666666665
	// loss 0.8888888888888888
}
