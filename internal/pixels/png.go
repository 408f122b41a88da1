package pixels

import (
	"fmt"
	"image"
	"image/png"
	"slices"
	"sync"
)

// EncodePNG appends the picture to dst as a PNG file of 8 bits a channel,
// without loss. Grey stays grey, three channels make a file without alpha. The
// file of a picture with alpha has four channels, or three if all of it is
// opaque, since image/png writes no others. It is safe for concurrent use.
func EncodePNG(dst []byte, pix []uint8, s Shape) ([]byte, error) {
	if err := s.Check(len(pix)); err != nil {
		return dst, err
	}
	bounds := image.Rect(0, 0, s.Width, s.Height)
	var picture image.Image
	switch s.Channels {
	case 1:
		picture = &image.Gray{Pix: pix, Stride: s.Width, Rect: bounds}
	case 4:
		picture = &image.NRGBA{Pix: pix, Stride: 4 * s.Width, Rect: bounds}
	default:
		wide := widths.Get().(*[]uint8)
		defer widths.Put(wide)
		*wide = widen((*wide)[:0], pix, s.Channels)
		picture = &image.NRGBA{Pix: *wide, Stride: 4 * s.Width, Rect: bounds}
	}
	file := appender(dst)
	encoder := png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &buffers}
	if err := encoder.Encode(&file, picture); err != nil {
		return dst, fmt.Errorf("pixels: %w", err)
	}
	return file, nil
}

// widen appends pixels of two or three channels as pixels of four.
func widen(dst, pix []uint8, channels int) []uint8 {
	dst = slices.Grow(dst, len(pix)/channels*4)
	for i := 0; i < len(pix); i += channels {
		if p := pix[i:]; channels == 2 {
			dst = append(dst, p[0], p[0], p[0], p[1])
		} else {
			dst = append(dst, p[0], p[1], p[2], 255)
		}
	}
	return dst
}

type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// bufferPool is a png.EncoderBufferPool.
type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() *png.EncoderBuffer {
	// Nil makes the encoder allocate one.
	buffer, _ := b.pool.Get().(*png.EncoderBuffer)
	return buffer
}

func (b *bufferPool) Put(buffer *png.EncoderBuffer) { b.pool.Put(buffer) }

var (
	buffers bufferPool
	widths  = sync.Pool{New: func() any { return new([]uint8) }}
)
