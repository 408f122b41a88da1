package summary

import (
	"fmt"
	"image"
	"reflect"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/internal/pixels"
)

// Fields of Summary.Image. They are the wire format and cannot change.
const (
	imageHeight     = 1
	imageWidth      = 2
	imageColorspace = 3 // as many as there are channels
	imageEncoded    = 4
)

// ImageValue returns a picture, encoded as PNG with 8 bits a channel: grey, or
// colours, with alpha unless it is opaque. [Pictures] makes pictures of numbers.
func ImageValue(tag string, img image.Image) (Value, error) {
	if isNilImage(img) {
		return Value{}, fmt.Errorf("summary: image %q: the image is nil", tag)
	}
	buffer := imageBuffers.Get().(*imageBuffer)
	defer imageBuffers.Put(buffer)
	pix, shape, err := pixels.FromImage(buffer.pix[:0], img)
	buffer.pix = pix
	if err != nil {
		return Value{}, fmt.Errorf("summary: image %q: %w", tag, err)
	}
	return buffer.value(tag, pix, shape)
}

// An imageBuffer is what a picture goes through on its way into a value.
type imageBuffer struct{ pix, file []byte }

// imageBuffers holds buffers for use: they are large.
var imageBuffers = sync.Pool{New: func() any { return new(imageBuffer) }}

func isNilImage(img image.Image) bool {
	if img == nil {
		return true
	}
	v := reflect.ValueOf(img)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// value returns a picture as a value.
func (b *imageBuffer) value(tag string, pix []uint8, shape pixels.Shape) (Value, error) {
	file, err := pixels.EncodePNG(b.file[:0], pix, shape)
	if err != nil {
		return Value{}, fmt.Errorf("summary: image %q: %w", tag, err)
	}
	b.file = file
	var head []byte
	for _, field := range []struct {
		number protowire.Number
		value  int
	}{{imageHeight, shape.Height}, {imageWidth, shape.Width}, {imageColorspace, shape.Channels}} {
		head = appendInt(head, field.number, int64(field.value))
	}
	head = protowire.AppendTag(head, imageEncoded, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(file)))
	size := len(head) + len(file)
	body := protowire.AppendTag(make([]byte, 0, size+8), valueImage, protowire.BytesType)
	body = protowire.AppendVarint(body, uint64(size))
	return Value{tag: tag, metadata: imageMetadata, body: append(append(body, head...), file...)}, nil
}

// Image writes a picture.
func (w *Writer) Image(tag string, img image.Image, step int64) error {
	v, err := ImageValue(tag, img)
	return w.add(step, v, err)
}

// Image returns an op that makes up to maxOutputs pictures, 0 meaning
// [DefaultMaxOutputs], of a fetched tensor as [Pictures] takes it, or of an
// image.Image or []image.Image by [session.Any].
//
// The tags are those of tf.compat.v1.summary.image: name/image if maxOutputs is
// 1, else name/image/0, name/image/1 …
func Image(name, fetch string, maxOutputs int) Op {
	op := opOf("image", name, fetch, nil)
	maxOutputs, op.fault = resolveMaxOutputs(maxOutputs)
	op.values = func(dst []Value, tag string, in []input) ([]Value, error) {
		images, err := picturesOf(in[0], PictureOptions{}, maxOutputs)
		if err != nil {
			return dst, err
		}
		for i, img := range images {
			v, err := ImageValue(outputTag(tag+"/image", i, maxOutputs), img)
			if err != nil {
				return dst, err
			}
			dst = append(dst, v)
		}
		return dst, nil
	}
	return op
}
