package summary

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"math"

	"github.com/runhook/runhook/internal/palette"
)

// An Animation is a sequence of pictures of one size.
type Animation struct {
	Frames []image.Image
	// FPS is frames a second, from 0.001526, the slowest of a GIF, to 100. Default 4.
	FPS float64
}

// VideoValue returns a video as animated GIF, which TensorBoard shows among the
// images. Frames of more than 256 colours are dithered in one palette that is chosen
// for them, and lose their transparency.
func VideoValue(tag string, video Animation) (Value, error) {
	encoded, err := video.gif()
	if err != nil {
		return Value{}, fmt.Errorf("summary: video %q: %w", tag, err)
	}
	return EncodedImagesValue(tag, encoded)
}

const (
	defaultFPS = 4 // that of torch and tensorboardX
	minFPS     = 0.001526
	maxFPS     = 100
	maxGIF     = math.MaxUint16 // pixels, or hundredths of a second
)

func (v Animation) gif() ([]byte, error) {
	fps := v.FPS
	if fps == 0 {
		fps = defaultFPS
	}
	if !(fps >= minFPS && fps <= maxFPS) {
		return nil, fmt.Errorf("%v frames a second, want %v to %v", v.FPS, minFPS, maxFPS)
	}
	if len(v.Frames) == 0 {
		return nil, errors.New("no frames")
	}
	animation := new(gif.GIF)
	for i, frame := range v.Frames {
		if isNilImage(frame) {
			return nil, fmt.Errorf("frame %d is nil", i)
		}
		size := frame.Bounds().Size() // negative where it overflows
		if first := v.Frames[0].Bounds().Size(); size != first || size.X < 1 || size.Y < 1 {
			return nil, fmt.Errorf("frame %d is %v, want the size of the first (%v), and not empty", i, size, first)
		}
		if size.X > maxGIF || size.Y > maxGIF {
			return nil, fmt.Errorf("frame %d is %v, want at most %d by %d", i, size, maxGIF, maxGIF)
		}
		animation.Delay = append(animation.Delay, int(math.Round(100/fps)))
	}
	animation.Image = palette.Of(v.Frames)
	var encoded bytes.Buffer
	if err := gif.EncodeAll(&encoded, animation); err != nil {
		return nil, err
	}
	return encoded.Bytes(), nil
}

// Video writes a video as animated GIF.
func (w *Writer) Video(tag string, video Animation, step int64) error {
	v, err := VideoValue(tag, video)
	return w.add(step, v, err)
}

// Video returns an op that makes a video of a fetched [Animation], by
// [session.Any], or of a tensor of shape [frames, height, width, channels], as
// [Pictures] takes it with [ScaleUnit], of 4 frames a second.
func Video(name, fetch string) Op {
	return opOf("video", name, fetch, func(tag string, in input) (Value, error) {
		if video, ok := in.Any().(Animation); ok {
			return VideoValue(tag, video)
		}
		t, err := in.tensor("an Animation or a tensor")
		if err != nil {
			return Value{}, err
		}
		frames, err := pictures(t, PictureOptions{Scale: ScaleUnit}, -1)
		if err != nil {
			return Value{}, in.fault(err)
		}
		return VideoValue(tag, Animation{Frames: frames})
	})
}
