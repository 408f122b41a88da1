package summary_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"image"
	"image/color"
	"image/png"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/histogram"
	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// Records that TensorBoard's own writer has made, wall time 1.5.
func TestRecordsEqualTensorBoardsOwn(t *testing.T) {
	plain, err := summary.ValueOf(simple("loss", 0.25).Value[0])
	require.NoError(t, err)
	tensor, err := summary.ValueOf(&eventpb.Summary_Value{
		Tag:      "loss",
		Value:    &eventpb.Summary_Value_Tensor{Tensor: &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: &eventpb.TensorShapeProto{}, FloatVal: []float32{0.25}}},
		Metadata: &eventpb.SummaryMetadata{PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: "scalars"}, SummaryDescription: "d"},
	})
	require.NoError(t, err)
	for _, c := range []struct {
		name    string
		payload []byte
		want    string
	}{
		{"loss=0.25 @7, simple_value", summary.EncodeEvent(1.5, 7, true, plain), "1a00000000000000129bd82d09000000000000f83f10072a0d0a0b0a046c6f7373150000803ec9d07b8d"},
		{"loss=0.25 @7, tensor", summary.EncodeEvent(1.5, 7, true, tensor), "31000000000000009d8383e909000000000000f83f10072a240a220a046c6f7373420a080112002a040000803e4a0e0a090a077363616c6172731a0164b2d8a3ee"},
		{"START @5", summary.EncodeStart(1.5, 5), "0f000000000000006d532b0909000000000000f83f10053a020801b2a7e13c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, hex.EncodeToString(tfrecord.Append(nil, c.payload)))
		})
	}
}

// classed is the metadata of a plugin.
func classed(plugin string, class eventpb.DataClass) *eventpb.SummaryMetadata {
	return &eventpb.SummaryMetadata{
		PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: plugin},
		DataClass:  class,
	}
}

func scalarMessage(tag string, value float32) *eventpb.Summary_Value {
	return &eventpb.Summary_Value{
		Tag:      tag,
		Value:    &eventpb.Summary_Value_SimpleValue{SimpleValue: value},
		Metadata: classed("scalars", eventpb.DataClass_SCALAR),
	}
}

func histogramMessage(tag string, values []float64) *eventpb.Summary_Value {
	var h histogram.Histogram
	histogram.Add(&h, values)
	rows := h.AppendRows(nil)
	tensor := &eventpb.TensorProto{
		Dtype:       eventpb.DataType_DOUBLE,
		TensorShape: &eventpb.TensorShapeProto{Dim: []*eventpb.TensorShapeProto_Dim{{Size: int64(len(rows) / 3)}, {Size: 3}}},
	}
	for _, x := range rows {
		tensor.TensorContent = binary.LittleEndian.AppendUint64(tensor.TensorContent, math.Float64bits(x))
	}
	return &eventpb.Summary_Value{
		Tag:      tag,
		Value:    &eventpb.Summary_Value_Tensor{Tensor: tensor},
		Metadata: classed("histograms", eventpb.DataClass_TENSOR),
	}
}

// requireEncoded compares a hand-encoded event with the message that it is to
// be: in what it says, and in the size that the protobuf library would give it.
func requireEncoded(t testing.TB, want *eventpb.Event, payload []byte) {
	t.Helper()
	got := new(eventpb.Event)
	require.NoError(t, proto.Unmarshal(payload, got))
	requireEqualMessage(t, want, got)
	require.Empty(t, got.ProtoReflect().GetUnknown())
	require.Equal(t, proto.Size(want), len(payload))
}

