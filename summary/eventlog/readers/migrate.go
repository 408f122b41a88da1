package readers

import (
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// The names of plugins that readers treat in ways of their own.
const (
	scalars         = "scalars"
	histograms      = "histograms"
	distributions   = "distributions"
	images          = "images"
	audio           = "audio"
	text            = "text"
	prCurves        = "pr_curves"
	mesh            = "mesh"
	customScalars   = "custom_scalars"
	hparams         = "hparams"
	graphs          = "graphs"
	graphRun        = "graph_run_metadata"
	graphRunOps     = "graph_run_metadata_graph"
	graphKeras      = "graph_keras_model"
	graphTaggedRun  = "graph_tagged_run_metadata"
	runGraph        = "__run_graph__"
	graphSubVersion = "1" // all of the content of graphRun, graphRunOps and graphKeras
)

// classOf is the data class of the plugins that readers know, which is also the
// one that their pages ask for.
var classOf = map[string]eventpb.DataClass{
	scalars:       eventpb.DataClass_SCALAR,
	histograms:    eventpb.DataClass_TENSOR,
	text:          eventpb.DataClass_TENSOR,
	prCurves:      eventpb.DataClass_TENSOR,
	mesh:          eventpb.DataClass_TENSOR,
	customScalars: eventpb.DataClass_TENSOR,
	hparams:       eventpb.DataClass_TENSOR,
	images:        eventpb.DataClass_BLOB_SEQUENCE,
	audio:         eventpb.DataClass_BLOB_SEQUENCE,
	graphRun:      eventpb.DataClass_BLOB_SEQUENCE,
	graphRunOps:   eventpb.DataClass_BLOB_SEQUENCE,
	graphKeras:    eventpb.DataClass_BLOB_SEQUENCE,
}

// Contents of plugin data that readers make up for old values.
var (
	convertedImage = []byte{0x10, 1}           // ImagePluginData{converted_to_tensor}
	convertedWAV   = []byte{0x10, 11, 0x18, 1} // AudioPluginData{encoding: WAV, converted_to_tensor}
	convertedAudio = []byte{0x18, 1}           // AudioPluginData{converted_to_tensor}
)

// migrateValue turns a value of the old form into a tensor, as data_compat.py
// does, and sets the data class of known plugins, as dataclass_compat.py does.
// initial holds the metadata of each tag's first value in the file. The value
// is changed. An error is one that the Python server does not expect.
func migrateValue(v *eventpb.Summary_Value, initial map[string]*eventpb.SummaryMetadata) error {
	if err := migrateForm(v); err != nil {
		return err
	}
	first, ok := initial[v.GetTag()]
	if !ok {
		first = proto.CloneOf(v.GetMetadata())
		initial[v.GetTag()] = first
	}
	if first.GetDataClass() != eventpb.DataClass_UNKNOWN {
		return nil
	}
	plugin := first.GetPluginData().GetPluginName()
	class, ok := classOf[plugin]
	if !ok {
		return nil
	}
	if v.GetMetadata() != nil {
		v.Metadata.DataClass = class
	}
	switch plugin {
	case audio:
		return dropLabels(v.GetTensor())
	case hparams:
		if _, ok := v.GetValue().(*eventpb.Summary_Value_Tensor); !ok {
			v.Value = &eventpb.Summary_Value_Tensor{Tensor: nullTensor()}
		}
	case graphRun, graphRunOps, graphKeras:
		if len(v.GetTensor().GetTensorShape().GetDim()) == 0 {
			t := v.GetTensor()
			if t == nil {
				t = &eventpb.TensorProto{}
				v.Value = &eventpb.Summary_Value_Tensor{Tensor: t}
			}
			if t.TensorShape == nil {
				t.TensorShape = &eventpb.TensorShapeProto{}
			}
			t.TensorShape.Dim = []*eventpb.TensorShapeProto_Dim{{Size: 1}}
		}
	}
	return nil
}

// migrateForm replaces an old form, with its metadata, by a tensor.
func migrateForm(v *eventpb.Summary_Value) error {
	var plugin string
	var content []byte
	var tensor *eventpb.TensorProto
	switch old := v.GetValue().(type) {
	case *eventpb.Summary_Value_SimpleValue:
		plugin = scalars
		tensor = &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: shape(), FloatVal: []float32{old.SimpleValue}}
	case *eventpb.Summary_Value_Histo:
		plugin = histograms
		var err error
		if tensor, err = histogramRows(old.Histo); err != nil {
			return err
		}
	case *eventpb.Summary_Value_Image:
		plugin, content = images, convertedImage
		tensor = stringTensor(imageStrings(old.Image)...)
	case *eventpb.Summary_Value_Audio:
		plugin, content = audio, convertedWAV
		tensor = stringTensor(old.Audio.GetEncodedAudioString(), nil)
		tensor.TensorShape = shape(1, 2)
	default:
		return nil
	}
	name := v.GetMetadata().GetDisplayName()
	if name == "" {
		name = v.GetTag()
	}
	v.Metadata = &eventpb.SummaryMetadata{
		PluginData:         &eventpb.SummaryMetadata_PluginData{PluginName: plugin, Content: content},
		DisplayName:        name,
		SummaryDescription: v.GetMetadata().GetSummaryDescription(),
	}
	v.NodeName = ""
	v.Value = &eventpb.Summary_Value_Tensor{Tensor: tensor}
	return nil
}

