package main

import (
	"bytes"
	"encoding/binary"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary/eventpb"
)

// A recording is what one run of TensorBoard has: the values of each tag, by
// their steps in the order of the file.
type recording struct {
	steps  map[string][]int64
	values map[string][]*eventpb.Summary_Value
}

// recorded reads the event files in a run's directory, which have to end with a
// whole record.
func recorded(t *testing.T, logdir, run string) recording {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(logdir, run, "events.out.tfevents.*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	got := recording{make(map[string][]int64), make(map[string][]*eventpb.Summary_Value)}
	for _, name := range files {
		got.read(t, name)
	}
	return got
}

// read adds what an event file holds, but for the rate of steps.
func (r recording) read(t *testing.T, name string) {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	for records := tfrecord.NewReader(file); ; {
		payload, err := records.Next()
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		event := new(eventpb.Event)
		require.NoError(t, proto.Unmarshal(payload, event))
		for _, v := range event.GetSummary().GetValue() {
			if v.GetTag() == session.GlobalStepName+"/sec" {
				continue
			}
			r.steps[v.GetTag()] = append(r.steps[v.GetTag()], event.GetStep())
			r.values[v.GetTag()] = append(r.values[v.GetTag()], v)
		}
	}
}

// scalars returns the numbers of a tag.
func (r recording) scalars(t *testing.T, tag string) []float32 {
	t.Helper()
	var numbers []float32
	for _, v := range r.values[tag] {
		require.IsType(t, &eventpb.Summary_Value_SimpleValue{}, v.GetValue(), tag)
		numbers = append(numbers, v.GetSimpleValue())
	}
	return numbers
}

// counted returns how many values each histogram of a tag was made of.
func (r recording) counted(t *testing.T, tag string) []float64 {
	t.Helper()
	var counts []float64
	for _, v := range r.values[tag] {
		content := v.GetTensor().GetTensorContent()
		require.NotEmpty(t, content, tag)
		var count float64
		for row := range len(content) / 24 { // left, right, count
			count += math.Float64frombits(binary.LittleEndian.Uint64(content[24*row+16:]))
		}
		counts = append(counts, count)
	}
	return counts
}

// requirePictures checks that each picture of a tag is one of misclassified
// digits.
func (r recording) requirePictures(t *testing.T, tag string) {
	t.Helper()
	want := drawMisclassified(examples{}, nil).Bounds()
	for _, v := range r.values[tag] {
		picture, err := png.Decode(bytes.NewReader(v.GetImage().GetEncodedImageString()))
		require.NoError(t, err)
		require.Equal(t, want, picture.Bounds())
	}
}

// every returns 1, 1+period … up to last.
func every(period, last int64) []int64 {
	var steps []int64
	for step := int64(1); step <= last; step += period {
		steps = append(steps, step)
	}
	return steps
}

// promised is what each run records with so many steps a period, up to last.
func promised(period, last int64) (train, test map[string][]int64) {
	train = map[string][]int64{
		"loss":               every(period, last),
		"accuracy":           every(period, last),
		"learning_rate":      every(period, last),
		"hidden/activations": every(5*period, last),
		"hidden/weights":     every(5*period, last),
		"hidden/bias":        every(5*period, last),
		"output/weights":     every(5*period, last),
		"output/bias":        every(5*period, last),
	}
	test = map[string][]int64{
		"loss":                every(period, last),
		"accuracy":            every(period, last),
		"misclassified/image": every(10*period, last),
	}
	return train, test
}
