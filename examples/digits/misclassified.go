package main

import (
	"image"
	"image/color"
	"image/draw"
)

// The picture is a fixed grid, so that TensorBoard shows one size over the
// whole training. A cell holds
//
//	┌────────────┐
//	│  8×8 image │  grey, a pixel is pixelScale wide
//	│            │
//	│ 3        8 │  predicted in red on the left, true in green on the right
//	└────────────┘
const (
	gridColumns = 6
	gridRows    = 3

	pixelScale = 6
	glyphScale = 3
	gap        = 4 // between cells, and between a cell's edge and what it holds

	cellWidth  = side*pixelScale + 2*gap
	cellHeight = side*pixelScale + glyphRows*glyphScale + 3*gap
)

var (
	backgroundColour = color.RGBA{R: 14, G: 15, B: 18, A: 255}
	cellColour       = color.RGBA{R: 40, G: 43, B: 50, A: 255}
	emptyColour      = color.RGBA{R: 24, G: 26, B: 31, A: 255}
	predictedColour  = color.RGBA{R: 255, G: 92, B: 87, A: 255}
	trueColour       = color.RGBA{R: 90, G: 220, B: 120, A: 255}
)

const (
	glyphColumns = 3
	glyphRows    = 5
)

// glyphs draws the digits, three bits a row from the top, the leftmost pixel
// the highest bit.
var glyphs = [classes][glyphRows]uint8{
	{0b111, 0b101, 0b101, 0b101, 0b111},
	{0b010, 0b110, 0b010, 0b010, 0b111},
	{0b111, 0b001, 0b111, 0b100, 0b111},
	{0b111, 0b001, 0b111, 0b001, 0b111},
	{0b101, 0b101, 0b111, 0b001, 0b001},
	{0b111, 0b100, 0b111, 0b001, 0b111},
	{0b111, 0b100, 0b111, 0b101, 0b111},
	{0b111, 0b001, 0b010, 0b010, 0b010},
	{0b111, 0b101, 0b111, 0b101, 0b111},
	{0b111, 0b101, 0b111, 0b001, 0b111},
}

// drawMisclassified returns an opaque picture of the first 18 examples of set
// whose prediction, one for each example, differs from the label. Cells that
// are left over stay dark.
func drawMisclassified(set examples, predictions []uint8) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, gridColumns*(cellWidth+gap)+gap, gridRows*(cellHeight+gap)+gap))
	fill(picture, picture.Bounds(), backgroundColour)
	for cell := range gridColumns * gridRows {
		fill(picture, cellBounds(cell), emptyColour)
	}
	cell := 0
	for i, predicted := range predictions {
		if predicted == set.labels[i] {
			continue
		}
		if cell == gridColumns*gridRows {
			break
		}
		drawCell(picture, cellBounds(cell), set.image(i), predicted, set.labels[i])
		cell++
	}
	return picture
}

// cellBounds returns where a cell lies, counted row by row from the top left.
func cellBounds(cell int) image.Rectangle {
	x := gap + cell%gridColumns*(cellWidth+gap)
	y := gap + cell/gridColumns*(cellHeight+gap)
	return image.Rect(x, y, x+cellWidth, y+cellHeight)
}

func drawCell(picture *image.RGBA, bounds image.Rectangle, digit []float32, predicted, label uint8) {
	fill(picture, bounds, cellColour)
	inner := bounds.Inset(gap)
	for i, ink := range digit {
		grey := uint8(ink*255 + 0.5)
		fill(picture, square(inner.Min, i%side, i/side, pixelScale), color.RGBA{R: grey, G: grey, B: grey, A: 255})
	}
	top := inner.Max.Y - glyphRows*glyphScale
	drawGlyph(picture, image.Pt(inner.Min.X, top), predicted, predictedColour)
	drawGlyph(picture, image.Pt(inner.Max.X-glyphColumns*glyphScale, top), label, trueColour)
}

func drawGlyph(picture *image.RGBA, at image.Point, digit uint8, c color.RGBA) {
	for y, row := range glyphs[digit] {
		for x := range glyphColumns {
			if row>>(glyphColumns-1-x)&1 == 1 {
				fill(picture, square(at, x, y, glyphScale), c)
			}
		}
	}
}

// square returns the pixel x, y of a drawing that starts at origin and is
// enlarged by scale.
func square(origin image.Point, x, y, scale int) image.Rectangle {
	low := origin.Add(image.Pt(x, y).Mul(scale))
	return image.Rectangle{Min: low, Max: low.Add(image.Pt(scale, scale))}
}

func fill(picture *image.RGBA, area image.Rectangle, c color.RGBA) {
	draw.Draw(picture, area, image.NewUniform(c), image.Point{}, draw.Src)
}
