package eventlog_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog"
)

func TestReadingAnEventAllocatesNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		file []byte
	}{
		{"simple_value", scalarFile(100, benchmarkTags...)},
		{"a tensor with metadata", goldenNamed(t, "tf2_scalar").file},
	} {
		t.Run(test.name, func(t *testing.T) {
			var d eventlog.Decoder
			var e eventlog.Event
			var payloads [][]byte
			for r, err := range eventlog.NewReader(bytes.NewReader(test.file), eventlog.ReaderConfig{}).Records() {
				require.NoError(t, err)
				// One tag of the golden changes its description all the time. New
				// metadata are copied, which no writer's second value needs.
				if !bytes.Contains(r.Payload, []byte("described")) {
					payloads = append(payloads, bytes.Clone(r.Payload))
				}
			}
			sum := 0.0
			decode := func() {
				for _, p := range payloads {
					if err := d.Decode(p, &e); err != nil {
						t.Error(err)
					}
					for v, err := range e.Values() {
						if err != nil {
							t.Error(err)
						}
						x, err := v.Scalar()
						if err != nil {
							t.Error(err)
						}
						sum += x
					}
				}
			}
			require.Zero(t, testing.AllocsPerRun(100, decode))
		})
	}
}

func TestReadingAFileAllocatesItsBufferOnly(t *testing.T) {
	file := scalarFile(50_000, benchmarkTags...)
	n := 0
	allocs := testing.AllocsPerRun(3, func() {
		for e, err := range eventlog.NewReader(bytes.NewReader(file), eventlog.ReaderConfig{}).Events() {
			require.NoError(t, err)
			for range e.Values() {
				n++
			}
		}
	})
	require.Less(t, allocs, 40.0, "for 50,000 events")
	require.NotZero(t, n)
}
