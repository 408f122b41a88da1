package main

import (
	"context"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// after fits the line with hooks attached.
func after(ctx context.Context, logdir string) (w, b float64, err error) {
	xs, ys := points(100)
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		loss, dw, db := gradient(w, b, xs, ys)
		w -= 0.1 * dw
		b -= 0.1 * db
		out[0], out[1], out[2] = session.Float64(loss), session.Float64(w), session.Float64(b)
		return nil
	}, "loss", "w", "b")
	err = train(ctx, engine, logdir)
	return w, b, err
}

// train runs any engine for 200 steps, records three curves and logs the loss.
func train(ctx context.Context, engine session.Engine, logdir string) error {
	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 10,
		OutputDir: logdir,
		SummaryOp: summary.Merge(summary.Scalar("loss", "loss"), summary.Scalar("w", "w"), summary.Scalar("b", "b")),
	})
	if err != nil {
		return err
	}
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: 200})
	if err != nil {
		return err
	}
	logging, err := hooks.NewLoggingTensorHook(hooks.LoggingTensorHookConfig{
		Tensors:    []string{"loss", "w", "b"},
		EveryNIter: 50,
	})
	if err != nil {
		return err
	}
	config := session.Config{Engine: engine, Hooks: []session.SessionRunHook{stop, saver, logging}}
	return session.With(ctx, config, func(s *session.MonitoredSession) error {
		for _, err := range s.Steps(ctx, session.TrainOp) {
			if err != nil {
				return err
			}
		}
		return nil
	})
}
