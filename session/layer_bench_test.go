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

// BenchmarkLayer measures a run through each layer, with all those inside it:
//
//	raw          the engine's session as hooks see it
//	hooked       the hooks and what they ask for
//	coordinated  turns, stop wishes, the coordinator: a SingularMonitoredSession
//	recoverable  lost sessions are created again: a MonitoredSession
func BenchmarkLayer(b *testing.B) {
	ctx := b.Context()
	for _, n := range []int{0, 1, 5, 20} {
		var hooks []SessionRunHook
		for range n {
			hooks = append(hooks, &idleHook{})
		}
		measure := func(layer string, run func() error) {
			b.Run(fmt.Sprintf("%s/hooks=%d", layer, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := run(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		raw := &rawSession{engine: constantSession{}}
		if n == 0 {
			req := Request{Fetches: []string{"train"}, Values: make([]Value, 1)}
			measure("raw", func() error { return raw.Run(ctx, &req) })
		}
		attached, err := attach(hooks)
		if err != nil {
			b.Fatal(err)
		}
		hooked := newHookedSession(raw, attached)
		fetches := []string{"train"}
		measure("hooked", func() error {
			_, _, err := hooked.run(ctx, fetches, nil, nil, nil)
			return err
		})
		config := Config{Engine: constantEngine{}, Hooks: hooks}
		singular, err := NewSingularMonitoredSession(ctx, config)
		if err != nil {
			b.Fatal(err)
		}
		measure("coordinated", func() error {
			_, err := singular.Run(ctx, "train")
			return err
		})
		if err := singular.Close(); err != nil {
			b.Fatal(err)
		}
		monitored, err := NewMonitoredSession(ctx, config)
		if err != nil {
			b.Fatal(err)
		}
		measure("recoverable", func() error {
			_, err := monitored.Run(ctx, "train")
			return err
		})
		if err := monitored.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
