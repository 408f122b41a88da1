package summary

import (
	"bytes"
	"fmt"
	"image"
	_ "image/gif" // for the sizes of encoded pictures
	_ "image/jpeg"
	_ "image/png"
	"strconv"

	"github.com/runhook/runhook/internal/pixels"
)

// ImagesValue returns several pictures of one tag and step, encoded as PNG with 8
// bits a channel: the form of tf.summary.image. They are best of one size.
func ImagesValue(tag string, images ...image.Image) (Value, error) {
	encoded := make([][]byte, len(images))
	for i, img := range images {
		if isNilImage(img) {
			return Value{}, fmt.Errorf("summary: image %q: picture %d is nil", tag, i)
		}
		pix, shape, err := pixels.FromImage(nil, img)
		if err == nil {
			encoded[i], err = pixels.EncodePNG(nil, pix, shape)
		}
		if err != nil {
			return Value{}, fmt.Errorf("summary: image %q: picture %d: %w", tag, i, err)
		}
	}
	return EncodedImagesValue(tag, encoded...)
}

// EncodedImagesValue returns pictures, one at least, that are encoded already, as
// PNG, JPEG or GIF.
func EncodedImagesValue(tag string, encoded ...[]byte) (Value, error) {
	if len(encoded) == 0 {
		return Value{}, fmt.Errorf("summary: image %q: no pictures", tag)
	}
	var elements [][]byte
	for i, picture := range encoded {
		config, _, err := image.DecodeConfig(bytes.NewReader(picture))
		if err != nil {
			return Value{}, fmt.Errorf("summary: image %q: picture %d of %d bytes: %w", tag, i, len(picture), err)
		}
		if i == 0 {
			elements = append(elements, []byte(strconv.Itoa(config.Width)), []byte(strconv.Itoa(config.Height)))
		}
		elements = append(elements, picture)
	}
	return Value{tag: tag, metadata: imageMetadata, body: stringField(elements, len(elements))}, nil
}

// Images writes several pictures of one tag and step.
func (w *Writer) Images(tag string, images []image.Image, step int64) error {
	v, err := ImagesValue(tag, images...)
	return w.add(step, v, err)
}

// EncodedImage writes a picture that is encoded already, as PNG, JPEG or GIF.
func (w *Writer) EncodedImage(tag string, encoded []byte, step int64) error {
	v, err := EncodedImagesValue(tag, encoded)
	return w.add(step, v, err)
}

// EncodedImages writes several pictures of one tag and step that are encoded
// already, as PNG, JPEG or GIF.
func (w *Writer) EncodedImages(tag string, encoded [][]byte, step int64) error {
	v, err := EncodedImagesValue(tag, encoded...)
	return w.add(step, v, err)
}

// Images returns an op that makes one value, under the tag that [CleanName] makes
// of name, of up to maxOutputs pictures, 0 meaning [DefaultMaxOutputs]; see
// [Image] for what is fetched, and [ImagesValue].
func Images(name, fetch string, maxOutputs int) Op {
	op := opOf("image", name, fetch, nil)
	maxOutputs, op.fault = resolveMaxOutputs(maxOutputs)
	op.values = func(dst []Value, tag string, in []input) ([]Value, error) {
		images, err := picturesOf(in[0], PictureOptions{}, maxOutputs)
		if err != nil || len(images) == 0 { // TensorBoard lists a value without pictures, and cannot show it
			return dst, err
		}
		v, err := ImagesValue(tag, images...)
		if err != nil {
			return dst, err
		}
		return append(dst, v), nil
	}
	return op
}

// EncodedImages returns an op that makes a value of fetched pictures that are
// encoded already: a string, a tensor of strings, or a [][]byte by [session.Any].
func EncodedImages(name, fetch string) Op {
	return opOf("image", name, fetch, func(tag string, in input) (Value, error) {
		if s, ok := in.Text(); ok {
			return EncodedImagesValue(tag, []byte(s))
		}
		if pictures, ok := in.Any().([][]byte); ok {
			return EncodedImagesValue(tag, pictures...)
		}
		t, err := in.tensor("encoded pictures")
		if err != nil {
			return Value{}, err
		}
		elements, ok := t.Data.([]string)
		if !ok {
			return Value{}, in.want("encoded pictures")
		}
		pictures := make([][]byte, len(elements))
		for i, e := range elements {
			pictures[i] = []byte(e)
		}
		return EncodedImagesValue(tag, pictures...)
	})
}
