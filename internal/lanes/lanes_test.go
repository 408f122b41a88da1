package lanes_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/lanes"
)

func TestWhatOverlapsIsSideBySide(t *testing.T) {
	var l lanes.Lanes
	for i, c := range []struct {
		start, end int64
		lane       int
	}{
		{-5, 10, 0}, {0, 3, 1}, {2, 4, 2}, {3, 9, 1}, {10, 10, 0}, {10, 11, 0}, {10, 10, 1},
	} {
		require.Equal(t, c.lane, l.Place(c.start, c.end), "%d", i)
	}
}