// histogramRows is the Python server's form of an old histogram: without the
// empty buckets at both ends, from min to max, in float32.
func histogramRows(h *eventpb.HistogramProto) (*eventpb.TensorProto, error) {
	counts, limits := h.GetBucket(), h.GetBucketLimit()
	start, end := 0, len(counts)
	for start < end && !(counts[start] > 0) {
		start++
	}
	for end > start && !(counts[end-1] > 0) {
		end--
	}
	n := end - start
	if n > 0 && len(limits) < end-1 {
		return nil, fmt.Errorf("histogram of %d counts and %d limits: inhomogeneous shape", len(counts), len(limits))
	}
	t := &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: shape(int64(n), 3)}
	for i := start; i < end; i++ {
		left, right := h.GetMin(), h.GetMax()
		if i > start {
			left = limits[i-1]
		}
		if i < end-1 {
			right = limits[i]
		}
		t.FloatVal = append(t.FloatVal, float32(left), float32(right), float32(counts[i]))
	}
	return t, nil
}

// dropLabels keeps the first axis of a tensor of clips.
func dropLabels(t *eventpb.TensorProto) error {
	dims := t.GetTensorShape().GetDim()
	if len(dims) < 2 {
		return nil
	}
	stride := int64(1)
	for _, d := range dims[1:] {
		stride = mulSaturated(stride, d.GetSize())
	}
	t.TensorShape.Dim = dims[:1]
	if stride == 0 {
		return errors.New("audio tensor with an empty dimension: slice step cannot be zero")
	}
	all := t.GetStringVal()
	if stride == 1 || len(all) == 0 {
		return nil
	}
	at, kept := int64(0), [][]byte(nil)
	if stride < 0 {
		at = int64(len(all)) - 1
	}
	for at >= 0 && at < int64(len(all)) {
		kept = append(kept, all[at])
		if at += stride; stride > int64(len(all)) || stride < -int64(len(all)) {
			break
		}
	}
	t.StringVal = kept
	return nil
}

// mulSaturated multiplies; an overflow gives a product too large for any list.
func mulSaturated(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	if c := a * b; c/b == a && c != -1<<63 {
		return c
	}
	if (a < 0) != (b < 0) {
		return -1 << 62
	}
	return 1 << 62
}

// imageStrings are the elements of an image's tensor.
func imageStrings(im *eventpb.Summary_Image) [][]byte {
	return [][]byte{
		strconv.AppendInt(nil, int64(im.GetWidth()), 10),
		strconv.AppendInt(nil, int64(im.GetHeight()), 10),
		im.GetEncodedImageString(),
	}
}

// stringTensor is a tensor of rank 1.
func stringTensor(elements ...[]byte) *eventpb.TensorProto {
	return &eventpb.TensorProto{Dtype: eventpb.DataType_STRING, TensorShape: shape(int64(len(elements))), StringVal: elements}
}

// nullTensor stands for the value of a summary that is metadata only.
func nullTensor() *eventpb.TensorProto {
	return &eventpb.TensorProto{Dtype: eventpb.DataType_FLOAT, TensorShape: shape(0)}
}

func shape(sizes ...int64) *eventpb.TensorShapeProto {
	s := &eventpb.TensorShapeProto{}
	for _, n := range sizes {
		s.Dim = append(s.Dim, &eventpb.TensorShapeProto_Dim{Size: n})
	}
	return s
}
