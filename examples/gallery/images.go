package main

import (
	"bytes"
	"image"
	"image/jpeg"

	"github.com/runhook/runhook/summary"
)

func images(w *summary.FileWriter, t *training) error {
	for _, m := range t.some(10) {
		if err := w.Image("boundary", drawBoundary(360, m.net, t.testSet), m.step); err != nil {
			return err
		}
		// Several pictures at a step: what the units of the first layer see.
		var units []image.Image
		for unit := range t.units {
			units = append(units, drawPlane(96, func(x, y float64) float64 { return m.net.activations(x, y)[0][unit]/2 + 0.5 }))
		}
		if err := w.Images("units", units, m.step); err != nil {
			return err
		}
	}
	// A picture that is PNG, JPEG or GIF already is written as it is.
	var encoded bytes.Buffer
	if err := jpeg.Encode(&encoded, drawBoundary(360, t.last().net, t.trainSet), nil); err != nil {
		return err
	}
	return w.EncodedImage("boundary/train", encoded.Bytes(), steps)
}
