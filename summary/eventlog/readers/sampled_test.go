package readers_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// TestSamplesAsTheReadersDo compares the very steps that are left of long series
// with those that TensorBoard 2.21.0 left of the same files by default.
func TestSamplesAsTheReadersDo(t *testing.T) {
	type sample struct {
		Count  int    `json:"count"`
		SHA256 string `json:"sha256"` // of the steps, with commas between
	}
	type sampled struct{ EA, PY, RB map[string]sample }
	data, err := os.ReadFile("testdata/sampled.json")
	require.NoError(t, err)
	var recorded map[string]sampled
	require.NoError(t, json.Unmarshal(data, &recorded))
	require.ElementsMatch(t, slices.Collect(maps.Keys(longRuns)), slices.Collect(maps.Keys(recorded)))

	for name, want := range recorded {
		fsys := oneFile(longRuns[name]())
		for view, want := range map[readers.View]map[string]sample{
			readers.EventAccumulator{Sampled: true}: want.EA,
			readers.PythonServer{Sampled: true}:     want.PY,
			readers.DataServer{Sampled: true}:       want.RB,
		} {
			t.Run(name+"/"+view.Name(), func(t *testing.T) {
				shown := load(t, view, fsys)
				have := make(map[string]sample)
				for _, tag := range shown.Run(".").Tags {
					var text []byte
					for i, p := range tag.Points {
						if i > 0 {
							text = append(text, ',')
						}
						text = strconv.AppendInt(text, p.Step, 10)
					}
					have[tag.Name] = sample{len(tag.Points), fmt.Sprintf("%x", sha256.Sum256(text))[:16]}
				}
				require.Equal(t, want, have)
			})
		}
	}
}

// longRuns have more points than the readers keep.
var longRuns = map[string]func() []byte{
	"plain": func() []byte { return longRun(2500, false, longScalar, longOwn) },
	"restarts": func() []byte {
		return longRun(2500, true, longScalar, longOwn)
	},
	"many":      func() []byte { return longRun(11000, false, longScalar) },
	"all kinds": func() []byte { return longRun(300, false, longScalar, longOwn, longBlobs) },
}

// longRun has values at n steps. With restarts, every 900 steps the last 401 are
// written again.
func longRun(n int, restarts bool, values ...func(step int) []*eventpb.Summary_Value) []byte {
	out := slices.Clone(version)
	write := func(step int) {
		var all []*eventpb.Summary_Value
		for _, v := range values {
			all = append(all, v(step)...)
		}
		out = append(out, at(int64(step), all...)...)
	}
	for step := range n {
		write(step)
		if restarts && step%900 == 899 {
			again := step - 400
			out = append(append(out, start(int64(again))...), start(int64(again))...)
			for ; again <= step; again++ {
				write(again)
			}
		}
	}
	return out
}

func longScalar(int) []*eventpb.Summary_Value { return []*eventpb.Summary_Value{simple("x")} }

func longOwn(int) []*eventpb.Summary_Value {
	f := &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, FloatVal: []float32{1}}
	return []*eventpb.Summary_Value{tensor("own", "own", eventpb.DataClass_TENSOR, f), tensor("ownscalar", "mine", eventpb.DataClass_SCALAR, f)}
}

func longBlobs(step int) []*eventpb.Summary_Value {
	name := strconv.Itoa(step)
	return []*eventpb.Summary_Value{
		{Tag: "i", Value: &eventpb.Summary_Value_Image{Image: &eventpb.Summary_Image{EncodedImageString: []byte(name)}}},
		tensor("t", "text", 0, texts(nil, name)),
	}
}
