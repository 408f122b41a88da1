package summary

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// A Value is one value of a summary: a tag and what TensorBoard shows under it.
// It is immutable and may be written any number of times, to any writer.
type Value struct {
	tag      string
	metadata []byte // encoded Summary.Value.metadata, "" for none
	scalar   float32
	body     []byte // the encoded field of Summary.Value; nil: simple_value is scalar
}

// Tag returns the tag.
func (v Value) Tag() string { return v.tag }

// Proto returns the value as a message with its metadata, of the caller's own. For
// a tag that is no valid UTF-8 it returns an error.
func (v Value) Proto() (*eventpb.Summary_Value, error) {
	s := new(eventpb.Summary)
	if err := proto.Unmarshal(v.append(nil, v.metadata), s); err != nil {
		return nil, fmt.Errorf("summary: value %q: %w", v.tag, err)
	}
	return s.Value[0], nil
}

// Described returns v with a name to show instead of its tag, and a description
// in Markdown. Each may be "". TensorBoard takes them from the first value of a
// tag.
func (v Value) Described(displayName, description string) Value {
	if len(v.metadata) == 0 || displayName == "" && description == "" {
		return v
	}
	_, _, n := protowire.ConsumeTag(v.metadata)
	message, _ := protowire.ConsumeBytes(v.metadata[n:])
	message = slices.Clip(message)
	for _, text := range []struct {
		field protowire.Number
		value string
	}{{metadataDisplayName, displayName}, {metadataDescription, description}} {
		if text.value != "" {
			message = appendString(message, text.field, strings.ToValidUTF8(text.value, "\uFFFD"))
		}
	}
	field := protowire.AppendTag(nil, valueMetadata, protowire.BytesType)
	v.metadata = protowire.AppendBytes(field, message)
	return v
}

// dataClass is SummaryMetadata.data_class.
type dataClass uint64

const (
	classUnknown      dataClass = 0
	classScalar       dataClass = 1
	classTensor       dataClass = 2
	classBlobSequence dataClass = 3
)

// Fields of SummaryMetadata, its PluginData, and Summary.Value. They are the
// wire format and cannot change.
const (
	metadataPluginData  = 1
	metadataDisplayName = 2
	metadataDescription = 3
	metadataDataClass   = 4
	pluginDataName      = 1
	pluginDataContent   = 2

	valueTag         = 1
	valueSimpleValue = 2
	valueObsolete    = 3
	valueImage       = 4
	valueHisto       = 5
	valueAudio       = 6
	valueTensor      = 8
	valueMetadata    = 9
)

// The metadata of the plugins that draw the values of this package. The data
// class is explicit because the data server ignores a metadata without one on
// the older forms of values.
var (
	scalarMetadata    = encodeMetadata("scalars", nil, classScalar)
	histogramMetadata = encodeMetadata("histograms", nil, classTensor)
	imageMetadata     = encodeMetadata("images", nil, classBlobSequence)
	textMetadata      = encodeMetadata("text", nil, classTensor)
)

// encodeMetadata returns the metadata field of a Summary.Value.
func encodeMetadata(plugin string, content []byte, class dataClass) []byte {
	data := protowire.AppendTag(nil, pluginDataName, protowire.BytesType)
	data = protowire.AppendString(data, plugin)
	if len(content) > 0 {
		data = protowire.AppendTag(data, pluginDataContent, protowire.BytesType)
		data = protowire.AppendBytes(data, content)
	}
	message := protowire.AppendTag(nil, metadataPluginData, protowire.BytesType)
	message = protowire.AppendBytes(message, data)
	message = protowire.AppendTag(message, metadataDataClass, protowire.VarintType)
	message = protowire.AppendVarint(message, uint64(class))

	field := protowire.AppendTag(nil, valueMetadata, protowire.BytesType)
	return protowire.AppendBytes(field, message)
}

// valueOf returns v in encoded form.
func valueOf(v *eventpb.Summary_Value) (Value, error) {
	if v == nil {
		return Value{}, errEmptyTag
	}
	var metadata []byte
	if m := v.GetMetadata(); m != nil {
		message, err := proto.Marshal(m)
		if err != nil {
			return Value{}, fmt.Errorf("summary: metadata of %q: %w", v.GetTag(), err)
		}
		metadata = protowire.AppendTag(nil, valueMetadata, protowire.BytesType)
		metadata = protowire.AppendBytes(metadata, message)
	}
	rest := proto.CloneOf(v)
	rest.Tag, rest.Metadata = "", nil
	body, err := proto.Marshal(rest)
	if err != nil {
		return Value{}, fmt.Errorf("summary: value %q: %w", v.GetTag(), err)
	}
	return Value{tag: v.GetTag(), metadata: metadata, body: body}, nil
}

var errEmptyTag = errors.New("summary: a value has no tag")

// checkTag reports a tag that no reader could show.
func checkTag(tag string) error {
	if tag == "" {
		return errEmptyTag
	}
	if !utf8.ValidString(tag) {
		return fmt.Errorf("summary: tag %q is no valid UTF-8", tag)
	}
	return nil
}
