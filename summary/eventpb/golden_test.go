package eventpb_test

import (
	"archive/zip"
	"cmp"
	"encoding/hex"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/runhook/runhook/summary/eventpb"
)

// Records that TensorBoard's own RecordWriter and messages have produced.
var goldenRecords = []struct {
	name  string
	hex   string
	event *eventpb.Event
}{
	{
		"an empty payload",
		"000000000000000029039807d8ea82a2",
		&eventpb.Event{},
	},
	{
		"file_version",
		"1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c",
		&eventpb.Event{WallTime: 1.5, What: &eventpb.Event_FileVersion{FileVersion: "brain.Event:2"}},
	},
	{
		"file_version and source_metadata",
		"1d00000000000000602fdf2309000000000000f83f1a0d627261696e2e4576656e743a3252030a01774a329131",
		&eventpb.Event{
			WallTime:       1.5,
			What:           &eventpb.Event_FileVersion{FileVersion: "brain.Event:2"},
			SourceMetadata: &eventpb.SourceMetadata{Writer: "w"},
		},
	},
	{
		"a scalar as simple_value",
		"1a00000000000000129bd82d09000000000000f83f10072a0d0a0b0a046c6f7373150000803ec9d07b8d",
		&eventpb.Event{WallTime: 1.5, Step: 7, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{
			Value: []*eventpb.Summary_Value{{
				Tag:   "loss",
				Value: &eventpb.Summary_Value_SimpleValue{SimpleValue: 0.25},
			}},
		}}},
	},
	{
		"a scalar as tensor, with metadata",
		"31000000000000009d8383e909000000000000f83f10072a240a220a046c6f7373420a080112002a040000803e4a0e0a090a077363616c6172731a0164b2d8a3ee",
		&eventpb.Event{WallTime: 1.5, Step: 7, What: &eventpb.Event_Summary{Summary: &eventpb.Summary{
			Value: []*eventpb.Summary_Value{{
				Tag: "loss",
				Value: &eventpb.Summary_Value_Tensor{Tensor: &eventpb.TensorProto{
					Dtype:       eventpb.DataType_FLOAT,
					TensorShape: &eventpb.TensorShapeProto{},
					FloatVal:    []float32{0.25},
				}},
				Metadata: &eventpb.SummaryMetadata{
					PluginData:         &eventpb.SummaryMetadata_PluginData{PluginName: "scalars"},
					SummaryDescription: "d",
				},
			}},
		}}},
	},
	{
		"session_log",
		"0f000000000000006d532b0909000000000000f83f10053a020801b2a7e13c",
		&eventpb.Event{WallTime: 1.5, Step: 5, What: &eventpb.Event_SessionLog{
			SessionLog: &eventpb.SessionLog{Status: eventpb.SessionLog_START},
		}},
	},
}

func TestGoldenRecords(t *testing.T) {
	for _, test := range goldenRecords {
		t.Run(test.name, func(t *testing.T) {
			record, err := hex.DecodeString(test.hex)
			require.NoError(t, err)
			payloads := payloadsOf(t, record)
			require.Len(t, payloads, 1)

			got := new(eventpb.Event)
			require.NoError(t, proto.Unmarshal(payloads[0], got))
			require.True(t, proto.Equal(test.event, got), "got %v", got)

			require.Equal(t, hex.EncodeToString(payloads[0]), hex.EncodeToString(marshalInNumberOrder(t, test.event)))
		})
	}
}

// marshalInNumberOrder encodes m as C++ and Python do. Go's encoder puts the fields of a oneof behind all others.
func marshalInNumberOrder(t *testing.T, m proto.Message) []byte {
	t.Helper()
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(t, err)
	return inNumberOrder(t, m.ProtoReflect().Descriptor(), encoded)
}

