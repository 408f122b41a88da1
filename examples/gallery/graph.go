package main

import (
	"context"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// graphs draws the graph of an engine: slashes in the names make boxes in boxes.
// The times of its nodes come from a run that was traced.
func graphs(w *summary.FileWriter, t *training) error {
	g := newGraph(t)
	if err := w.AddGraph(g, 0); err != nil {
		return err
	}
	var metadata session.RunMetadata
	ctx := context.Background()
	err := session.With(ctx, session.Config{Engine: g}, func(s *session.MonitoredSession) error {
		_, err := s.RunArgs(ctx, &session.SessionRunArgs{
			Fetches: []string{"loss/mean", session.TrainOp},
			Options: &session.RunOptions{TraceLevel: session.FullTrace},
		}, &metadata)
		return err
	})
	if err != nil {
		return err
	}
	return w.AddRunMetadata(&metadata, "first step", 0)
}
