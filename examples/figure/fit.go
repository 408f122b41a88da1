package main

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// A fit is a line y = wx + b through points. It draws itself.
type fit struct {
	w, b   float64
	points plotter.XYs
}

// step returns the fit after a step of gradient descent, and its mean squared
// error before.
func (f fit) step(rate float64) (next fit, loss float64) {
	next = f
	n := float64(len(f.points))
	for _, p := range f.points {
		e := f.w*p.X + f.b - p.Y
		loss += e * e / n
		next.w -= rate * 2 * e * p.X / n
		next.b -= rate * 2 * e / n
	}
	return next, loss
}

// WriteTo draws the fit as PNG.
func (f fit) WriteTo(w io.Writer) (int64, error) {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("y = %.2f x + %.2f", f.w, f.b)
	p.X.Label.Text, p.Y.Label.Text = "x", "y"
	p.Y.Min, p.Y.Max = -2, 4
	points, err := plotter.NewScatter(f.points)
	if err != nil {
		return 0, err
	}
	points.Color = color.NRGBA{R: 0x42, G: 0x85, B: 0xf4, A: 0xff}
	line := plotter.NewFunction(func(x float64) float64 { return f.w*x + f.b })
	line.Width = vg.Points(2)
	line.Color = color.NRGBA{R: 0xf5, G: 0x7c, A: 0xff}
	p.Add(plotter.NewGrid(), points, line)
	drawn, err := p.WriterTo(12*vg.Centimeter, 9*vg.Centimeter, "png")
	if err != nil {
		return 0, err
	}
	return drawn.WriteTo(w)
}
