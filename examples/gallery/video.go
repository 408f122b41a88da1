package main

import (
	"image"

	"github.com/runhook/runhook/summary"
)

func video(w *summary.FileWriter, t *training) error {
	var frames []image.Image
	for _, m := range t.some(2) {
		frames = append(frames, drawBoundary(200, m.net, t.testSet))
	}
	return w.Video("boundary/video", summary.Animation{Frames: frames, FPS: 8}, steps)
}
