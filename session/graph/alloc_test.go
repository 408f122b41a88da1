package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
	"github.com/runhook/runhook/session"
)

func TestARunOfScalarsAllocatesNothing(t *testing.T) {
	leaktest.Check(t)
	g := growing()
	s := newSession(t, g.Graph)
	req := session.Request{
		Fetches: []string{"train", "w+w", "w", "global_step"},
		Values:  make([]session.Value, 4),
		Feeds:   session.Feeds{"w+1": session.Float64(3)},
	}
	ctx := t.Context()
	var err error
	run := func() {
		if e := s.Run(ctx, &req); e != nil {
			err = e
		}
	}
	require.Zero(t, testing.AllocsPerRun(1000, run))
	require.NoError(t, err)
	require.Equal(t, session.Float64(6), req.Values[1])
}

func BenchmarkRun(b *testing.B) {
	g := growing()
	if err := g.Finalize(b.Context()); err != nil {
		b.Fatal(err)
	}
	s, err := g.NewSession(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if err := s.(session.Initializer).Init(b.Context()); err != nil {
		b.Fatal(err)
	}
	req := session.Request{Fetches: []string{"train", "w+w", "global_step"}, Values: make([]session.Value, 3)}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Run(ctx, &req); err != nil {
			b.Fatal(err)
		}
	}
}
