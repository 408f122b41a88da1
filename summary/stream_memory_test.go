package summary_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

// The writer keeps two queues and what it knows of each tag, however much goes
// through it: 51 MB here, and 13 files.
func TestAMillionScalarsOfAThousandTagsNeedLittleMemory(t *testing.T) {
	const tags, steps, allowed = 1000, 1000, 4 << 20
	names := make([]string, tags)
	for i := range names {
		names[i] = fmt.Sprintf("layer%d/gradient/norm", i)
	}
	w := openWriter(t, t.TempDir(), summary.FileWriterConfig{Rotate: summary.Rotate{Bytes: 4 << 20}})
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, most := inUse(), int64(0)
	for step := range int64(steps) {
		for _, name := range names {
			require.NoError(t, w.Scalar(name, 0.25, step))
		}
		if step%100 == 99 {
			most = max(most, inUse()-before)
		}
	}
	require.NoError(t, w.Flush())
	require.Less(t, most, int64(allowed))
	require.EqualValues(t, tags*steps, w.Stats().Events)
	require.Greater(t, w.Stats().Files, int64(10))
}
