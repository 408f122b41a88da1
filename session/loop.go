package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Loop calls fn at once and then at each start + k·interval until ctx is done.
// A call that takes longer than the interval delays those that follow, but none
// is left out: they are made one after another until there is no delay. An
// interval of 0 is no interval, call follows call.
//
// It returns nil when ctx is done, or the first error of fn other than that news.
// This is the LooperThread of tensorflow/python/training/coordinator.py; what its
// start_loop and stop_loop are for is done before and after Loop.
func Loop(ctx context.Context, interval time.Duration, fn func(ctx context.Context) error) error {
	if fn == nil {
		return errors.New("session: Loop: the function is nil")
	}
	if interval < 0 {
		return fmt.Errorf("session: Loop: the interval is %v, want 0 or more", interval)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for next := time.Now(); ; next = next.Add(interval) {
		if wait := time.Until(next); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := fn(ctx); err != nil {
			if isOwnStop(ctx, err) {
				return nil
			}
			return err
		}
	}
}

// Every runs [Loop] in a goroutine of the coordinator, as Go does: until the
// stop, or until fn fails, which requests a stop.
func (c *Coordinator) Every(name string, interval time.Duration, fn func(ctx context.Context) error) {
	c.Go(name, func(ctx context.Context) error { return Loop(ctx, interval, fn) })
}
