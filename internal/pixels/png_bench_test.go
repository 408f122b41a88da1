package pixels_test

import (
	"image"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/runhook/runhook/internal/pixels"
)

// scene makes a picture of soft shapes in all colors, with noise as a camera's.
func scene(s pixels.Shape, noise float64) []uint8 {
	r := rand.New(rand.NewPCG(1, 2))
	pix := make([]uint8, 0, s.Height*s.Width*s.Channels)
	for y := range s.Height {
		for x := range s.Width {
			for c := range s.Channels {
				u, v := float64(x)/200+float64(c), float64(y)/150
				light := 128 + 60*math.Sin(u+2*math.Sin(v)) + 40*math.Cos(3*v-u) + noise*r.NormFloat64()
				pix = append(pix, uint8(min(max(light, 0), 255)))
			}
		}
	}
	return pix
}

// mask makes a picture of the areas of a segmentation, in one colour each.
func mask(s pixels.Shape) []uint8 {
	pix := scene(s, 0)
	for i := range pix {
		if c := i % s.Channels; c > 0 {
			pix[i] = pix[i-c] * uint8(c+2)
			continue
		}
		pix[i] = pix[i] / 50 * 50
	}
	return pix
}

func BenchmarkPNG(b *testing.B) {
	large := pixels.Shape{Height: 768, Width: 1024, Channels: 3}
	digit := pixels.Shape{Height: 28, Width: 28, Channels: 1}
	for _, picture := range []struct {
		name  string
		pix   []uint8
		shape pixels.Shape
	}{
		{"photo", scene(large, 4), large},
		{"smooth", scene(large, 0), large},
		{"mask", mask(large), large},
		{"random", randomPixels(large), large},
		{"digit", scene(digit, 0), digit},
	} {
		run := func(name string, encode func() (int, error)) {
			b.Run(picture.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				size := 0
				for b.Loop() {
					var err error
					if size, err = encode(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(size), "bytes")
			})
		}
		var file []byte
		run("ours", func() (int, error) {
			var err error
			file, err = pixels.EncodePNG(file[:0], picture.pix, picture.shape)
			return len(file), err
		})
		for name, level := range map[string]png.CompressionLevel{"image_png at BestSpeed": png.BestSpeed, "image_png at DefaultCompression": png.DefaultCompression} {
			encoder := png.Encoder{CompressionLevel: level, BufferPool: new(bufferPool)}
			img := standard(picture.pix, picture.shape)
			run(name, func() (int, error) {
				var size count
				err := encoder.Encode(&size, img)
				return int(size), err
			})
		}
	}
}

// standard is a picture of one or three channels as image/png likes it best.
func standard(pix []uint8, s pixels.Shape) image.Image {
	if s.Channels == 1 {
		return &image.Gray{Pix: pix, Stride: s.Width, Rect: image.Rect(0, 0, s.Width, s.Height)}
	}
	img := image.NewNRGBA(image.Rect(0, 0, s.Width, s.Height))
	for i := range s.Height * s.Width {
		copy(img.Pix[4*i:], pix[3*i:3*i+3])
		img.Pix[4*i+3] = 255
	}
	return img
}

type count int

var _ io.Writer = (*count)(nil)

func (c *count) Write(p []byte) (int, error) {
	*c += count(len(p))
	return len(p), nil
}

type bufferPool struct{ buffer *png.EncoderBuffer }

func (b *bufferPool) Get() *png.EncoderBuffer       { return b.buffer }
func (b *bufferPool) Put(buffer *png.EncoderBuffer) { b.buffer = buffer }
