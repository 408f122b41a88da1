package main

import (
	"image"
	"image/color"
	"image/draw"
	"math"
)

// Pictures show the plane from -reach to reach in x, and half of that in y.
const reach = 2.4

var (
	upperColor = color.NRGBA{R: 0xf5, G: 0x7c, B: 0x00, A: 0xff}
	lowerColor = color.NRGBA{R: 0x42, G: 0x85, B: 0xf4, A: 0xff}
	white      = color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}
)

// colorOf is a darker color of the moon of a point.
func colorOf(p point) color.NRGBA {
	c := lowerColor
	if p.upper {
		c = upperColor
	}
	return mix(c, color.NRGBA{A: 0xff}, 0.3)
}

// mix is a for 0, b for 1, and between them what is between.
func mix(a, b color.NRGBA, part float64) color.NRGBA {
	part = min(max(part, 0), 1)
	of := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + part*(float64(b)-float64(a)))) }
	return color.NRGBA{of(a.R, b.R), of(a.G, b.G), of(a.B, b.B), 0xff}
}

// shade is the color of a probability of the upper moon: white where nothing is
// known.
func shade(probability float64) color.NRGBA {
	if probability < 0.5 {
		return mix(white, lowerColor, 0.8*(1-2*probability))
	}
	return mix(white, upperColor, 0.8*(2*probability-1))
}

// drawPlane draws what at says of each place of the plane, from 0 to 1.
func drawPlane(width int, at func(x, y float64) float64) *image.NRGBA {
	const grain = 2 // pixels that are drawn alike
	picture := image.NewNRGBA(image.Rect(0, 0, width, width/2))
	for py := 0; py < width/2; py += grain {
		for px := 0; px < width; px += grain {
			x := (2*float64(px)/float64(width) - 1) * reach
			y := reach/2 - 2*float64(py)/float64(width)*reach
			square := image.Rect(0, 0, grain, grain).Add(image.Pt(px, py))
			draw.Draw(picture, square, image.NewUniform(shade(at(x, y))), image.Point{}, draw.Src)
		}
	}
	return picture
}

// pixel is where in a picture of the plane a point is.
func pixel(picture image.Image, p point) image.Point {
	scale := float64(picture.Bounds().Dx()) / (2 * reach)
	return image.Pt(int((p.x+reach)*scale), int((reach/2-p.y)*scale))
}

// drawPoints draws points on a plane, in the colors of their moons.
func drawPoints(picture *image.NRGBA, points []point) {
	for _, p := range points {
		at := pixel(picture, p)
		dot := image.Rect(-2, -2, 3, 3).Add(at)
		draw.Draw(picture, dot, image.NewUniform(white), image.Point{}, draw.Src)
		draw.Draw(picture, dot.Inset(1), image.NewUniform(colorOf(p)), image.Point{}, draw.Src)
	}
}

// drawBoundary draws what a network says of the plane, and points.
func drawBoundary(width int, n *network, points []point) *image.NRGBA {
	picture := drawPlane(width, n.predict)
	drawPoints(picture, points)
	return picture
}
