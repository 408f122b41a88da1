package session_test

import (
	"context"
	"fmt"
	"time"

	"github.com/runhook/runhook/session"
)

func ExampleCoordinator() {
	coord := session.NewCoordinator(context.Background(), session.CoordinatorConfig{})
	batches := make(chan int)
	coord.Go("reader", func(ctx context.Context) error {
		for batch := range 3 {
			select {
			case batches <- batch:
			case <-ctx.Done():
				return nil
			}
		}
		return session.ErrOutOfRange // stops all, and is no failure
	})
	coord.Go("trainer", func(ctx context.Context) error {
		for {
			select {
			case batch := <-batches:
				fmt.Println("batch", batch)
			case <-ctx.Done():
				return nil
			}
		}
	})
	if err := coord.Join(10 * time.Second); err != nil {
		fmt.Println(err)
	}
	// Output:
	// batch 0
	// batch 1
	// batch 2
}
