package session

import (
	"context"
	"fmt"
	"testing"
)

// idleHook asks for nothing. It has a size, so that each is another.
type idleHook struct {
	BaseHook
	_ byte
}

// constantSession answers at once: what is left is the cost of the layers.
type constantSession struct{}

func (constantSession) Run(context.Context, *Request) error { return nil }
func (constantSession) Close() error                        { return nil }

type constantEngine struct{}

func (constantEngine) Resolve(string) error                        { return nil }
func (constantEngine) GlobalStep() string                          { return "" }
func (constantEngine) Finalize(context.Context) error              { return nil }
func (constantEngine) NewSession(context.Context) (Session, error) { return constantSession{}, nil }

// BenchmarkLayer measures a run through each layer: the engine's session as
// hooks see it, the hooked run, and that with turns and recovery.
func BenchmarkLayer(b *testing.B) {
	ctx := b.Context()
	b.Run("raw", func(b *testing.B) {
		raw := &rawSession{engine: constantSession{}}
		req := Request{Fetches: []string{"train"}, Values: make([]Value, 1)}
		for b.Loop() {
			if err := raw.Run(ctx, &req); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, n := range []int{0, 1, 5, 20} {
		var hooks []SessionRunHook
		for range n {
			hooks = append(hooks, &idleHook{})
		}
		b.Run(fmt.Sprintf("hooked/hooks=%d", n), func(b *testing.B) {
			attached, err := attach(hooks)
			if err != nil {
				b.Fatal(err)
			}
			hooked := newHookedSession(&rawSession{engine: constantSession{}}, attached)
			fetches := []string{"train"}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := hooked.run(ctx, fetches, nil, nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("monitored/hooks=%d", n), func(b *testing.B) {
			s, err := NewMonitoredSession(ctx, Config{Engine: constantEngine{}, Hooks: hooks})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Run(ctx, "train"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
