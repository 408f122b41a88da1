package main

import (
	"context"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// hooked calls step as often as the loop did, records three curves of the line
// and logs them.
func hooked(ctx context.Context, logdir string, l *line, step func()) error {
	engine := session.StepFunc(func(_ context.Context, out []session.Value) error {
		step()
		out[0], out[1], out[2] = session.Float64(l.loss), session.Float64(l.w), session.Float64(l.b)
		return nil
	}, "loss", "w", "b")

	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: steps})
	if err != nil {
		return err
	}
	saver, err := summary.NewSummarySaverHook(summary.SummarySaverHookConfig{
		SaveSteps: 10,
		OutputDir: logdir,
		SummaryOp: summary.Merge(summary.Scalar("loss", "loss"), summary.Scalar("w", "w"), summary.Scalar("b", "b")),
	})
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
		return s.RunUntilStop(ctx, session.TrainOp)
	})
}
