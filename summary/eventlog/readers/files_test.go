package readers_test

import (
	"bytes"
	"io"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// dir makes a log directory of files by path.
func dir(files map[string][]byte) fstest.MapFS {
	out := make(fstest.MapFS)
	for name, data := range files {
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}

// oneFile is a log directory with one run of one file, "tfevents".
func oneFile(parts ...[]byte) fstest.MapFS {
	return dir(map[string][]byte{"tfevents": bytes.Join(parts, nil)})
}

// encode frames an event.
func encode(e *eventpb.Event) []byte {
	payload, err := proto.Marshal(e)
	if err != nil {
		panic(err)
	}
	return tfrecord.Append(nil, payload)
}

// version is a file's first record, at time 1.
var version = encode(&eventpb.Event{WallTime: 1, What: &eventpb.Event_FileVersion{FileVersion: "brain.Event:2"}})

// start is a START.
func start(step int64) []byte {
	return encode(&eventpb.Event{WallTime: 1, Step: step, What: &eventpb.Event_SessionLog{SessionLog: &eventpb.SessionLog{Status: eventpb.SessionLog_START}}})
}

// at is an event with values.
func at(step int64, values ...*eventpb.Summary_Value) []byte {
	return encode(&eventpb.Event{WallTime: 2, Step: step, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: values}}})
}

// simple is a value of the old form, its step being its value.
func simple(tag string) *eventpb.Summary_Value {
	return &eventpb.Summary_Value{Tag: tag, Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: 0.5}}
}

// scalars are events with one simple value of x each.
func scalars(steps ...int64) []byte {
	var out []byte
	for _, s := range steps {
		out = append(out, at(s, simple("x"))...)
	}
	return out
}

// tensor is a value of the new form. Without a plugin it has no metadata.
func tensor(tag, plugin string, class eventpb.DataClass, t *eventpb.TensorProto) *eventpb.Summary_Value {
	v := &eventpb.Summary_Value{Tag: tag, Value: &eventpb.Summary_Value_Tensor{Tensor: t}}
	if plugin != "" {
		v.Metadata = &eventpb.SummaryMetadata{PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: plugin}, DataClass: class}
	}
	return v
}

func double() *eventpb.TensorProto {
	return &eventpb.TensorProto{Dtype: eventpb.DataType_DOUBLE, DoubleVal: []float64{0.5}}
}

func texts(shape *eventpb.TensorShapeProto, of ...string) *eventpb.TensorProto {
	t := &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, TensorShape: shape}
	for _, s := range of {
		t.StringVal = append(t.StringVal, []byte(s))
	}
	return t
}

func load(t *testing.T, view readers.View, fsys fstest.MapFS) *readers.Shown {
	t.Helper()
	shown, err := view.Load(t.Context(), fsys)
	require.NoError(t, err)
	return shown
}

// runNames in the order shown.
func runNames(s *readers.Shown) []string {
	out := []string{}
	for _, r := range s.Runs {
		out = append(out, r.Name)
	}
	return out
}

// steps of a tag, nil if it is not shown.
func steps(s *readers.Shown, run, tag string) []int64 {
	r := s.Run(run)
	if r == nil || r.Tag(tag) == nil {
		return nil
	}
	out := []int64{}
	for _, p := range r.Tag(tag).Points {
		out = append(out, p.Step)
	}
	return out
}

// decode reads the events of a file.
func decode(file []byte) ([]*eventpb.Event, error) {
	var out []*eventpb.Event
	r := tfrecord.NewReader(bytes.NewReader(file))
	for {
		payload, err := r.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		e := &eventpb.Event{}
		if err := proto.Unmarshal(payload, e); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
}
