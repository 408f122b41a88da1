package pixels

import (
	"image"
	"image/color"
	"image/draw"
	"slices"
)

// FromImage appends the picture of img to dst and returns its shape: one
// channel for a grey image, three for one that is opaque by its own account,
// else four. A Picture and an image.NRGBA come through as they are; what is
// deeper than 8 bits or has its alpha multiplied in is rounded.
func FromImage(dst []uint8, img image.Image) ([]uint8, Shape, error) {
	if p, ok := img.(*Picture); ok {
		return append(dst, p.Pix...), p.Shape, p.Check(len(p.Pix))
	}
	bounds := img.Bounds()
	s := Shape{Height: bounds.Dy(), Width: bounds.Dx(), Channels: channels(img)}
	if err := s.valid(); err != nil {
		return dst, s, err
	}
	dst = slices.Grow(dst, s.Height*s.Width*s.Channels)
	row := image.NewRGBA(image.Rect(0, 0, s.Width, 1))
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		switch {
		case s.Channels == 1:
			dst = appendGrey(dst, img, y)
		case s.Channels == 4:
			dst = appendNRGBA(dst, img, y)
		default:
			draw.Draw(row, row.Rect, img, image.Pt(bounds.Min.X, y), draw.Src)
			for i := 0; i < len(row.Pix); i += 4 {
				dst = append(dst, row.Pix[i:i+3]...)
			}
		}
	}
	return dst, s, nil
}

func channels(img image.Image) int {
	if model := img.ColorModel(); model == color.GrayModel || model == color.Gray16Model {
		return 1
	}
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		return 3
	}
	return 4
}

func appendGrey(dst []uint8, img image.Image, y int) []uint8 {
	bounds := img.Bounds()
	if grey, ok := img.(*image.Gray); ok {
		start := grey.PixOffset(bounds.Min.X, y)
		return append(dst, grey.Pix[start:start+bounds.Dx()]...)
	}
	for x := bounds.Min.X; x < bounds.Max.X; x++ {
		dst = append(dst, color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
	}
	return dst
}

func appendNRGBA(dst []uint8, img image.Image, y int) []uint8 {
	bounds := img.Bounds()
	if nrgba, ok := img.(*image.NRGBA); ok {
		start := nrgba.PixOffset(bounds.Min.X, y)
		return append(dst, nrgba.Pix[start:start+4*bounds.Dx()]...)
	}
	for x := bounds.Min.X; x < bounds.Max.X; x++ {
		c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
		dst = append(dst, c.R, c.G, c.B, c.A)
	}
	return dst
}
