package summary

import (
	"fmt"
	"image"

	"github.com/runhook/runhook/internal/pixels"
)

// A Box is a part of a picture, in pixels from its top left corner. Fractions are
// cut off. Corners may be beyond the picture, where nothing is drawn, and in any
// order.
type Box struct {
	XMin, YMin, XMax, YMax float64
	Label                  string // none if empty
}

// ImageBoxesValue returns a picture with boxes drawn on it in red, later ones over
// earlier ones, as tensorboardX and PyTorch draw them. A grey picture becomes one
// of colours for it. The image is left as it is.
func ImageBoxesValue(tag string, img image.Image, boxes ...Box) (Value, error) {
	if isNilImage(img) {
		return Value{}, fmt.Errorf("summary: image %q: the image is nil", tag)
	}
	pix, shape, err := pixels.FromImage(nil, img)
	if err != nil {
		return Value{}, fmt.Errorf("summary: image %q: %w", tag, err)
	}
	drawn := make([]pixels.Box, len(boxes))
	for i, b := range boxes {
		drawn[i] = pixels.Box(b)
	}
	if pix, shape, err = pixels.DrawBoxes(nil, pix, shape, drawn); err != nil {
		return Value{}, fmt.Errorf("summary: image %q: %w", tag, err)
	}
	return new(imageBuffer).value(tag, pix, shape)
}

// ImageBoxes writes a picture with boxes; see [ImageBoxesValue].
func (w *Writer) ImageBoxes(tag string, img image.Image, boxes []Box, step int64) error {
	v, err := ImageBoxesValue(tag, img, boxes...)
	return w.add(step, v, err)
}

// ImageBoxes returns an op that makes a picture with boxes, of a fetched picture,
// as [Image] takes one, and fetched boxes: a []Box by [session.Any], or a tensor
// of float32 or float64 of shape [boxes, 4] with the left, upper, right and lower
// edge of each. The tag is name as [CleanName] gives it.
func ImageBoxes(name, fetch, boxes string) Op {
	return &madeOp{
		kind: "image", tag: CleanName(name), fetches: []string{fetch, boxes},
		values: func(dst []Value, tag string, in []input) ([]Value, error) {
			images, err := picturesOf(in[0], PictureOptions{}, 2)
			if err != nil {
				return dst, err
			}
			if len(images) != 1 {
				return dst, in[0].want("one picture")
			}
			boxes, err := boxesOf(in[1])
			if err != nil {
				return dst, err
			}
			v, err := ImageBoxesValue(tag, images[0], boxes...)
			if err != nil {
				return dst, err
			}
			return append(dst, v), nil
		},
	}
}

func boxesOf(in input) ([]Box, error) {
	const wanted = "boxes or a tensor of floats of shape [boxes, 4]"
	if boxes, ok := in.Any().([]Box); ok {
		return boxes, nil
	}
	edges, ok := in.float64s()
	if t, _ := in.Tensor(); !ok || len(t.Shape) != 2 || t.Shape[1] != 4 {
		return nil, in.want(wanted)
	}
	boxes := make([]Box, len(edges)/4)
	for i := range boxes {
		e := edges[4*i:]
		boxes[i] = Box{XMin: e[0], YMin: e[1], XMax: e[2], YMax: e[3]}
	}
	return boxes, nil
}
