package main

import (
	"fmt"

	"github.com/runhook/runhook/summary"
)

// boxes marks where the network is wrong, with what it said.
func boxes(w *summary.FileWriter, t *training) error {
	for _, m := range t.some(25) {
		picture := drawBoundary(480, m.net, t.testSet)
		var mistakes []summary.Box
		for _, p := range t.testSet {
			probability := m.net.predict(p.x, p.y)
			if (probability >= 0.5) == p.upper {
				continue
			}
			at := pixel(picture, p)
			mistakes = append(mistakes, summary.Box{
				XMin: float64(at.X - 16), YMin: float64(at.Y - 16), XMax: float64(at.X + 16), YMax: float64(at.Y + 16),
				Label: fmt.Sprintf("%.2f", probability),
			})
		}
		if err := w.ImageBoxes("boundary/mistakes", picture, mistakes, m.step); err != nil {
			return err
		}
	}
	return nil
}
