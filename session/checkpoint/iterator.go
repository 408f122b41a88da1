package checkpoint

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/runhook/runhook/internal/faults"
	"github.com/runhook/runhook/internal/pause"
)

// WaitConfig describes a wait for a checkpoint.
type WaitConfig struct {
	// SecondsToSleep is how long to wait between two looks. Default 1 s.
	SecondsToSleep time.Duration
	// Timeout ends the wait when one more sleep would go past it; one look is
	// always taken. 0 or Off: there is no limit but the context's.
	Timeout time.Duration
}

func (c WaitConfig) resolve() (WaitConfig, error) {
	var errs []error
	if c.SecondsToSleep < 0 {
		errs = append(errs, fmt.Errorf("SecondsToSleep is %v, want a positive duration or 0 (1s)", c.SecondsToSleep))
	}
	if c.Timeout < 0 && c.Timeout != Off {
		errs = append(errs, fmt.Errorf("the Timeout is %v, want a positive duration, 0 or Off", c.Timeout))
	}
	c.SecondsToSleep = cmp.Or(c.SecondsToSleep, time.Second)
	return c, faults.Join("checkpoint: WaitConfig", errs...)
}

// WaitForNewCheckpoint waits until the newest checkpoint in dir, by its state
// file, is another one than last, and returns it; "" after the timeout. dir need
// not exist yet. A checkpoint that is followed by another between two looks is
// never seen.
func WaitForNewCheckpoint(ctx context.Context, dir, last string, config WaitConfig) (string, error) {
	config, err := config.resolve()
	if err != nil {
		return "", err
	}
	start := time.Now()
	for {
		path, err := LatestCheckpoint(dir)
		if err != nil || path != "" && path != last {
			return path, err
		}
		if config.Timeout > 0 && time.Since(start)+config.SecondsToSleep > config.Timeout {
			return "", nil
		}
		if err := pause.For(ctx, config.SecondsToSleep); err != nil {
			return "", err
		}
	}
}

// IteratorConfig describes [CheckpointsIterator].
type IteratorConfig struct {
	// MinIntervalSecs is the least time from one checkpoint to the next. Default
	// none.
	MinIntervalSecs time.Duration
	// Timeout is as in [WaitConfig], for each wait. After it the iteration ends,
	// unless TimeoutFn returns false.
	Timeout time.Duration
	// TimeoutFn tells whether to end after a timeout; it is also asked after each
	// checkpoint. nil: a timeout ends the iteration.
	TimeoutFn func() bool
}

// CheckpointsIterator gives each new checkpoint of dir, as
// [WaitForNewCheckpoint] finds it: the one that is there at first, then those
// that come. An error is the last that it gives, also that of the context when
// that is done.
func CheckpointsIterator(ctx context.Context, dir string, config IteratorConfig) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if config.MinIntervalSecs < 0 {
			yield("", fmt.Errorf("checkpoint: IteratorConfig: MinIntervalSecs is %v, want a positive duration or 0", config.MinIntervalSecs))
			return
		}
		for last := ""; ; {
			path, err := WaitForNewCheckpoint(ctx, dir, last, WaitConfig{Timeout: config.Timeout})
			if err != nil {
				yield("", err)
				return
			}
			if path != "" {
				start := time.Now()
				if !yield(path, nil) {
					return
				}
				if err := pause.For(ctx, config.MinIntervalSecs-time.Since(start)); err != nil {
					yield("", err)
					return
				}
				last = path
			} else if config.TimeoutFn == nil {
				return
			}
			if config.TimeoutFn != nil && config.TimeoutFn() {
				return
			}
		}
	}
}
