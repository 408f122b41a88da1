package eventlog

import (
	"cmp"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventpb"
)

// A Kind tells how to read a value: which of its methods fits.
type Kind uint8

// The kinds, each with the plugin whose values it is and what holds them.
const (
	KindUnknown       Kind = iota + 1 // no value, or one in a form that nothing reads any more, whatever the plugin
	KindScalar                        // scalars, or data class SCALAR: Scalar
	KindHistogram                     // histograms: Histogram
	KindImage                         // images: Images
	KindAudio                         // audio: Audio
	KindText                          // text: Blobs; a table where the Tensor has rank 1 or 2
	KindPRCurve                       // pr_curves: Tensor, FLOAT [6, thresholds]
	KindMesh                          // mesh: Tensor, and the Metadata's Content
	KindHParams                       // hparams: the Metadata's Content
	KindCustomScalars                 // custom_scalars: Blobs, one serialized Layout
	KindGraph                         // a GraphDef event, or graph_keras_model: Blobs
	KindRunMetadata                   // a TaggedRunMetadata event, or graph_run_metadata…: Blobs
	KindTensor                        // data class TENSOR, or none: Tensor
	KindBlob                          // data class BLOB_SEQUENCE: Blobs
)

var kindNames = [...]string{
	KindUnknown: "unknown", KindScalar: "scalar", KindHistogram: "histogram", KindImage: "image", KindAudio: "audio", KindText: "text",
	KindPRCurve: "pr_curve", KindMesh: "mesh", KindHParams: "hparams", KindCustomScalars: "custom_scalars", KindGraph: "graph",
	KindRunMetadata: "run_metadata", KindTensor: "tensor", KindBlob: "blob",
}

// String returns the kind in lower case: "scalar", "pr_curve".
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// plugins are those that come with TensorBoard: what their values are, and the
// class that tensorboard/dataclass_compat.py gives them.
var plugins = map[string]struct {
	kind  Kind
	class eventpb.DataClass
}{
	"scalars":                   {KindScalar, eventpb.DataClass_SCALAR},
	"histograms":                {KindHistogram, eventpb.DataClass_TENSOR},
	"images":                    {KindImage, eventpb.DataClass_BLOB_SEQUENCE},
	"audio":                     {KindAudio, eventpb.DataClass_BLOB_SEQUENCE},
	"text":                      {KindText, eventpb.DataClass_TENSOR},
	"pr_curves":                 {KindPRCurve, eventpb.DataClass_TENSOR},
	"mesh":                      {KindMesh, eventpb.DataClass_TENSOR},
	"hparams":                   {KindHParams, eventpb.DataClass_TENSOR},
	"custom_scalars":            {KindCustomScalars, eventpb.DataClass_TENSOR},
	"graphs":                    {KindGraph, eventpb.DataClass_BLOB_SEQUENCE},
	"graph_keras_model":         {KindGraph, eventpb.DataClass_BLOB_SEQUENCE},
	"graph_run_metadata":        {KindRunMetadata, eventpb.DataClass_BLOB_SEQUENCE},
	"graph_run_metadata_graph":  {KindRunMetadata, eventpb.DataClass_BLOB_SEQUENCE},
	"graph_tagged_run_metadata": {KindRunMetadata, eventpb.DataClass_BLOB_SEQUENCE},
}

// Metadata says what the values of a tag are. It is shared by them and
// read-only; it may be kept.
type Metadata struct {
	Plugin      string // whose values they are; empty if nothing says so
	Content     []byte // for the plugin alone, often a message of its own
	DisplayName string
	Description string // Markdown
	DataClass   eventpb.DataClass

	kind Kind // 0: to be seen from each value
}

var (
	noMetadata          = new(Metadata)
	graphMetadata       = &Metadata{Plugin: "graphs", DataClass: eventpb.DataClass_BLOB_SEQUENCE, kind: KindGraph}
	runMetadataMetadata = &Metadata{
		Plugin: "graph_tagged_run_metadata", DataClass: eventpb.DataClass_BLOB_SEQUENCE, kind: KindRunMetadata,
	}
)

// runGraphTag is the tag that TensorBoard gives to a run's graph.
const runGraphTag = "__run_graph__"

// blank reports whether m leaves open what the values are.
func (m *Metadata) blank() bool { return m.Plugin == "" && m.DataClass == eventpb.DataClass_UNKNOWN }

// parse reads an encoded SummaryMetadata, and adds the class that goes with the
// plugin where none is given.
func (m *Metadata) parse(b []byte) error {
	var plugin []byte
	f := fields{rest: b}
	for f.next() {
		switch {
		case f.is(metadataPluginData, protowire.BytesType):
			plugin = merged(plugin, f.bytes)
		case f.is(metadataDisplayName, protowire.BytesType):
			m.DisplayName = string(f.bytes)
		case f.is(metadataDescription, protowire.BytesType):
			m.Description = string(f.bytes)
		case f.is(metadataDataClass, protowire.VarintType):
			m.DataClass = eventpb.DataClass(f.num)
		}
	}
	p := fields{rest: plugin}
	for p.next() {
		switch {
		case p.is(pluginDataName, protowire.BytesType):
			m.Plugin = string(p.bytes)
		case p.is(pluginDataContent, protowire.BytesType):
			m.Content = append([]byte(nil), p.bytes...)
		}
	}
	if f.bad || p.bad {
		return fmt.Errorf("no SummaryMetadata")
	}
	for _, text := range []string{m.Plugin, m.DisplayName, m.Description} {
		if !utf8.ValidString(text) {
			return fmt.Errorf("metadata: %q is no UTF-8", text)
		}
	}
	if known, ok := plugins[m.Plugin]; ok {
		m.kind = known.kind
		if m.DataClass == eventpb.DataClass_UNKNOWN {
			m.DataClass = known.class
		}
		return nil
	}
	switch {
	case m.DataClass == eventpb.DataClass_SCALAR:
		m.kind = KindScalar
	case m.DataClass == eventpb.DataClass_BLOB_SEQUENCE:
		m.kind = KindBlob
	case !m.blank():
		m.kind = KindTensor
	}
	return nil
}

// migrate returns what tensorboard/data_compat.py puts in the place of m for a
// value of the tag in an old form.
func (m *Metadata) migrate(form form, tag string) *Metadata {
	out := &Metadata{DisplayName: cmp.Or(m.DisplayName, tag), Description: m.Description}
	switch form {
	case formSimple:
		out.Plugin = "scalars"
	case formHistogram:
		out.Plugin = "histograms"
	case formImage:
		out.Plugin, out.Content = "images", []byte{2 << 3, 1} // converted_to_tensor
	case formAudio:
		out.Plugin, out.Content = "audio", []byte{2 << 3, audioWAV, 3 << 3, 1} // encoding, converted_to_tensor
	}
	known := plugins[out.Plugin]
	out.DataClass, out.kind = known.class, known.kind
	return out
}
