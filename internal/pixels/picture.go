package pixels

import (
	"image"
	"image/color"
)

// Picture is a picture as an image.Image: [FromImage] takes it as it is, two
// channels included, which no type of package image has.
type Picture struct {
	Pix []uint8
	Shape
}

var _ image.Image = (*Picture)(nil)

// ColorModel returns the model of grey, or of colours with alpha.
func (p *Picture) ColorModel() color.Model {
	if p.Channels == 1 {
		return color.GrayModel
	}
	return color.NRGBAModel
}

// Bounds begin at 0, 0.
func (p *Picture) Bounds() image.Rectangle { return image.Rect(0, 0, p.Width, p.Height) }

// At returns a color.Gray or a color.NRGBA, whose alpha is 0 outside.
func (p *Picture) At(x, y int) color.Color {
	if !image.Pt(x, y).In(p.Bounds()) {
		return color.NRGBA{}
	}
	switch v := p.Pix[(y*p.Width+x)*p.Channels:]; p.Channels {
	case 1:
		return color.Gray{Y: v[0]}
	case 2:
		return color.NRGBA{R: v[0], G: v[0], B: v[0], A: v[1]}
	case 3:
		return color.NRGBA{R: v[0], G: v[1], B: v[2], A: 255}
	default:
		return color.NRGBA{R: v[0], G: v[1], B: v[2], A: v[3]}
	}
}

// Opaque reports whether the picture has no alpha.
func (p *Picture) Opaque() bool { return p.Channels&1 == 1 }
