package eventlog_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventlog"
	"github.com/runhook/runhook/summary/eventpb"
)

// requireAgreement decodes any payload at all: there is no panic, and what the
// generated messages find in it is found here too.
func requireAgreement(t *testing.T, payload []byte) {
	t.Helper()
	var d eventlog.Decoder
	var e eventlog.Event
	decoded := d.Decode(payload, &e)
	var values []eventlog.Value
	var fault error
	if decoded == nil {
		for v, err := range e.Values() {
			if err != nil {
				fault = err
				break
			}
			values = append(values, v)
			readAll(v)
		}
	}
	m := new(eventpb.Event)
	if proto.Unmarshal(payload, m) != nil {
		return
	}
	require.NoError(t, decoded)
	require.NoError(t, fault)
	require.Equal(t, math.Float64bits(m.GetWallTime()), math.Float64bits(e.WallTime))
	require.Equal(t, m.GetStep(), e.Step)
	require.Equal(t, what(m), e.What)
	if m.GetSummary() == nil {
		return
	}
	require.Len(t, values, len(m.GetSummary().GetValue()))
	for i, want := range m.GetSummary().GetValue() {
		requireSameValue(t, want, values[i])
	}
}

func what(m *eventpb.Event) eventlog.What {
	switch m.GetWhat().(type) {
	case *eventpb.Event_FileVersion:
		return eventlog.FileVersion
	case *eventpb.Event_GraphDef:
		return eventlog.GraphDef
	case *eventpb.Event_Summary:
		return eventlog.Summary
	case *eventpb.Event_LogMessage:
		return eventlog.LogMessage
	case *eventpb.Event_SessionLog:
		return eventlog.SessionLog
	case *eventpb.Event_TaggedRunMetadata:
		return eventlog.TaggedRunMetadata
	case *eventpb.Event_MetaGraphDef:
		return eventlog.MetaGraphDef
	}
	return eventlog.Nothing
}

// readAll calls everything that reads a value.
func readAll(v eventlog.Value) {
	v.Scalar()
	v.Histogram()
	v.Images()
	v.Audio()
	v.Blobs()
	if tensor, err := v.Tensor(); err == nil {
		tensor.Data()
		tensor.Float64s()
	}
}

func requireSameValue(t *testing.T, want *eventpb.Summary_Value, v eventlog.Value) {
	t.Helper()
	require.Equal(t, want.GetTag(), v.Tag)
	switch value := want.GetValue().(type) {
	case *eventpb.Summary_Value_SimpleValue:
		x, err := v.Scalar()
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(float64(value.SimpleValue)), math.Float64bits(x))
	case *eventpb.Summary_Value_Image:
		images, err := v.Images()
		require.NoError(t, err)
		require.EqualValues(t, value.Image.GetWidth(), images.Width)
		require.EqualValues(t, value.Image.GetHeight(), images.Height)
		require.Equal(t, string(value.Image.GetEncodedImageString()), string(images.Encoded[0]))
	case *eventpb.Summary_Value_Audio:
		clips, err := v.Audio()
		require.NoError(t, err)
		require.Equal(t, string(value.Audio.GetEncodedAudioString()), string(clips[0].Encoded))
		require.Equal(t, value.Audio.GetNumChannels(), clips[0].Channels)
	case *eventpb.Summary_Value_Histo:
		buckets, err := v.Histogram()
		if err == nil && len(buckets) > 0 {
			require.Equal(t, math.Float64bits(value.Histo.GetMin()), math.Float64bits(buckets[0].Left))
			require.Equal(t, math.Float64bits(value.Histo.GetMax()), math.Float64bits(buckets[len(buckets)-1].Right))
		}
	case *eventpb.Summary_Value_Tensor:
		tensor, err := v.Tensor()
		if err == nil {
			requireSameTensor(t, value.Tensor, tensor)
		}
	}
}

// requireSameTensor compares the types whose elements the message has as they
// are.
func requireSameTensor(t *testing.T, want *eventpb.TensorProto, got eventlog.Tensor) {
	t.Helper()
	require.Equal(t, want.GetDtype(), got.DType)
	require.Len(t, got.Shape, len(want.GetTensorShape().GetDim()))
	n := int64(1)
	for i, d := range want.GetTensorShape().GetDim() {
		require.Equal(t, d.GetSize(), got.Shape[i])
		n *= d.GetSize()
	}
	require.EqualValues(t, n, got.Len())
	if len(want.GetTensorContent()) > 0 || got.Len() == 0 {
		return
	}
	switch data := got.Data().(type) {
	case []float32:
		require.Len(t, data, got.Len())
		if want.GetDtype() == eventpb.DataType_FLOAT {
			for i, x := range data {
				val := want.GetFloatVal()[min(i, len(want.GetFloatVal())-1)]
				require.True(t, math.Float32bits(val) == math.Float32bits(x) || val != val && x != x)
			}
		}
	case []float64:
		for i, x := range data {
			require.Equal(t, math.Float64bits(want.GetDoubleVal()[min(i, len(want.GetDoubleVal())-1)]), math.Float64bits(x))
		}
	case []int64:
		for i, x := range data {
			if want.GetDtype() == eventpb.DataType_INT64 {
				require.Equal(t, want.GetInt64Val()[min(i, len(want.GetInt64Val())-1)], x)
			} else {
				require.EqualValues(t, want.GetIntVal()[min(i, len(want.GetIntVal())-1)], x)
			}
		}
	case []bool:
		for i, x := range data {
			require.Equal(t, want.GetBoolVal()[min(i, len(want.GetBoolVal())-1)], x)
		}
	case [][]byte:
		for i, x := range data {
			require.Equal(t, string(want.GetStringVal()[min(i, len(want.GetStringVal())-1)]), string(x))
		}
	}
}

// tensorMessage is an encoded TensorProto: elements are whole fields.
func tensorMessage(dtype uint64, shape []int64, elements []byte) []byte {
	var dims []byte
	for _, size := range shape {
		dim := protowire.AppendTag(nil, 1, protowire.VarintType)
		dim = protowire.AppendVarint(dim, uint64(size))
		dims = protowire.AppendTag(dims, 2, protowire.BytesType)
		dims = protowire.AppendBytes(dims, dim)
	}
	b := protowire.AppendTag(nil, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, dtype)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendBytes(b, dims)
	return append(b, elements...)
}
