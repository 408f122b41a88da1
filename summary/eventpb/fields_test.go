package eventpb_test

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/runhook/runhook/summary/eventpb"
)

// The messages of TensorFlow 2.21 as "number name type", with the oneof of a field in brackets.
var tensorflowFields = map[string][]string{
	"Event": {
		"1 wall_time double",
		"2 step int64",
		"3 file_version string [what]",
		"4 graph_def bytes [what]",
		"5 summary Summary [what]",
		"6 log_message LogMessage [what]",
		"7 session_log SessionLog [what]",
		"8 tagged_run_metadata TaggedRunMetadata [what]",
		"9 meta_graph_def bytes [what]",
		"10 source_metadata SourceMetadata",
	},
	"SourceMetadata":    {"1 writer string"},
	"LogMessage":        {"1 level LogMessage.Level", "2 message string"},
	"SessionLog":        {"1 status SessionLog.Status", "2 checkpoint_path string", "3 msg string"},
	"TaggedRunMetadata": {"1 tag string", "2 run_metadata bytes"},
	"Summary":           {"1 value repeated Summary.Value"},
	"Summary.Value": {
		"1 tag string",
		"2 simple_value float [value]",
		"3 obsolete_old_style_histogram bytes [value]",
		"4 image Summary.Image [value]",
		"5 histo HistogramProto [value]",
		"6 audio Summary.Audio [value]",
		"7 node_name string",
		"8 tensor TensorProto [value]",
		"9 metadata SummaryMetadata",
	},
	"Summary.Image": {
		"1 height int32",
		"2 width int32",
		"3 colorspace int32",
		"4 encoded_image_string bytes",
	},
	"Summary.Audio": {
		"1 sample_rate float",
		"2 num_channels int64",
		"3 length_frames int64",
		"4 encoded_audio_string bytes",
		"5 content_type string",
	},
	"HistogramProto": {
		"1 min double",
		"2 max double",
		"3 num double",
		"4 sum double",
		"5 sum_squares double",
		"6 bucket_limit packed double",
		"7 bucket packed double",
	},
	"SummaryMetadata": {
		"1 plugin_data SummaryMetadata.PluginData",
		"2 display_name string",
		"3 summary_description string",
		"4 data_class DataClass",
	},
	"SummaryMetadata.PluginData": {"1 plugin_name string", "2 content bytes"},
	"TensorProto": {
		"1 dtype DataType",
		"2 tensor_shape TensorShapeProto",
		"3 version_number int32",
		"4 tensor_content bytes",
		"5 float_val packed float",
		"6 double_val packed double",
		"7 int_val packed int32",
		"8 string_val repeated bytes",
		"9 scomplex_val packed float",
		"10 int64_val packed int64",
		"11 bool_val packed bool",
		"12 dcomplex_val packed double",
		"13 half_val packed int32",
		"16 uint32_val packed uint32",
		"17 uint64_val packed uint64",
		"18 float8_val bytes",
	},
	"TensorShapeProto":     {"2 dim repeated TensorShapeProto.Dim", "3 unknown_rank bool"},
	"TensorShapeProto.Dim": {"1 size int64", "2 name string"},
}

// The enums of TensorFlow 2.21 as "number name", without the prefixes DATA_CLASS_ and DT_ and without reference types.
var tensorflowEnums = map[string][]string{
	"LogMessage.Level":  {"0 UNKNOWN", "10 DEBUGGING", "20 INFO", "30 WARN", "40 ERROR", "50 FATAL"},
	"SessionLog.Status": {"0 STATUS_UNSPECIFIED", "1 START", "2 STOP", "3 CHECKPOINT"},
	"DataClass":         {"0 UNKNOWN", "1 SCALAR", "2 TENSOR", "3 BLOB_SEQUENCE"},
	"DataType": {
		"0 INVALID",
		"1 FLOAT", "2 DOUBLE", "3 INT32", "4 UINT8", "5 INT16", "6 INT8", "7 STRING", "8 COMPLEX64", "9 INT64", "10 BOOL",
		"11 QINT8", "12 QUINT8", "13 QINT32", "14 BFLOAT16", "15 QINT16", "16 QUINT16", "17 UINT16", "18 COMPLEX128",
		"19 HALF", "20 RESOURCE", "21 VARIANT", "22 UINT32", "23 UINT64", "24 FLOAT8_E5M2", "25 FLOAT8_E4M3FN",
		"26 FLOAT8_E4M3FNUZ", "27 FLOAT8_E4M3B11FNUZ", "28 FLOAT8_E5M2FNUZ", "29 INT4", "30 UINT4", "31 INT2", "32 UINT2",
		"33 FLOAT4_E2M1FN",
	},
}

const protoPackage = "runhook.eventpb"

var files = []protoreflect.FileDescriptor{
	eventpb.File_runhook_eventpb_event_proto,
	eventpb.File_runhook_eventpb_summary_proto,
	eventpb.File_runhook_eventpb_tensor_proto,
}

func TestFieldsAreTensorFlows(t *testing.T) {
	got := make(map[string][]string)
	eachMessage(func(m protoreflect.MessageDescriptor) {
		var fields []protoreflect.FieldDescriptor
		for i := range m.Fields().Len() {
			fields = append(fields, m.Fields().Get(i))
		}
		slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
		for _, f := range fields {
			got[shortName(m)] = append(got[shortName(m)], describe(f))
		}
	})
	require.Equal(t, tensorflowFields, got)
}

func TestEnumsAreTensorFlows(t *testing.T) {
	got := make(map[string][]string)
	add := func(enums protoreflect.EnumDescriptors) {
		for i := range enums.Len() {
			e := enums.Get(i)
			for j := range e.Values().Len() {
				v := e.Values().Get(j)
				got[shortName(e)] = append(got[shortName(e)], fmt.Sprintf("%d %s", v.Number(), v.Name()))
			}
		}
	}
	for _, f := range files {
		add(f.Enums())
	}
	eachMessage(func(m protoreflect.MessageDescriptor) { add(m.Enums()) })
	require.Equal(t, tensorflowEnums, got)
}

// All names that Go registers are below one file path and one proto package, neither of which is TensorFlow's.
func TestRegisteredNamesAreOurOwn(t *testing.T) {
	for _, f := range files {
		require.Equal(t, "runhook/eventpb", path.Dir(f.Path()))
		require.EqualValues(t, protoPackage, f.Package())
		for i := range f.Imports().Len() {
			require.Contains(t, files, f.Imports().Get(i).FileDescriptor)
		}
	}
}

func eachMessage(f func(protoreflect.MessageDescriptor)) {
	var walk func(protoreflect.MessageDescriptors)
	walk = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			f(messages.Get(i))
			walk(messages.Get(i).Messages())
		}
	}
	for _, file := range files {
		walk(file.Messages())
	}
}

func describe(f protoreflect.FieldDescriptor) string {
	s := fmt.Sprintf("%d %s ", f.Number(), f.Name())
	switch {
	case f.IsPacked():
		s += "packed "
	case f.IsList():
		s += "repeated "
	}
	switch f.Kind() {
	case protoreflect.MessageKind:
		s += shortName(f.Message())
	case protoreflect.EnumKind:
		s += shortName(f.Enum())
	default:
		s += f.Kind().String()
	}
	if o := f.ContainingOneof(); o != nil {
		s += fmt.Sprintf(" [%s]", o.Name())
	}
	return s
}

func shortName(d protoreflect.Descriptor) string {
	return strings.TrimPrefix(string(d.FullName()), protoPackage+".")
}
