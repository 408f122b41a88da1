package main

import (
	"fmt"
	"image"

	"github.com/runhook/runhook/summary"
)

// projector shows the points of the test set as the last hidden layer has them.
func projector(dir string, t *training) error {
	e := summary.Embedding{Name: "hidden", Header: []string{"moon", "told", "probability"}}
	net := t.last().net
	for _, p := range t.testSet {
		out := net.activations(p.x, p.y)
		vector := make([]float32, t.units)
		for i, x := range out[1] {
			vector[i] = float32(x)
		}
		e.Vectors = append(e.Vectors, vector)
		probability := out[2][0]
		e.Metadata = append(e.Metadata, []string{
			moon(p.upper), moon(probability >= 0.5), fmt.Sprintf("%.2f", probability),
		})
		e.Sprites = append(e.Sprites, thumbnail(p))
	}
	return summary.WriteEmbeddings(dir, e)
}

func moon(upper bool) string {
	if upper {
		return "upper"
	}
	return "lower"
}

// thumbnail is where a point is in the plane.
func thumbnail(p point) image.Image {
	picture := drawPlane(32, func(_, _ float64) float64 { return 0.5 })
	drawPoints(picture, []point{p})
	return picture
}
