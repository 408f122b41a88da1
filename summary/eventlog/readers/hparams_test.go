package readers_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// hparamsValue is metadata of the plugin, with the null tensor.
func hparamsValue(tag string, data *eventpb.HParamsPluginData) *eventpb.Summary_Value {
	content, err := proto.Marshal(data)
	if err != nil {
		panic(err)
	}
	v := tensor("_hparams_/"+tag, "hparams", eventpb.DataClass_TENSOR, &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(0)})
	v.Metadata.PluginData.Content = content
	return v
}

func TestWhenTheHParamsPageFails(t *testing.T) {
	start := hparamsValue("session_start_info", &eventpb.HParamsPluginData{Data: &eventpb.HParamsPluginData_SessionStartInfo{SessionStartInfo: &eventpb.SessionStartInfo{}}})
	experiment := hparamsValue("experiment", &eventpb.HParamsPluginData{Data: &eventpb.HParamsPluginData_Experiment{Experiment: &eventpb.Experiment{}}})
	end := &eventpb.HParamsPluginData{Version: 5, Data: &eventpb.HParamsPluginData_SessionEndInfo{SessionEndInfo: &eventpb.SessionEndInfo{}}}
	noEnd := &eventpb.HParamsPluginData{}
	pair := &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: dims(2), FloatVal: []float32{1, 2}}
	two := tensor("two", "scalars", eventpb.DataClass_SCALAR, pair)
	text := tensor("text", "scalars", eventpb.DataClass_SCALAR, texts(nil, "a"))

	for _, test := range []struct {
		name   string
		values []*eventpb.Summary_Value
		py, rb string
	}{
		{name: "an end of another version", values: []*eventpb.Summary_Value{start, hparamsValue("session_end_info", end)}, py: "version 5", rb: "version 5"},
		{name: "an end without an end", values: []*eventpb.Summary_Value{start, hparamsValue("session_end_info", noEnd)}, py: "no session_end_info", rb: "no session_end_info"},
		{name: "an end that began nowhere", values: []*eventpb.Summary_Value{experiment, hparamsValue("session_end_info", end)}},
		{name: "a scalar of two elements, without a session", values: []*eventpb.Summary_Value{experiment, two}, py: `tag "two": a tensor of shape [2]`},
		{name: "a scalar of two elements that is no metric", values: []*eventpb.Summary_Value{experiment, start, two}},
		{name: "a text, which is one element, without a session", values: []*eventpb.Summary_Value{experiment, text}},
	} {
		fsys := oneFile(version, at(1, test.values...))
		for view, want := range map[readers.View]string{readers.PythonServer{}: test.py, readers.DataServer{}: test.rb} {
			t.Run(test.name+"/"+view.Name(), func(t *testing.T) {
				err := load(t, view, fsys).PluginErrs["hparams"]
				if want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, want)
			})
		}
	}
}
