package sessiontest_test

import (
	"context"
	"fmt"
	"io"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/sessiontest"
)

// A countdown is an engine of somebody's own. It forgets that a run without the
// training op must change nothing.
type countdown struct{ left, step int64 }

func (c *countdown) Resolve(name string) error {
	switch name {
	case "train", "step", "left":
		return nil
	}
	return session.UnknownName(name, []string{"train", "step", "left"})
}

func (c *countdown) GlobalStep() string             { return "step" }
func (c *countdown) Finalize(context.Context) error { return nil }
func (c *countdown) Close() error                   { return nil }

func (c *countdown) NewSession(context.Context) (session.Session, error) { return c, nil }

func (c *countdown) Run(ctx context.Context, req *session.Request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for name := range req.Feeds {
		if err := c.Resolve(name); err != nil {
			return err
		}
		return fmt.Errorf("%q cannot be fed", name)
	}
	trains := false
	for _, name := range req.Fetches {
		if err := c.Resolve(name); err != nil {
			return err
		}
		trains = trains || name == "train"
	}
	stale := c.step
	if c.left--; trains { // this is wrong
		c.step++
	}
	for i, name := range req.Fetches {
		switch name {
		case "train":
			req.Values[i] = session.Value{}
		case "step":
			req.Values[i] = session.Int64(stale)
		case "left":
			req.Values[i] = session.Int64(c.left)
		}
	}
	return nil
}

// In a test, TestEngine reports each rule in a subtest; here is what it would
// say.
func ExampleCheckEngine() {
	err := sessiontest.CheckEngine(func() session.Engine { return &countdown{left: 10} }, sessiontest.EngineOptions{
		Fetches: map[string]session.Kind{"left": session.KindInt64},
	})
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		if broken := err.(*sessiontest.RuleError); broken.Rule == "no-training" {
			fmt.Println(broken.Text)
			fmt.Println(broken.Problems[0])
		}
	}
	// Output:
	// a run that fetches no training op changes no trained state
	// a run without the training op changes "left" from 7 to 3
}

// A lossHook is a hook of somebody's own.
type lossHook struct {
	session.BaseHook
	args session.SessionRunArgs
}

func (h *lossHook) Begin(context.Context, session.Graph) error {
	h.args.Fetches = []string{"loss"}
	return nil
}

func (h *lossHook) BeforeRun(context.Context, *session.SessionRunContext) (*session.SessionRunArgs, error) {
	return &h.args, nil
}

func ExampleCheckHook() {
	fmt.Println(sessiontest.CheckHook(func() session.SessionRunHook { return new(lossHook) }, sessiontest.HookOptions{}))
	// Output:
	// resolve: a hook resolves in Begin the names that it will fetch:
	// 	"loss" is asked for by BeforeRun and was not resolved
}

// The engine is lost in its second training run, after the update. The new
// session begins at step 1, from which its input lasts for two steps.
func ExampleEngine() {
	engine := &sessiontest.Engine{
		Outputs: map[string]sessiontest.Output{"loss": sessiontest.Floats(4, 2, 1, 0.5)},
		Starts:  []int64{0, 1},
		Faults: []sessiontest.Fault{
			{Op: sessiontest.OpTrain, N: 2, After: true, Err: session.ErrAborted},
			{Op: sessiontest.OpTrain, N: 5, Err: io.EOF},
		},
	}
	ctx := context.Background()
	err := session.With(ctx, session.Config{Engine: engine}, func(s *session.MonitoredSession) error {
		for values, err := range s.Steps(ctx, session.TrainOp, "global_step", "loss") {
			if err != nil {
				return err
			}
			fmt.Println("step", values.At(1), "loss", values.At(2))
		}
		return nil
	})
	fmt.Println(err)
	for _, call := range engine.Calls() {
		fmt.Println(call)
	}
	// Output:
	// step 0 loss 2
	// step 1 loss 1
	// step 2 loss 0.5
	// <nil>
	// Finalize
	// NewSession
	// Init
	// Run train,global_step,loss
	// Run train,global_step,loss: session: aborted
	// Close
	// NewSession
	// Init
	// Run train,global_step,loss
	// Run train,global_step,loss
	// Run train,global_step,loss: EOF
	// Close
}
