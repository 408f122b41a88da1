package pixels_test

import (
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/pixels"
)

func TestFromImage(t *testing.T) {
	// Each image is 3 by 2 and its part is the 2 by 1 pixels at (1, 1), so that
	// offsets and strides matter.
	whole := image.Rect(0, 0, 3, 2)
	part := image.Rect(1, 1, 3, 2)
	type settable interface {
		image.Image
		Set(x, y int, c color.Color)
		SubImage(r image.Rectangle) image.Image
	}
	faint, red := color.NRGBA{R: 200, G: 100, B: 50, A: 3}, color.NRGBA{R: 255, A: 255}
	for _, c := range []struct {
		name     string
		img      settable
		a, b     color.Color
		channels int
		want     []uint8
	}{
		{"grey", image.NewGray(whole), color.Gray{Y: 7}, color.Gray{Y: 250}, 1, []uint8{7, 250}},
		{"deep grey", image.NewGray16(whole), color.Gray16{Y: 0x07ff}, color.Gray16{Y: 0xfa00}, 1, []uint8{7, 250}},
		{"opaque", image.NewRGBA(whole), color.RGBA{R: 1, G: 2, B: 3, A: 255}, red, 3, []uint8{1, 2, 3, 255, 0, 0}},
		{"opaque, not premultiplied", image.NewNRGBA(whole), color.NRGBA{R: 1, G: 2, B: 3, A: 255}, red, 3, []uint8{1, 2, 3, 255, 0, 0}},
		{"deep opaque", image.NewRGBA64(whole), color.RGBA64{R: 0x01ff, G: 0x0200, B: 0x0300, A: 0xffff}, red, 3, []uint8{1, 2, 3, 255, 0, 0}},
		{"transparent", image.NewNRGBA(whole), faint, red, 4, []uint8{200, 100, 50, 3, 255, 0, 0, 255}},
		{"transparent, premultiplied", image.NewRGBA(whole), color.RGBA{R: 64, A: 128}, red, 4, []uint8{127, 0, 0, 128, 255, 0, 0, 255}},
		{"palette", image.NewPaletted(whole, color.Palette{faint, red}), faint, red, 4, []uint8{200, 100, 50, 3, 255, 0, 0, 255}},
		{"opaque palette", image.NewPaletted(whole, color.Palette{red, color.White}), color.White, red, 3, []uint8{255, 255, 255, 255, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.img.Set(1, 1, c.a)
			c.img.Set(2, 1, c.b)
			pix, s, err := pixels.FromImage([]uint8{9}, c.img.SubImage(part))
			require.NoError(t, err)
			assert.Equal(t, pixels.Shape{Height: 1, Width: 2, Channels: c.channels}, s)
			assert.Equal(t, append([]uint8{9}, c.want...), pix)
		})
	}
}

func TestFromImageOfLumaAndChroma(t *testing.T) {
	img := image.NewYCbCr(image.Rect(0, 0, 2, 1), image.YCbCrSubsampleRatio444)
	copy(img.Y, []uint8{255, 0})
	copy(img.Cb, []uint8{128, 128})
	copy(img.Cr, []uint8{128, 128})
	pix, s, err := pixels.FromImage(nil, img)
	require.NoError(t, err)
	assert.Equal(t, pixels.Shape{Height: 1, Width: 2, Channels: 3}, s)
	assert.Equal(t, []uint8{255, 255, 255, 0, 0, 0}, pix)
}

func TestFromImageRefusesSizes(t *testing.T) {
	_, _, err := pixels.FromImage(nil, image.NewRGBA(image.Rect(3, 3, 3, 9)))
	assert.ErrorContains(t, err, "height 6 and width 0")
	_, _, err = pixels.FromImage(nil, image.NewUniform(color.Black))
	assert.ErrorContains(t, err, "height 2000000000 × width 2000000000")
}
