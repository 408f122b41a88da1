package summary

import (
	"fmt"
	"image"
	"reflect"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/internal/pixels"
	"github.com/runhook/runhook/session"
)

// Fields of Summary.Image. They are the wire format and cannot change.
const (
	imageHeight     = 1
	imageWidth      = 2
	imageColorspace = 3 // as many as there are channels
	imageEncoded    = 4
)

// DefaultMaxOutputs is how many pictures of a batch [Image] makes by default.
const DefaultMaxOutputs = 3

// ImageValue returns a picture, encoded as PNG with 8 bits a channel.
func ImageValue(tag string, img image.Image) (Value, error) {
	if isNilImage(img) {
		return Value{}, fmt.Errorf("summary: image %q: the image is nil", tag)
	}
	pix, shape, err := pixels.FromImage(nil, img)
	if err != nil {
		return Value{}, fmt.Errorf("summary: image %q: %w", tag, err)
	}
	return imageValue(tag, pix, shape)
}

func isNilImage(img image.Image) bool {
	if img == nil {
		return true
	}
	v := reflect.ValueOf(img)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

func imageValue(tag string, pix []uint8, shape pixels.Shape) (Value, error) {
	png, err := pixels.EncodePNG(nil, pix, shape)
	if err != nil {
		return Value{}, fmt.Errorf("summary: image %q: %w", tag, err)
	}
	message := make([]byte, 0, len(png)+24)
	for _, field := range []struct {
		number protowire.Number
		value  int
	}{{imageHeight, shape.Height}, {imageWidth, shape.Width}, {imageColorspace, shape.Channels}} {
		message = protowire.AppendTag(message, field.number, protowire.VarintType)
		message = protowire.AppendVarint(message, uint64(field.value))
	}
	message = protowire.AppendTag(message, imageEncoded, protowire.BytesType)
	message = protowire.AppendBytes(message, png)

	body := protowire.AppendTag(make([]byte, 0, len(message)+6), valueImage, protowire.BytesType)
	return Value{tag: tag, metadata: imageMetadata, body: protowire.AppendBytes(body, message)}, nil
}

// Image writes a picture.
func (w *Writer) Image(tag string, img image.Image, step int64) error {
	v, err := ImageValue(tag, img)
	return w.add(step, v, err)
}

type imageOp struct {
	name       string // the tag without what outputTag adds
	fetch      []string
	maxOutputs int
}

// Image returns an op that makes up to maxOutputs pictures, 0 meaning
// [DefaultMaxOutputs], of a fetched value. That is
//
//   - a tensor of shape [batch, height, width, channels] with 1 to 4 channels:
//     grey, grey and alpha, RGB, RGBA. uint8 is taken as it is. float32 and
//     float64 are scaled, each picture by itself: from the greatest value to
//     255, or if there are negative ones, 0 to 128 and the value farthest from
//     it to 1 or 255. A pixel that is not finite becomes red, or white if grey;
//   - an image.Image or []image.Image, by [session.Any].
//
// The tags are those of tf.compat.v1.summary.image: name/image if maxOutputs is
// 1, else name/image/0, name/image/1 …
func Image(name, fetch string, maxOutputs int) Op {
	if maxOutputs == 0 {
		maxOutputs = DefaultMaxOutputs
	}
	return &imageOp{name: CleanName(name), fetch: []string{fetch}, maxOutputs: maxOutputs}
}

func (op *imageOp) Fetches() []string { return op.fetch }

func (op *imageOp) check() error {
	if op.maxOutputs < 0 {
		return fmt.Errorf("image %q: maxOutputs is %d, want 0 (%d) or more", op.name, op.maxOutputs, DefaultMaxOutputs)
	}
	return checkNames("image", op.name, op.fetch[0])
}

// outputTag is the tag of picture i.
func (op *imageOp) outputTag(i int) string {
	tag := op.name + "/image"
	if op.maxOutputs == 1 {
		return tag
	}
	return tag + "/" + strconv.Itoa(i)
}

func (op *imageOp) AppendValues(dst []Value, fetched session.Values) ([]Value, error) {
	if err := op.check(); err != nil {
		return dst, fmt.Errorf("summary: %w", err)
	}
	v, err := lookup(op.name, op.fetch[0], fetched)
	if err != nil {
		return dst, err
	}
	if t, ok := v.Tensor(); ok {
		return op.appendBatch(dst, t)
	}
	switch images := v.Any().(type) {
	case image.Image:
		return op.appendImages(dst, images)
	case []image.Image:
		return op.appendImages(dst, images...)
	}
	return dst, fmt.Errorf("summary: image %q: fetch %q is %s, want a tensor or an image", op.name, op.fetch[0], describe(v))
}

func (op *imageOp) appendImages(dst []Value, images ...image.Image) ([]Value, error) {
	for i, img := range images[:min(len(images), op.maxOutputs)] {
		v, err := ImageValue(op.outputTag(i), img)
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

func (op *imageOp) appendBatch(dst []Value, t session.Tensor) ([]Value, error) {
	if len(t.Shape) != 4 {
		return dst, fmt.Errorf("summary: image %q: fetch %q has shape %v, want [batch, height, width, channels]", op.name, op.fetch[0], t.Shape)
	}
	if err := t.Validate(); err != nil {
		return dst, fmt.Errorf("summary: image %q: fetch %q: %w", op.name, op.fetch[0], err)
	}
	shape := pixels.Shape{Height: t.Shape[1], Width: t.Shape[2], Channels: t.Shape[3]}
	size := shape.Height * shape.Width * shape.Channels
	for i := range min(t.Shape[0], op.maxOutputs) {
		pix, err := picture(t, i*size, (i+1)*size, shape)
		if err != nil {
			return dst, fmt.Errorf("summary: image %q: fetch %q: %w", op.name, op.fetch[0], err)
		}
		v, err := imageValue(op.outputTag(i), pix, shape)
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// picture returns the elements from begin to end as bytes.
func picture(t session.Tensor, begin, end int, shape pixels.Shape) ([]uint8, error) {
	switch data := t.Data.(type) {
	case []uint8:
		return data[begin:end], shape.Check(end - begin)
	case []float32:
		return pixels.FromFloat32(nil, data[begin:end], shape, nil)
	case []float64:
		return pixels.FromFloat64(nil, data[begin:end], shape, nil)
	}
	return nil, fmt.Errorf("tensor of %s, want uint8, float32 or float64", t.DType())
}