func inNumberOrder(t *testing.T, message protoreflect.MessageDescriptor, encoded []byte) []byte {
	t.Helper()
	type field struct {
		number  protowire.Number
		encoded []byte
	}
	var fields []field
	for len(encoded) > 0 {
		number, wireType, n := protowire.ConsumeField(encoded)
		require.Positive(t, n)
		f := field{number, encoded[:n]}
		if d := message.Fields().ByNumber(number); d.Message() != nil {
			content, _ := protowire.ConsumeBytes(f.encoded[protowire.SizeTag(number):])
			f.encoded = protowire.AppendTag(nil, number, wireType)
			f.encoded = protowire.AppendBytes(f.encoded, inNumberOrder(t, d.Message(), content))
		}
		fields = append(fields, f)
		encoded = encoded[n:]
	}
	slices.SortStableFunc(fields, func(a, b field) int { return cmp.Compare(a.number, b.number) })
	ordered := []byte{}
	for _, f := range fields {
		ordered = append(ordered, f.encoded...)
	}
	return ordered
}

func TestFieldsLeftOutSurviveARoundTrip(t *testing.T) {
	// resource_handle_val (14) and variant_val (15) of TensorFlow's TensorProto.
	var payload []byte
	payload = protowire.AppendTag(payload, 1, protowire.VarintType)
	payload = protowire.AppendVarint(payload, uint64(eventpb.DataType_VARIANT))
	for _, number := range []protowire.Number{14, 15} {
		payload = protowire.AppendTag(payload, number, protowire.BytesType)
		payload = protowire.AppendBytes(payload, []byte("handle"))
	}

	tensor := new(eventpb.TensorProto)
	require.NoError(t, proto.Unmarshal(payload, tensor))
	require.Equal(t, eventpb.DataType_VARIANT, tensor.GetDtype())
	encoded, err := proto.Marshal(tensor)
	require.NoError(t, err)
	require.Equal(t, payload, encoded)
}

// The messages know every field that any of the writers has written, in events and
// in what events hold for plugins.
func TestEveryFieldOfEveryWriterIsKnown(t *testing.T) {
	archive, err := zip.OpenReader(filepath.Join("..", "eventlog", "testdata", "goldens.zip"))
	require.NoError(t, err)
	defer archive.Close()
	events, plugins := 0, make(map[string]int)
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, ".tfevents") {
			continue
		}
		opened, err := file.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(opened)
		require.NoError(t, err)
		for _, payload := range payloadsOf(t, content) {
			e := new(eventpb.Event)
			requireKnown(t, file.Name, payload, e)
			require.Equal(t, len(payload), proto.Size(e), file.Name)
			events++
			for _, v := range e.GetSummary().GetValue() {
				data := v.GetMetadata().GetPluginData()
				if m := pluginMessage(data.GetPluginName()); m != nil {
					requireKnown(t, file.Name, data.GetContent(), m)
					plugins[data.GetPluginName()]++
				}
				if data.GetPluginName() == "custom_scalars" {
					requireKnown(t, file.Name, v.GetTensor().GetStringVal()[0], new(eventpb.Layout))
				}
			}
		}
	}
	require.Greater(t, events, 600)
	require.Len(t, plugins, 8)
}

// pluginMessage is that in which a plugin has its content, nil if it has none.
func pluginMessage(plugin string) proto.Message {
	return map[string]proto.Message{
		"scalars": new(eventpb.ScalarPluginData), "histograms": new(eventpb.HistogramPluginData), "images": new(eventpb.ImagePluginData),
		"audio": new(eventpb.AudioPluginData), "text": new(eventpb.TextPluginData), "pr_curves": new(eventpb.PrCurvePluginData),
		"mesh": new(eventpb.MeshPluginData), "hparams": new(eventpb.HParamsPluginData),
	}[plugin]
}

func requireKnown(t *testing.T, file string, encoded []byte, m proto.Message) {
	t.Helper()
	require.NoError(t, proto.Unmarshal(encoded, m), file)
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(t, err, file)
	known := m.ProtoReflect().Type().New().Interface()
	require.NoError(t, proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, known), file)
	require.True(t, proto.Equal(m, known), "%s: unknown fields in %v", file, m)
}
