package pause_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/pause"
)

func TestAPauseEndsWithItsTimeOrItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, c := range []struct {
			pause, took time.Duration
			want        error
		}{
			{-1, 0, nil}, {0, 0, nil}, {40 * time.Second, 40 * time.Second, nil},
			{time.Hour, 20 * time.Second, context.DeadlineExceeded}, {0, 0, context.DeadlineExceeded},
		} {
			began := time.Now()
			require.Equal(t, c.want, pause.For(ctx, c.pause), "%v", c.pause)
			require.Equal(t, c.took, time.Since(began), "%v", c.pause)
		}
	})
}
