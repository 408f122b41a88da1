package readers

import (
	"fmt"

	"github.com/runhook/runhook/summary/eventpb"
)

// enrich makes of a value what its series' data class says: a float64, a datum
// that is a tensor, or blobs (EventValue.into_scalar, into_tensor and
// into_blob_sequence).
func enrich(d datum, md *eventpb.SummaryMetadata) (any, error) {
	switch md.GetDataClass() {
	case eventpb.DataClass_SCALAR:
		return enrichScalar(d)
	case eventpb.DataClass_TENSOR:
		return enrichTensor(d)
	}
	return enrichBlobs(d, md.GetPluginData().GetPluginName())
}

func enrichScalar(d datum) (any, error) {
	switch d.kind {
	case simpleDatum, floatDatum:
		return float64(d.scalar), nil
	case tensorDatum:
		t := d.tensor
		if dims := t.GetTensorShape().GetDim(); len(dims) > 0 {
			return nil, fmt.Errorf("a tensor of rank %d, want 0", len(dims))
		}
		if t.GetDtype() != eventpb.DataType_FLOAT {
			return nil, fmt.Errorf("a tensor of type %v, want FLOAT", t.GetDtype())
		}
		// Of a message with both fields, this one counts here; numpy takes the
		// other.
		if v := t.GetFloatVal(); len(v) == 1 {
			return float64(v[0]), nil
		}
		return nil, fmt.Errorf("a tensor with %d elements and %d bytes of content, want one float", len(t.GetFloatVal()), len(t.GetTensorContent()))
	}
	return nil, fmt.Errorf("%s, want a scalar", d.what())
}

func enrichTensor(d datum) (any, error) {
	switch d.kind {
	case floatDatum, tensorDatum:
		return d, nil
	}
	h, ok := d.old.GetValue().(*eventpb.Summary_Value_Histo)
	if !ok {
		return nil, fmt.Errorf("%s, want a tensor", d.what())
	}
	counts, limits := h.Histo.GetBucket(), h.Histo.GetBucketLimit()
	if len(counts) != len(limits) {
		return nil, fmt.Errorf("a histogram of %d counts and %d limits", len(counts), len(limits))
	}
	rows := &eventpb.TensorProto{Dtype: eventpb.DataType_DOUBLE, TensorShape: shape(int64(len(counts)), 3)}
	left := h.Histo.GetMin()
	for i, count := range counts {
		right := h.Histo.GetMax()
		if i < len(counts)-1 {
			right = limits[i]
		}
		rows.DoubleVal = append(rows.DoubleVal, left, right, count)
		left = right
	}
	return datum{kind: tensorDatum, tensor: rows}, nil
}

func enrichBlobs(d datum, plugin string) (any, error) {
	switch d.kind {
	case blobDatum:
		return blobs(d.blob), nil
	case oldDatum:
		switch old := d.old.GetValue().(type) {
		case *eventpb.Summary_Value_Image:
			return blobs(imageStrings(old.Image)...), nil
		case *eventpb.Summary_Value_Audio:
			return blobs(old.Audio.GetEncodedAudioString()), nil
		}
	case tensorDatum:
		t := d.tensor
		if t.GetDtype() != eventpb.DataType_STRING {
			return nil, fmt.Errorf("a tensor of type %v, want STRING", t.GetDtype())
		}
		dims, strings := t.GetTensorShape().GetDim(), t.GetStringVal()
		switch {
		case len(dims) == 1:
			return blobs(strings...), nil
		case len(dims) == 2 && dims[1].GetSize() == 2 && plugin == audio:
			var clips [][]byte
			for i := 0; i+1 < len(strings); i += 2 {
				clips = append(clips, strings[i])
			}
			return blobs(clips...), nil
		case len(dims) == 0 && len(strings) == 1 && (plugin == graphRun || plugin == graphRunOps || plugin == graphKeras):
			return blobs(strings...), nil
		}
		return nil, fmt.Errorf("a tensor of rank %d with %d strings, want rank 1", len(dims), len(strings))
	}
	return nil, fmt.Errorf("%s, want a tensor of strings", d.what())
}

func blobs(data ...[]byte) []Blob {
	out := make([]Blob, len(data))
	for i, b := range data {
		out[i].Data = b
	}
	return out
}

// what names a value.
func (d datum) what() string {
	switch d.kind {
	case simpleDatum:
		return "a simple_value"
	case floatDatum, tensorDatum:
		return "a tensor"
	case blobDatum:
		return "a graph or run metadata"
	}
	switch d.old.GetValue().(type) {
	case *eventpb.Summary_Value_Image:
		return "an image"
	case *eventpb.Summary_Value_Audio:
		return "a clip"
	case *eventpb.Summary_Value_Histo:
		return "a histogram"
	}
	return "a value of a form that is no longer read"
}
