package pixels

import (
	"compress/zlib"
	"math"
)

const (
	// Pictures of so few bytes are compressed as fast as sampled.
	smallPicture = 1 << 13
	sampleParts  = 4
	samplePart   = 1 << 13
)

// level chooses how to compress the picture, by consecutive rows at a few
// places. A row beyond samplePart counts with its begin only.
func (e *encoder) level() (int, error) {
	height := len(e.rows.pix) / e.rows.stride
	if len(e.rows.pix) < smallPicture {
		return zlib.BestSpeed, nil
	}
	e.sample = e.sample[:0]
	for part := range sampleParts {
		full := len(e.sample) + samplePart
		for y := part * height / sampleParts; y < height && len(e.sample) < full; y++ {
			row := e.rows.filtered(y)
			e.sample = append(e.sample, row[:min(len(row), full-len(e.sample))]...)
		}
	}
	e.sampleSize = 0
	z, err := e.compressor(zlib.BestSpeed, &e.sampleSize)
	if err != nil {
		return 0, err
	}
	if _, err := z.Write(e.sample); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	if huffmanSize(e.sample) <= float64(e.sampleSize) {
		return zlib.HuffmanOnly, nil
	}
	return zlib.BestSpeed, nil
}

// byteCount counts what is written to it.
type byteCount int

func (c *byteCount) Write(p []byte) (int, error) {
	*c += byteCount(len(p))
	return len(p), nil
}

// huffmanSize is about how many bytes Huffman codes make of data.
func huffmanSize(data []byte) float64 {
	var counts [256]int
	for _, b := range data {
		counts[b]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			bits += float64(n) * max(1, math.Log2(float64(len(data))/float64(n)))
		}
	}
	return bits / 8
}
