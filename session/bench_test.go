package session_test

import (
	"fmt"
	"testing"

	"github.com/runhook/runhook/session"
)

// BenchmarkRun is one hooked run of a trivial closure: what the session and its
// hooks cost a step.
func BenchmarkRun(b *testing.B) {
	for _, kind := range []string{"hooks", "fetching"} {
		for _, n := range []int{0, 1, 5, 20} {
			b.Run(fmt.Sprintf("%s=%d", kind, n), func(b *testing.B) {
				s, err := session.NewMonitoredSession(b.Context(), session.Config{
					Engine: lossEngine(),
					Hooks:  manyHooks(n, kind == "fetching"),
				})
				if err != nil {
					b.Fatal(err)
				}
				ctx := b.Context()
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Run(ctx, "train", "loss"); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
