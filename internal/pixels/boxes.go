package pixels

import (
	"fmt"
	"math"
	"slices"
)

// A Box is a part of a picture, in pixels from its top left corner. Fractions
// are cut off. Corners may be beyond the picture, where nothing is drawn, and in
// any order.
type Box struct {
	XMin, YMin, XMax, YMax float64
	Label                  string // none if empty
}

// DrawBoxes appends the picture to dst with boxes drawn on it, later ones over
// earlier ones, and returns its shape: grey becomes red, green and blue for it,
// alpha stays. pix is left as it is.
//
// Outlines are red, 2 pixels wide, and equal in every pixel to those of
// tensorboardX and PyTorch (utils.draw_boxes), who make them of Pillow's wide
// lines: inwards on the left and the right, one pixel inwards and one outwards
// at the top and the bottom. The label is black on red above the lower left
// corner, where theirs is, too, but in a font of our own, upright ASCII of 5 by
// 8 pixels; what is not ASCII becomes a frame.
func DrawBoxes(dst, pix []uint8, s Shape, boxes []Box) ([]uint8, Shape, error) {
	if err := s.Check(len(pix)); err != nil {
		return dst, s, err
	}
	for i, b := range boxes {
		if slices.ContainsFunc([]float64{b.XMin, b.YMin, b.XMax, b.YMax}, math.IsNaN) {
			return dst, s, fmt.Errorf("pixels: box %d is from (%v, %v) to (%v, %v), want numbers", i, b.XMin, b.YMin, b.XMax, b.YMax)
		}
	}
	before := len(dst)
	dst, s = appendColored(dst, pix, s)
	c := canvas{pix: dst[before:], Shape: s}
	for _, b := range boxes {
		c.box(b)
	}
	return dst, s, nil
}

// appendColored appends pix with three channels, or four with alpha.
func appendColored(dst, pix []uint8, s Shape) ([]uint8, Shape) {
	if s.Channels > 2 {
		return append(dst, pix...), s
	}
	dst = slices.Grow(dst, s.Height*s.Width*(s.Channels+2))
	for i := 0; i < len(pix); i += s.Channels {
		grey := pix[i]
		dst = append(dst, grey, grey)
		dst = append(dst, pix[i:i+s.Channels]...)
	}
	s.Channels += 2
	return dst, s
}

var (
	red   = [4]uint8{255, 0, 0, 255}
	black = [4]uint8{0, 0, 0, 255}
)

// canvas is a picture in colors to draw on.
type canvas struct {
	pix []uint8
	Shape
}

func (c *canvas) box(b Box) {
	left, top, right, bottom := cut(b.XMin), cut(b.YMin), cut(b.XMax), cut(b.YMax)
	c.line(left, top, left, bottom)
	c.line(left, bottom, right, bottom)
	c.line(right, bottom, right, top)
	c.line(right, top, left, top)
	if b.Label != "" {
		c.label(left, bottom, b.Label)
	}
}

// cut makes an integer of a coordinate, beyond any picture if v is.
func cut(v float64) int {
	return int(min(max(v, -2*MaxPixels), 2*MaxPixels))
}

// line draws a horizontal or vertical line of two pixels, or if it has no
// length, a dot. It takes the pixels on the line and those on one side: below it
// if it leads to the right, else above; to the right of it if it leads down,
// else to the left.
func (c *canvas) line(x0, y0, x1, y1 int) {
	minX, maxX, minY, maxY := min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
	switch {
	case x0 < x1:
		maxY++
	case x0 > x1:
		minY--
	case y0 < y1:
		maxX++
	case y0 > y1:
		minX--
	}
	c.fill(minX, minY, maxX, maxY, red)
}

// fill paints what lies in the picture of a rectangle, the last row and column
// included.
func (c *canvas) fill(minX, minY, maxX, maxY int, color [4]uint8) {
	minX, maxX = max(minX, 0), min(maxX, c.Width-1)
	for y := max(minY, 0); y <= min(maxY, c.Height-1); y++ {
		for x := minX; x <= maxX; x++ {
			copy(c.pix[(y*c.Width+x)*c.Channels:], color[:c.Channels])
		}
	}
}

// label writes text with its lower left corner at left and bottom.
func (c *canvas) label(left, bottom int, text string) {
	const margin = 1
	top := bottom - glyphHeight - 2*margin
	x, y := left+margin, top+margin
	for _, r := range text {
		if x-margin >= c.Width {
			break
		}
		c.fill(x-margin, top, x-margin+glyphStep, bottom, red)
		for row, bits := range glyphOf(r) {
			for column := range glyphWidth {
				if bits>>column&1 == 1 {
					c.fill(x+column, y+row, x+column, y+row, black)
				}
			}
		}
		x += glyphStep
	}
}
