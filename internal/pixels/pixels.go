// Package pixels turns arrays into 8-bit pictures and those into PNG files, as
// TensorFlow's ImageSummary op does
// (tensorflow/core/kernels/summary_image_op.cc).
//
// A picture is a flat []uint8: rows from top to bottom, pixels from left to
// right, the channels of a pixel side by side. Two or four channels end in
// alpha, which is not multiplied into the others. The number of channels is the
// field colorspace of Summary.Image:
//
//	1 grey   2 grey, alpha   3 red, green, blue   4 red, green, blue, alpha
//
// The op has no 2; it belongs to the format all the same.
package pixels

import "fmt"

// MaxPixels is TensorFlow's limit to height times width, exclusive.
const MaxPixels = 1 << 29

// Shape is the size of a picture.
type Shape struct {
	Height, Width, Channels int
}

// Check returns an error unless this is the shape of a picture and that picture
// has this many values.
func (s Shape) Check(values int) error {
	if err := s.valid(); err != nil {
		return err
	}
	if want := s.Height * s.Width * s.Channels; values != want {
		return fmt.Errorf("pixels: %d values, want height %d × width %d × %d channels = %d", values, s.Height, s.Width, s.Channels, want)
	}
	return nil
}

func (s Shape) valid() error {
	switch {
	case s.Channels < 1 || s.Channels > 4:
		return fmt.Errorf("pixels: %d channels, want 1 to 4", s.Channels)
	case s.Height < 1 || s.Width < 1:
		return fmt.Errorf("pixels: height %d and width %d, want at least 1", s.Height, s.Width)
	case s.Height > (MaxPixels-1)/s.Width:
		return fmt.Errorf("pixels: height %d × width %d, want less than %d pixels", s.Height, s.Width, MaxPixels)
	}
	return nil
}
