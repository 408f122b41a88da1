package eventlog

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventpb"
)

// A form is how a value is stored: the member of the oneof in Summary.Value, by
// its field number.
type form uint8

const (
	formNone      form = 0
	formSimple    form = 2
	formObsolete  form = 3
	formImage     form = 4
	formHistogram form = 5
	formAudio     form = 6
	formTensor    form = 8
	formBlob      form = 255 // no Summary.Value at all: a graph, a run's metadata
)

// old reports whether TensorBoard turns values in this form into tensors.
func (f form) old() bool {
	return f == formSimple || f == formImage || f == formHistogram || f == formAudio
}

func (f form) String() string {
	switch f {
	case formNone:
		return "no value"
	case formSimple:
		return "simple_value"
	case formObsolete:
		return "obsolete_old_style_histogram"
	case formImage:
		return "image"
	case formHistogram:
		return "histo"
	case formAudio:
		return "audio"
	case formTensor:
		return "tensor"
	}
	return "bytes"
}

// A Value is one value of a tag. Kind tells which method reads it; a method that
// does not fit returns an error that Is ErrMalformed, and so does one that finds
// something else than it should. Values in TensorFlow's old form (simple_value,
// histo, image, audio) and in the new one (tensor) read alike, as in
// TensorBoard: tensorboard/data_compat.py and dataclass_compat.py.
//
// Slices of bytes that the methods return point into the record and are valid
// as long as the event; everything else is the caller's.
type Value struct {
	Tag      string
	Kind     Kind
	Metadata *Metadata // the value's own, or of the tag's first; never nil

	form    form
	assumed bool   // Kind is not from metadata
	bits    uint32 // of a simple_value
	data    []byte // the member that form names
	tag     *tag
}

// assume is the kind of a value of which no metadata say what it is.
func (v *Value) assume() Kind {
	switch v.form {
	case formTensor:
		if h, err := parseHeader(v.data); err == nil && h.rank == 0 && layouts[h.dtype].numeric() {
			return KindScalar
		}
		return KindTensor
	case formBlob:
		return KindBlob
	}
	return KindUnknown
}

func (v *Value) fault(err error) error { return malformed("tag %q: %w", v.Tag, err) }

func (v *Value) unfit(want string) error { return v.fault(fmt.Errorf("%v is no %s", v.form, want)) }

// Scalar returns the number that the value is: a simple_value, or the only
// element of a numeric tensor. Of integers beyond ±2⁵³ it returns the nearest
// float64; Tensor has them all.
func (v *Value) Scalar() (float64, error) {
	switch v.form {
	case formSimple:
		return simple(v.bits), nil
	case formTensor:
		x, err := scalarOf(v.data)
		if err != nil {
			return 0, v.fault(err)
		}
		return x, nil
	}
	return 0, v.unfit("scalar")
}

// Tensor returns the value as a tensor. One in the old form becomes what
// TensorBoard makes of it: a scalar FLOAT [], a histogram DOUBLE [buckets, 3]
// (TensorBoard rounds to FLOAT), a picture STRING [3] of width, height and
// bytes, a clip, a graph and a run's metadata STRING [1]; a value of KindHParams
// without tensor FLOAT [0].
func (v *Value) Tensor() (Tensor, error) {
	switch v.form {
	case formTensor:
		t, err := ParseTensor(v.data)
		if err != nil {
			return Tensor{}, v.fault(err)
		}
		return t, nil
	case formSimple:
		return floatTensor(v.bits), nil
	case formHistogram:
		buckets, err := v.Histogram()
		if err != nil {
			return Tensor{}, err
		}
		return bucketTensor(buckets), nil
	case formImage, formAudio, formBlob:
		blobs, err := v.Blobs()
		if err != nil {
			return Tensor{}, err
		}
		return stringTensor(blobs), nil
	case formNone:
		if v.Kind == KindHParams {
			return Tensor{DType: eventpb.DataType_FLOAT, Shape: []int64{0}}, nil
		}
	}
	return Tensor{}, v.unfit("tensor")
}

// Blobs returns the elements of a STRING tensor in row-major order: the text or
// the cells of its table, the bytes of a graph, of a Layout, of a plugin. Its
// shape, which some writers leave out, does not matter here.
func (v *Value) Blobs() ([][]byte, error) {
	switch v.form {
	case formTensor:
		h, err := parseHeader(v.data)
		if err == nil && h.dtype != eventpb.DataType_STRING {
			err = fmt.Errorf("tensor of %v has no strings", h.dtype)
		}
		if err != nil {
			return nil, v.fault(err)
		}
		return h.strings(), nil
	case formImage:
		images, err := v.Images()
		if err != nil {
			return nil, err
		}
		size := [][]byte{strconv.AppendInt(nil, int64(images.Width), 10), strconv.AppendInt(nil, int64(images.Height), 10)}
		return append(size, images.Encoded...), nil
	case formAudio:
		clips, err := v.Audio()
		if err != nil {
			return nil, err
		}
		return [][]byte{clips[0].Encoded}, nil
	case formBlob:
		return [][]byte{v.data}, nil
	}
	return nil, v.unfit("string tensor")
}

