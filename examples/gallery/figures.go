package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"

	"github.com/runhook/runhook/summary"
)

// figures writes what draws itself: an io.WriterTo, as gonum's plots are.
func figures(w *summary.FileWriter, t *training) error {
	for _, m := range t.some(10) {
		if err := w.Figure("confusion", confusionOf(m.net, t.testSet), m.step); err != nil {
			return err
		}
	}
	return nil
}

// confusion counts points by the moon they are of and that they are told to be of.
type confusion [2][2]int64

func confusionOf(n *network, points []point) *confusion {
	c := new(confusion)
	for _, p := range points {
		c[index(p.upper)][index(n.predict(p.x, p.y) >= 0.5)]++
	}
	return c
}

// WriteTo writes a square for each count, the darker the more of its row.
func (c *confusion) WriteTo(w io.Writer) (int64, error) {
	const cell = 60
	picture := image.NewNRGBA(image.Rect(0, 0, 2*cell, 2*cell))
	for i, row := range c {
		for j, count := range row {
			square := image.Rect(0, 0, cell, cell).Add(image.Pt(j*cell, i*cell)).Inset(1)
			shade := mix(white, color.NRGBA{R: 0x1b, G: 0x5e, B: 0x20, A: 0xff}, float64(count)/float64(max(1, row[0]+row[1])))
			draw.Draw(picture, square, image.NewUniform(shade), image.Point{}, draw.Src)
		}
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		return 0, err
	}
	return encoded.WriteTo(w)
}
