package main

import (
	"context"
	"time"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// profile draws where the time of some steps goes. TensorBoard shows it if the Python
// package xprof is installed, too.
func profile(w *summary.FileWriter, t *training) error {
	var p summary.Profile
	ctx := context.Background()
	err := session.With(ctx, session.Config{Engine: newGraph(t)}, func(s *session.MonitoredSession) error {
		args := &session.SessionRunArgs{
			Fetches: []string{"loss/mean", session.TrainOp},
			Options: &session.RunOptions{TraceLevel: session.FullTrace},
		}
		for step := range int64(5) {
			var metadata session.RunMetadata
			start := time.Now()
			if _, err := s.RunArgs(ctx, args, &metadata); err != nil {
				return err
			}
			p.Steps = append(p.Steps, summary.ProfileStep{Step: step + 1, Start: start, Duration: time.Since(start), Metadata: &metadata})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.Profile(p)
}
