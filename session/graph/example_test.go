package graph_test

import (
	"context"
	"fmt"
	"log"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// Gradient descent on (w-3)². The rate is a placeholder: most runs take its
// default, one is fed another. The functions need not look at the ok of Float64:
// the graph refuses a rate of another kind, and w is only assigned float64s.
func Example() {
	g := graph.New()
	g.CreateGlobalStep()
	g.Placeholder("rate", session.Float64(0.25))
	g.Variable("w", func() session.Value { return session.Float64(11) })
	g.Node("loss", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		return session.Float64((w - 3) * (w - 3)), nil
	}, "w")
	g.Node("w/next", func(_ context.Context, in []session.Value) (session.Value, error) {
		w, _ := in[0].Float64()
		rate, _ := in[1].Float64()
		return session.Float64(w - rate*2*(w-3)), nil
	}, "w", "rate")
	g.Assign("descend", "w", "w/next")
	g.Train("train", "descend")

	ctx := context.Background()
	err := session.With(ctx, session.Config{Engine: g}, func(s *session.MonitoredSession) error {
		for range 3 {
			// The loss is that of w before the run, as is the step; w is the new one.
			values, err := s.Run(ctx, "train", "global_step", "loss", "w")
			if err != nil {
				return err
			}
			fmt.Printf("step %v: loss %v, then w = %v\n", values.At(1), values.At(2), values.At(3))
		}
		values, err := s.RunArgs(ctx, &session.SessionRunArgs{
			Fetches: []string{"train", "w"},
			Feeds:   session.Feeds{"rate": session.Float64(0.5)},
		}, nil)
		if err != nil {
			return err
		}
		fmt.Println("fed another rate: w =", values.At(1))

		values, err = s.Run(ctx, "global_step", "loss") // trains nothing
		if err != nil {
			return err
		}
		fmt.Printf("after step %v: loss %v\n", values.At(0), values.At(1))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// step 0: loss 64, then w = 7
	// step 1: loss 16, then w = 5
	// step 2: loss 4, then w = 4
	// fed another rate: w = 3
	// after step 4: loss 0
}
