package main

import (
	"fmt"
	"image"
	"math"

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
		e.Sprites = append(e.Sprites, sprite(p, probability))
	}
	return summary.WriteEmbeddings(dir, e)
}

func moon(upper bool) string {
	if upper {
		return "upper"
	}
	return "lower"
}

// sprite is a disc in the color of a probability, with a rim in that of the moon.
func sprite(p point, probability float64) image.Image {
	const size = 24
	picture := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			switch r := math.Hypot(float64(x)+0.5-size/2, float64(y)+0.5-size/2); {
			case r < size/2-4:
				picture.SetNRGBA(x, y, shade(probability))
			case r < size/2:
				picture.SetNRGBA(x, y, colorOf(p))
			}
		}
	}
	return picture
}
