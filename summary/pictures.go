package summary

import (
	"fmt"
	"image"
	"strconv"

	"github.com/runhook/runhook/internal/pixels"
	"github.com/runhook/runhook/session"
)

// PictureScale says how numbers become the brightness of pixels.
type PictureScale int

const (
	// ScaleEach makes use of the whole range, as tf.compat.v1.summary.image does,
	// in each picture by itself: the greatest value becomes 255, or if there are
	// negative ones, 0 becomes 128 and the value farthest from it 1 or 255. A pixel
	// that is not finite becomes red, or white if grey.
	ScaleEach PictureScale = iota
	// ScaleUnit takes 0 to 1 for the range, as tf.summary.image does: 1 becomes
	// 255, what is beyond is clipped, and NaN becomes 0.
	ScaleUnit
)

// PictureOptions say how [Pictures] makes pictures. The zero value is the default
// of TensorFlow's v1 summaries.
type PictureOptions struct {
	// Scale is for float32 and float64; uint8 is taken as it is.
	Scale PictureScale
	// BadColor is what ScaleEach gives a pixel that is not finite: at least as many
	// channels as the pictures have. nil: red, or white if grey.
	BadColor []uint8
	// Half says that the values, in float32, are those of a float16 tensor, which
	// TensorFlow scales in float16.
	Half bool
}

// Pictures returns the pictures of a tensor of shape [batch, height, width,
// channels], of uint8, float32 or float64, for [ImageValue], [ImagesValue],
// [ImageBoxesValue] or an [Animation]. There are 1 to 4 channels: grey, grey and
// alpha, RGB, RGBA. Pictures of uint8 share the tensor's data.
func Pictures(t session.Tensor, options PictureOptions) ([]image.Image, error) {
	pictures, err := pictures(t, options, -1)
	if err != nil {
		return nil, fmt.Errorf("summary: pictures: %w", err)
	}
	return pictures, nil
}

// pictures returns up to most of the pictures of a batch, all if that is negative.
func pictures(t session.Tensor, options PictureOptions, most int) ([]image.Image, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if len(t.Shape) != 4 {
		return nil, fmt.Errorf("tensor of shape %v, want [batch, height, width, channels]", t.Shape)
	}
	if options.Scale != ScaleEach && options.Scale != ScaleUnit {
		return nil, fmt.Errorf("PictureOptions.Scale is %d, want ScaleEach or ScaleUnit", options.Scale)
	}
	shape := pixels.Shape{Height: t.Shape[1], Width: t.Shape[2], Channels: t.Shape[3]}
	size := shape.Height * shape.Width * shape.Channels
	if most < 0 || most > t.Shape[0] {
		most = t.Shape[0]
	}
	all := make([]image.Image, 0, min(most, t.Len())) // a batch of empty pictures may be of any size
	for i := range most {
		pix, err := picture(t, i*size, (i+1)*size, shape, options)
		if err != nil {
			return nil, err
		}
		all = append(all, &pixels.Picture{Pix: pix, Shape: shape})
	}
	return all, nil
}

// picture returns the elements from begin to end as bytes.
func picture(t session.Tensor, begin, end int, shape pixels.Shape, options PictureOptions) ([]uint8, error) {
	switch data := t.Data.(type) {
	case []uint8:
		return data[begin:end:end], shape.Check(end - begin)
	case []float32:
		switch data := data[begin:end]; {
		case options.Scale == ScaleUnit && options.Half:
			return pixels.FromUnitHalf(nil, data, shape)
		case options.Scale == ScaleUnit:
			return pixels.FromUnit(nil, data, shape)
		case options.Half:
			return pixels.FromHalf(nil, data, shape, options.BadColor)
		default:
			return pixels.FromFloat32(nil, data, shape, options.BadColor)
		}
	case []float64:
		if options.Scale == ScaleUnit {
			return pixels.FromUnit(nil, data[begin:end], shape)
		}
		return pixels.FromFloat64(nil, data[begin:end], shape, options.BadColor)
	}
	return nil, fmt.Errorf("tensor of %s, want uint8, float32 or float64", t.DType())
}

// picturesOf returns up to most of the pictures that an op has fetched.
func picturesOf(in input, options PictureOptions, most int) ([]image.Image, error) {
	if t, ok := in.Tensor(); ok {
		all, err := pictures(t, options, most)
		if err != nil {
			return nil, in.fault(err)
		}
		return all, nil
	}
	switch images := in.Any().(type) {
	case image.Image:
		return []image.Image{images}, nil
	case []image.Image:
		return images[:min(len(images), most)], nil
	}
	return nil, in.want("a tensor or an image")
}

// DefaultMaxOutputs is how many pictures or sounds of a batch ops make by default.
const DefaultMaxOutputs = 3

// resolveMaxOutputs returns how many of a batch there shall be at most.
func resolveMaxOutputs(maxOutputs int) (int, error) {
	switch {
	case maxOutputs < 0:
		return 0, fmt.Errorf("maxOutputs is %d, want 0 (%d) or more", maxOutputs, DefaultMaxOutputs)
	case maxOutputs == 0:
		return DefaultMaxOutputs, nil
	}
	return maxOutputs, nil
}

// outputTag is the tag of element i of a batch.
func outputTag(tag string, i, maxOutputs int) string {
	if maxOutputs == 1 {
		return tag
	}
	return tag + "/" + strconv.Itoa(i)
}
