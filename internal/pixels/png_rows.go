package pixels

import (
	"encoding/binary"
	"slices"
)

// The filters of the PNG format that are a difference of two rows of bytes.
const (
	filterNone = 0
	filterSub  = 1 // to the pixel on the left
	filterUp   = 2 // to the pixel above
)

// rows makes the rows of a picture, one at a time, easy to compress.
type rows struct {
	pix      []uint8
	stride   int // bytes of a row
	channels int
	zeros    []uint8 // a row, which counts as the one above the first
	out      []uint8 // the number of the filter, then a row
}

func (r *rows) reset(pix []uint8, s Shape) {
	r.pix, r.stride, r.channels = pix, s.Width*s.Channels, s.Channels
	r.zeros = slices.Grow(r.zeros[:0], r.stride)[:r.stride] // never written to
	r.out = slices.Grow(r.out[:0], 1+r.stride)[:1+r.stride]
}

// filtered returns row y and before it the filter that was applied to it, valid
// until the next call.
func (r *rows) filtered(y int) []uint8 {
	row, above := r.pix[y*r.stride:(y+1)*r.stride], r.zeros
	if y > 0 {
		above = r.pix[(y-1)*r.stride : y*r.stride]
	}
	filter, least := filterNone, roughness(row, r.zeros)
	if left := roughness(row[r.channels:], row); left < least {
		filter, least = filterSub, left
	}
	if roughness(row, above) < least {
		filter = filterUp
	}
	r.out[0] = byte(filter)
	out := r.out[1:]
	switch filter {
	case filterNone:
		copy(out, row)
	case filterSub:
		copy(out, row[:r.channels])
		subtract(out[r.channels:], row[r.channels:], row)
	case filterUp:
		subtract(out, row, above)
	}
	return r.out
}

// roughness adds up how far the bytes of a are from those of b, which is no
// shorter. It looks at 8 of every 64.
func roughness(a, b []uint8) (sum int) {
	const looked, of = 8, 64
	for len(a) > 0 {
		part := a[:min(len(a), looked)]
		other := b[:len(part)]
		for i, v := range part {
			d := int(int8(v - other[i]))
			sum += max(d, -d)
		}
		next := min(len(a), of)
		a, b = a[next:], b[next:]
	}
	return sum
}

// subtract sets dst to a minus b, byte by byte; b may be longer.
func subtract(dst, a, b []uint8) {
	const high = 0x8080808080808080
	b = b[:len(a)]
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := binary.LittleEndian.Uint64(a[i:]), binary.LittleEndian.Uint64(b[i:])
		// A set top bit takes what a byte would borrow from the next.
		d := (x | high) - (y &^ high) ^ (x^^y)&high
		binary.LittleEndian.PutUint64(dst[i:], d)
	}
	for ; i < len(a); i++ {
		dst[i] = a[i] - b[i]
	}
}
