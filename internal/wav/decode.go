package wav

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A Sound is the content of a WAV file.
type Sound struct {
	SampleRate uint32 // frames a second
	Channels   int
	Samples    []float32 // from -1 to less than 1, nil if the file has none
}

// Decode reads a WAV file of linear samples of 16 bits, what Encode makes or
// with other chunks before the samples; what follows them is ignored. The error
// about a file that ends too early wraps io.ErrUnexpectedEOF.
func Decode(file []byte) (Sound, error) {
	c := cursor{rest: file}
	c.expect("RIFF")
	c.uint32() // the whole size, which streams leave wrong
	c.expect("WAVE")
	c.expect("fmt ")
	s, frame := c.format()
	for c.err == nil {
		id, size := c.take(4), c.uint32()
		data := c.take(uint64(size))
		if string(id) == "data" {
			if c.err == nil && len(data)%frame != 0 {
				c.fail(fmt.Errorf("data of %d bytes, want a multiple of the frame's %d", len(data), frame))
			}
			s.Samples = decodeSamples(data)
			break
		}
		c.take(uint64(size & 1)) // chunks begin at even offsets
	}
	if c.err != nil {
		return Sound{}, fmt.Errorf("wav: %w", c.err)
	}
	return s, nil
}

// format reads the chunk behind the name "fmt " and returns the size of a
// frame, too.
func (c *cursor) format() (s Sound, frame int) {
	size := c.uint32()
	if size != formatSize && size != formatSize+2 {
		c.fail(fmt.Errorf("format of %d bytes, want %d or %d", size, formatSize, formatSize+2))
	}
	if kind := c.uint16(); kind != linear {
		c.fail(fmt.Errorf("format %d, want linear samples, %d", kind, linear))
	}
	s = Sound{Channels: int(c.uint16()), SampleRate: c.uint32()}
	perSecond, perFrame, bits := c.uint32(), c.uint16(), c.uint16()
	frame = sampleSize * s.Channels
	switch {
	case s.Channels == 0:
		c.fail(fmt.Errorf("no channels"))
	case bits != sampleBits:
		c.fail(fmt.Errorf("%d bits a sample, want %d", bits, sampleBits))
	case perFrame != uint16(frame):
		c.fail(fmt.Errorf("%d bytes a frame, want %d for %d channels", perFrame, uint16(frame), s.Channels))
	case perSecond != s.SampleRate*uint32(frame):
		c.fail(fmt.Errorf("%d bytes a second, want %d for %d frames", perSecond, s.SampleRate*uint32(frame), s.SampleRate))
	}
	c.take(uint64(size) - formatSize)
	return s, frame
}

func decodeSamples(data []byte) []float32 {
	if len(data) == 0 {
		return nil
	}
	samples := make([]float32, len(data)/sampleSize)
	for i := range samples {
		samples[i] = float32(int16(binary.LittleEndian.Uint16(data[sampleSize*i:]))) / fullScale
	}
	return samples
}

// A cursor reads a file from its begin. After the first error it returns zeros.
type cursor struct {
	rest   []byte
	offset int
	err    error
}

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// take returns the next size bytes, nil if there are not as many.
func (c *cursor) take(size uint64) []byte {
	if uint64(len(c.rest)) < size {
		c.fail(fmt.Errorf("%d bytes at offset %d, want %d: %w", len(c.rest), c.offset, size, io.ErrUnexpectedEOF))
	}
	if c.err != nil {
		return nil
	}
	taken := c.rest[:size]
	c.rest, c.offset = c.rest[size:], c.offset+int(size)
	return taken
}

func (c *cursor) expect(text string) {
	at := c.offset
	if got := c.take(uint64(len(text))); c.err == nil && string(got) != text {
		c.fail(fmt.Errorf("%q at offset %d, want %q", got, at, text))
	}
}

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}
