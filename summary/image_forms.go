package summary

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	_ "image/jpeg" // for the sizes of encoded pictures
	_ "image/png"
	"io"
	"math"
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

// FigureValue returns what a figure draws of itself, as PNG, JPEG or GIF: gonum's
// plots, by their WriterTo, for example.
func FigureValue(tag string, figure io.WriterTo) (Value, error) {
	if figure == nil {
		return Value{}, fmt.Errorf("summary: figure %q: it is nil", tag)
	}
	var encoded bytes.Buffer
	if _, err := figure.WriteTo(&encoded); err != nil {
		return Value{}, fmt.Errorf("summary: figure %q: %w", tag, err)
	}
	return EncodedImagesValue(tag, encoded.Bytes())
}

// A Video is a sequence of pictures of one size.
type Video struct {
	Frames []image.Image
	// FPS is frames a second, more than 0 and at most 100. Default 4.
	FPS float64
}

// VideoValue returns a video as animated GIF, which TensorBoard shows among the
// images. Its colours are those of a fixed palette, dithered.
func VideoValue(tag string, video Video) (Value, error) {
	encoded, err := video.gif()
	if err != nil {
		return Value{}, fmt.Errorf("summary: video %q: %w", tag, err)
	}
	return EncodedImagesValue(tag, encoded)
}

// defaultFPS is that of torch and tensorboardX.
const defaultFPS = 4

func (v Video) gif() ([]byte, error) {
	fps := v.FPS
	if fps == 0 {
		fps = defaultFPS
	}
	if !(fps > 0 && fps <= 100) {
		return nil, fmt.Errorf("%v frames a second, want more than 0 and at most 100", v.FPS)
	}
	if len(v.Frames) == 0 {
		return nil, errors.New("no frames")
	}
	animation := new(gif.GIF)
	for i, frame := range v.Frames {
		if isNilImage(frame) {
			return nil, fmt.Errorf("frame %d is nil", i)
		}
		bounds := frame.Bounds()
		if size := v.Frames[0].Bounds().Size(); bounds.Size() != size || bounds.Empty() {
			return nil, fmt.Errorf("frame %d is %v, want the size of the first (%v), and not empty", i, bounds.Size(), size)
		}
		paletted := image.NewPaletted(image.Rectangle{Max: bounds.Size()}, colorsOf(frame))
		draw.FloydSteinberg.Draw(paletted, paletted.Rect, frame, bounds.Min)
		animation.Image = append(animation.Image, paletted)
		animation.Delay = append(animation.Delay, int(math.Round(100/fps)))
	}
	var encoded bytes.Buffer
	if err := gif.EncodeAll(&encoded, animation); err != nil {
		return nil, err
	}
	return encoded.Bytes(), nil
}

var greys = func() color.Palette {
	p := make(color.Palette, 256)
	for i := range p {
		p[i] = color.Gray{uint8(i)}
	}
	return p
}()

// colorsOf is the palette for a frame: all greys for a grey one.
func colorsOf(frame image.Image) color.Palette {
	switch frame.ColorModel() {
	case color.GrayModel, color.Gray16Model:
		return greys
	}
	return palette.Plan9
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

// Figure writes what a figure draws of itself; see [FigureValue].
func (w *Writer) Figure(tag string, figure io.WriterTo, step int64) error {
	v, err := FigureValue(tag, figure)
	return w.add(step, v, err)
}

// Video writes a video as animated GIF.
func (w *Writer) Video(tag string, video Video, step int64) error {
	v, err := VideoValue(tag, video)
	return w.add(step, v, err)
}
