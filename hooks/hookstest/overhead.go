package hookstest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/hooks"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// BenchmarkOverhead makes steps by turns: by plain, a loop without hooks, and in a
// training job over engine with the hooks that most have. It reports
//
//	turns-%  how much longer a step of the job takes than a plain one, by the
//	         quickest quarter of each, which a busy machine disturbs least
//	hooks-%  what part of all time in the job is not that of the engine's steps:
//	         what is rare, such as histograms, counts by its share
//	ns/plain what the slowest of the quickest quarter of plain steps takes
//
// Of o it uses Loss and Tensors.
func BenchmarkOverhead(b *testing.B, plain func() error, engine session.Engine, o Options) {
	dir := b.TempDir()
	nan, err := hooks.NewNanTensorHook(hooks.NanTensorHookConfig{LossTensor: o.Loss})
	require.NoError(b, err)
	stop, err := hooks.NewStopAtStepHook(hooks.StopAtStepHookConfig{LastStep: 1 << 40})
	require.NoError(b, err)
	ops := []summary.Op{summary.Scalar("loss", o.Loss)}
	for _, name := range o.Tensors {
		ops = append(ops, summary.Histogram(name, name))
	}
	clocked := &clockedEngine{Engine: engine}
	s, err := hooks.MonitoredTrainingSession(b.Context(), hooks.MonitoredTrainingSessionConfig{
		Engine: clocked, CheckpointDir: dir, Scaffold: &session.Scaffold{SummaryOp: summary.Merge(ops...)},
		Hooks: []session.SessionRunHook{stop, nan},
	})
	require.NoError(b, err)
	hooked := func() error {
		_, err := s.Run(b.Context(), session.TrainOp)
		return err
	}
	timed := func(step func() error) time.Duration {
		start := time.Now()
		if err := step(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	timed(plain)
	timed(hooked)
	clocked.inside = 0
	var without, with []time.Duration
	for b.Loop() {
		if len(with)%2 == 0 {
			without, with = append(without, timed(plain)), append(with, timed(hooked))
		} else {
			with, without = append(with, timed(hooked)), append(without, timed(plain))
		}
	}
	var all time.Duration
	for _, d := range with {
		all += d
	}
	inside := clocked.inside
	require.NoError(b, s.Close())
	slices.Sort(without)
	slices.Sort(with)
	slow, quick := float64(with[len(with)/4]), float64(without[len(without)/4])
	b.ReportMetric(100*(slow/quick-1), "turns-%")
	b.ReportMetric(100*float64(all-inside)/float64(inside), "hooks-%")
	b.ReportMetric(quick, "ns/plain")
	b.ReportMetric(0, "ns/op")
}

// A clockedEngine knows how long its steps took.
type clockedEngine struct {
	session.Engine
	inside time.Duration
}

func (e *clockedEngine) NewSession(ctx context.Context) (session.Session, error) {
	s, err := e.Engine.NewSession(ctx)
	return &clockedSession{s, e}, err
}

type clockedSession struct {
	session.Session
	engine *clockedEngine
}

func (s *clockedSession) Run(ctx context.Context, req *session.Request) error {
	if slices.Contains(req.Fetches, session.TrainOp) {
		start := time.Now()
		defer func() { s.engine.inside += time.Since(start) }()
	}
	return s.Session.Run(ctx, req)
}

// Unwrap lets hooks find what the engine's session can do.
func (s *clockedSession) Unwrap() session.Session { return s.Session }