func TestEveryEncodedEventIsTheMessage(t *testing.T) {
	type adder func(w *summary.FileWriter, step int64) error
	scalar := func(value float64) adder {
		return func(w *summary.FileWriter, step int64) error { return w.Scalar("loss", value, step) }
	}
	messages := func(values ...*eventpb.Summary_Value) []*eventpb.Summary_Value { return values }
	picture := image.NewNRGBA(image.Rect(0, 0, 300, 2)) // sizes beyond one byte of a varint
	picture.SetNRGBA(1, 1, color.NRGBA{R: 200, A: 100})
	many := make([]float64, 3000)
	for i := range many {
		many[i] = float64(i*i) - 1000
	}
	var wide []summary.Value
	var wideMessages []*eventpb.Summary_Value
	for i := range 300 {
		tag := "wide/" + string(rune('a'+i))
		wide = append(wide, summary.ScalarValue(tag, float64(i)))
		wideMessages = append(wideMessages, scalarMessage(tag, float32(i)))
	}
	for _, c := range []struct {
		name string
		step int64
		add  adder
		want []*eventpb.Summary_Value
	}{
		{"a scalar", 7, scalar(0.25), messages(scalarMessage("loss", 0.25))},
		{"zero at step zero", 0, scalar(0), messages(scalarMessage("loss", 0))},
		{"minus zero", 1, scalar(math.Copysign(0, -1)), messages(scalarMessage("loss", float32(math.Copysign(0, -1))))},
		{"NaN", 1, scalar(math.NaN()), messages(scalarMessage("loss", float32(math.NaN())))},
		{"infinity", 1, scalar(math.Inf(-1)), messages(scalarMessage("loss", float32(math.Inf(-1))))},
		{"beyond float32", 1, scalar(1e300), messages(scalarMessage("loss", float32(math.Inf(1))))},
		{"a negative step", -1, scalar(1), messages(scalarMessage("loss", 1))},
		{"the least step", math.MinInt64 + 1, scalar(1), messages(scalarMessage("loss", 1))},
		{"a step beyond 2⁵³", 1<<53 + 1, scalar(1), messages(scalarMessage("loss", 1))},
		{"the greatest step", math.MaxInt64, scalar(1), messages(scalarMessage("loss", 1))},
		{"two scalars", 3, func(w *summary.FileWriter, step int64) error {
			return w.Add(step, summary.ScalarValue("a", 1), summary.ScalarValue("b", 2))
		}, messages(scalarMessage("a", 1), scalarMessage("b", 2))},
		{"hundreds of scalars", 3, func(w *summary.FileWriter, step int64) error { return w.Add(step, wide...) }, wideMessages},
		{"a histogram", 4, func(w *summary.FileWriter, step int64) error { return w.Histogram("h", many, step) }, messages(histogramMessage("h", many))},
		{"an image", 5, func(w *summary.FileWriter, step int64) error { return w.Image("img", picture, step) }, messages(&eventpb.Summary_Value{
			Tag:      "img",
			Metadata: classed("images", eventpb.DataClass_BLOB_SEQUENCE),
			Value:    &eventpb.Summary_Value_Image{Image: &eventpb.Summary_Image{Height: 2, Width: 300, Colorspace: 4}},
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(123456789 * time.Nanosecond)
				f := newMemoryFile()
				w := openOn(t, f, summary.FileWriterConfig{})
				require.NoError(t, c.add(w, c.step))
				require.NoError(t, c.add(w, c.step))
				require.NoError(t, w.Close())
				written := payloads(t, bytes.NewReader(f.contents()))[1:]
				require.Len(t, written, 2)
				want := &eventpb.Event{
					WallTime: float64(time.Now().Unix()) + float64(time.Now().Nanosecond())/1e9,
					Step:     c.step,
					What:     &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: c.want}},
				}
				if i := c.want[0].GetImage(); i != nil {
					i.EncodedImageString = pngOf(t, written[0])
					decoded, err := png.Decode(bytes.NewReader(i.EncodedImageString))
					require.NoError(t, err)
					require.Equal(t, picture, decoded)
				}
				requireEncoded(t, want, written[0])
				for _, v := range c.want {
					v.Metadata = nil
				}
				requireEncoded(t, want, written[1])
			})
		})
	}
}

// pngOf returns the picture of an event that has one value.
func pngOf(t testing.TB, payload []byte) []byte {
	t.Helper()
	e := new(eventpb.Event)
	require.NoError(t, proto.Unmarshal(payload, e))
	return e.GetSummary().GetValue()[0].GetImage().GetEncodedImageString()
}

func FuzzEncodeScalar(f *testing.F) {
	f.Add("loss", 0.25, int64(7), 1.5, true)
	f.Add("", math.NaN(), int64(-1), math.Inf(1), false)
	f.Add("größe/日本語", math.Copysign(0, -1), int64(math.MinInt64), 0.0, true)
	f.Add("x", math.MaxFloat64, int64(1<<53+1), -1.0, false)
	f.Fuzz(func(t *testing.T, tag string, value float64, step int64, wallTime float64, described bool) {
		// The writer refuses a tag that is no text; the message could not hold it.
		message := scalarMessage(tag, float32(value))
		if !described {
			message.Metadata = nil
		}
		want := &eventpb.Event{
			WallTime: wallTime,
			Step:     step,
			What:     &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{message, message}}},
		}
		if _, err := proto.Marshal(want); err != nil {
			t.Skip(err)
		}
		v := summary.ScalarValue(tag, value)
		require.Equal(t, tag, v.Tag())
		payload := summary.EncodeEvent(wallTime, step, described, v, v)

		// An empty tag, a wall time of 0 and a step of 0 may be left out or not.
		got := new(eventpb.Event)
		require.NoError(t, proto.Unmarshal(payload, got))
		requireEqualMessage(t, want, got)
		if tag != "" && math.Float64bits(wallTime) != 0 {
			require.Equal(t, proto.Size(want), len(payload))
		}
	})
}

func TestAValueIsAMessage(t *testing.T) {
	text, err := summary.TextValue("t", "hello")
	require.NoError(t, err)
	for _, v := range []summary.Value{summary.ScalarValue("loss", 0.25), text.Described("shown", "as")} {
		m, err := v.Proto()
		require.NoError(t, err)
		s := new(eventpb.Event)
		require.NoError(t, proto.Unmarshal(summary.EncodeEvent(1, 2, true, v), s))
		requireEqualMessage(t, s.GetSummary().GetValue()[0], m)
	}
	_, err = summary.ScalarValue("a\xff", 1).Proto()
	require.ErrorContains(t, err, `summary: value "a\xff":`)
}