// Images are the pictures of one value, all of one size.
type Images struct {
	Width, Height int // in pixels, as the writer says; 0 where it says no number
	// Encoded are the files: PNG, JPEG, GIF or BMP.
	Encoded [][]byte
}

const (
	imageHeight  = 1
	imageWidth   = 2
	imageEncoded = 4
)

// Images returns the pictures that the value holds.
func (v *Value) Images() (Images, error) {
	if v.form == formTensor {
		blobs, err := v.Blobs()
		if err != nil {
			return Images{}, err
		}
		if len(blobs) < 2 {
			return Images{}, v.fault(fmt.Errorf("%d strings are no images, want width, height and pictures", len(blobs)))
		}
		return Images{Width: number(blobs[0]), Height: number(blobs[1]), Encoded: blobs[2:]}, nil
	}
	if v.form != formImage {
		return Images{}, v.unfit("image")
	}
	var images Images
	encoded := []byte{}
	f := fields{rest: v.data}
	for f.next() {
		switch {
		case f.is(imageHeight, protowire.VarintType):
			images.Height = int(int32(f.num))
		case f.is(imageWidth, protowire.VarintType):
			images.Width = int(int32(f.num))
		case f.is(imageEncoded, protowire.BytesType):
			encoded = f.bytes
		}
	}
	if f.bad {
		return Images{}, v.fault(fmt.Errorf("no Image"))
	}
	images.Encoded = [][]byte{encoded}
	return images, nil
}

// number is the decimal number that text is, 0 if it is none.
func number(text []byte) int {
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

// A Clip is one piece of sound.
type Clip struct {
	Encoded     []byte // a WAV file, if ContentType says so
	ContentType string // MIME type, empty if not known
	Label       string // in Markdown; of the new form only

	// What the old form alone has; 0 if not known.
	SampleRate float32 // frames per second
	Channels   int64
	Frames     int64
}

const (
	clipSampleRate  = 1
	clipChannels    = 2
	clipFrames      = 3
	clipEncoded     = 4
	clipContentType = 5

	audioEncoding = 2  // in AudioPluginData
	audioWAV      = 11 // its value
	contentWAV    = "audio/wav"
)

// Audio returns the clips that the value holds.
func (v *Value) Audio() ([]Clip, error) {
	switch v.form {
	case formAudio:
		c, err := parseClip(v.data)
		if err != nil {
			return nil, v.fault(err)
		}
		return []Clip{c}, nil
	case formTensor:
		t, err := v.Tensor()
		if err != nil {
			return nil, err
		}
		return v.clips(&t)
	}
	return nil, v.unfit("audio")
}

// clips reads a tensor of clips, or of pairs of clip and label.
func (v *Value) clips(t *Tensor) ([]Clip, error) {
	pairs := len(t.Shape) == 2 && t.Shape[1] == 2
	if t.DType != eventpb.DataType_STRING || len(t.Shape) > 1 && !pairs {
		return nil, v.fault(fmt.Errorf("tensor %v %v is no audio, want STRING [clips] or [clips, 2]", t.DType, t.Shape))
	}
	cells, err := t.strings()
	if err != nil {
		return nil, v.fault(err)
	}
	contentType := ""
	for f := (fields{rest: v.Metadata.Content}); f.next(); {
		if f.is(audioEncoding, protowire.VarintType) && f.num == audioWAV {
			contentType = contentWAV
		}
	}
	stride := 1
	if pairs {
		stride = 2
	}
	clips := make([]Clip, 0, len(cells)/stride)
	for i := 0; i < len(cells); i += stride {
		c := Clip{Encoded: cells[i], ContentType: contentType}
		if pairs {
			c.Label = string(cells[i+1])
		}
		clips = append(clips, c)
	}
	return clips, nil
}

func parseClip(b []byte) (Clip, error) {
	c := Clip{Encoded: []byte{}}
	f := fields{rest: b}
	for f.next() {
		switch {
		case f.is(clipSampleRate, protowire.Fixed32Type):
			c.SampleRate = float32(simple(uint32(f.num)))
		case f.is(clipChannels, protowire.VarintType):
			c.Channels = int64(f.num)
		case f.is(clipFrames, protowire.VarintType):
			c.Frames = int64(f.num)
		case f.is(clipEncoded, protowire.BytesType):
			c.Encoded = f.bytes
		case f.is(clipContentType, protowire.BytesType):
			c.ContentType = string(f.bytes)
		}
	}
	if f.bad || !utf8.ValidString(c.ContentType) {
		return Clip{}, fmt.Errorf("no Audio")
	}
	return c, nil
}
