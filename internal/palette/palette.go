// Package palette shows pictures in the 256 colours of a GIF.
package palette

import (
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
)

const (
	mostColours = 256     // in a palette
	mostShades  = 1 << 12 // that a palette is chosen from: all of 4 bits a channel
)

// Of returns pictures in palettes, moved to the origin: each exactly in its own if
// it has no more than 256 colours. For all others one palette is chosen, so that
// what does not change from one to the next looks the same, without transparency,
// and errors are passed on to the pixels around (Floyd and Steinberg). The same
// pictures always come to the same.
func Of(pictures []image.Image) []*image.Paletted {
	all := make([]*image.Paletted, len(pictures))
	rich := newSpectrum()
	for i, picture := range pictures {
		rgba := rgbaOf(picture)
		if all[i] = exactly(rgba); all[i] == nil {
			rich.add(rgba.Pix)
		}
	}
	var chosen color.Palette
	for i, picture := range pictures {
		if all[i] == nil {
			if chosen == nil {
				chosen = choose(rich.shades)
			}
			all[i] = dither(rgbaOf(picture), chosen)
		}
	}
	return all
}

func rgbaOf(picture image.Image) *image.RGBA {
	bounds := picture.Bounds()
	rgba := image.NewRGBA(image.Rectangle{Max: bounds.Size()})
	draw.Draw(rgba, rgba.Rect, picture, bounds.Min, draw.Src)
	return rgba
}

// exactly returns a picture in its own colours; nil if there are too many.
func exactly(picture *image.RGBA) *image.Paletted {
	dst := image.NewPaletted(picture.Rect, nil)
	index := make(map[color.RGBA]uint8)
	var last color.RGBA
	var at uint8
	for i := range dst.Pix {
		pix := picture.Pix[4*i:]
		if c := (color.RGBA{pix[0], pix[1], pix[2], pix[3]}); c != last || i == 0 {
			known := false
			if at, known = index[c]; !known {
				if len(dst.Palette) == mostColours {
					return nil
				}
				at = uint8(len(dst.Palette))
				index[c] = at
				dst.Palette = append(dst.Palette, c)
			}
			last = c
		}
		dst.Pix[i] = at
	}
	return dst
}

// A shade is a colour, or several that differ in bits that do not matter.
type shade struct {
	key    uint32 // the bits that do
	pixels float64
	sum    [3]float64 // of red, green and blue
}

// A spectrum counts shades, in all bits until they are too many.
type spectrum struct {
	mask   uint32 // of the bits that matter
	shades []shade
	index  map[uint32]int // of shades by their keys
}

func newSpectrum() *spectrum { return &spectrum{mask: 0xffffff, index: make(map[uint32]int)} }

func (s *spectrum) add(pix []uint8) {
	last, at := uint32(0), -1
	for ; len(pix) > 0; pix = pix[4:] {
		if c := uint32(pix[0])<<16 | uint32(pix[1])<<8 | uint32(pix[2]); c != last || at < 0 {
			last, at = c, s.find(c)
		}
		counted := &s.shades[at]
		counted.pixels++
		for c := range counted.sum {
			counted.sum[c] += float64(pix[c])
		}
	}
}

// find returns the index of the shade of a colour, which is new if need be.
func (s *spectrum) find(colour uint32) int {
	for {
		key := colour & s.mask
		i, ok := s.index[key]
		if ok {
			return i
		}
		if len(s.shades) < mostShades {
			s.index[key] = len(s.shades)
			s.shades = append(s.shades, shade{key: key})
			return len(s.shades) - 1
		}
		s.coarsen()
	}
}

// coarsen lets one bit less of each channel matter.
func (s *spectrum) coarsen() {
	s.mask &= s.mask << 1 & 0xfefefe
	fine := s.shades
	s.shades = nil
	clear(s.index)
	for _, f := range fine {
		s.shades[s.find(f.key)].add(f)
	}
}

// choose divides shades into groups, again and again the one where that lessens the
// sum of squared errors most, and returns the colours that stand for them.
func choose(shades []shade) color.Palette {
	groups := []group{groupOf(shades)}
	for len(groups) < mostColours {
		worst := 0
		for i := range groups {
			if groups[i].gain > groups[worst].gain {
				worst = i
			}
		}
		g := groups[worst]
		if g.gain <= 0 {
			break
		}
		groups[worst] = groupOf(g.shades[:g.cut])
		groups = append(groups, groupOf(g.shades[g.cut:]))
	}
	p := make(color.Palette, len(groups))
	for i, g := range groups {
		p[i] = g.colour()
	}
	return p
}

// A group of shades is to be divided before cut, which lessens the error by gain.
type group struct {
	shades []shade
	total  shade
	cut    int
	gain   float64
}

// groupOf sorts shades by the channel in which they differ most, and finds where to
// divide them.
func groupOf(shades []shade) group {
	g := group{shades: shades}
	var squares [3]float64
	for _, s := range shades {
		g.total.add(s)
		for c, x := range s.sum {
			squares[c] += x * x / s.pixels
		}
	}
	channel, widest := 0, 0.0
	for c, x := range g.total.sum {
		if spread := squares[c] - x*x/g.total.pixels; spread > widest {
			channel, widest = c, spread
		}
	}
	if widest == 0 {
		return g
	}
	slices.SortFunc(shades, func(a, b shade) int {
		return cmp.Compare(a.sum[channel]/a.pixels, b.sum[channel]/b.pixels)
	})
	whole := g.total.weight()
	var below shade
	for i, s := range shades[:len(shades)-1] {
		below.add(s)
		above := g.total
		above.pixels -= below.pixels
		for c := range above.sum {
			above.sum[c] -= below.sum[c]
		}
		if gain := below.weight() + above.weight() - whole; gain > g.gain {
			g.cut, g.gain = i+1, gain
		}
	}
	return g
}

func (s *shade) add(other shade) {
	s.pixels += other.pixels
	for c, x := range other.sum {
		s.sum[c] += x
	}
}

// weight is the greater, the less the pixels are wrong if the mean stands for all.
func (s *shade) weight() float64 {
	return (s.sum[0]*s.sum[0] + s.sum[1]*s.sum[1] + s.sum[2]*s.sum[2]) / s.pixels
}

// colour is the shade that most pixels of a group have, for areas of one colour to
// stay as they are, or else the mean.
func (g *group) colour() color.RGBA {
	mean := g.total
	for _, s := range g.shades {
		if 2*s.pixels > g.total.pixels {
			mean = s
		}
	}
	of := func(c int) uint8 { return uint8(math.Round(mean.sum[c] / mean.pixels)) }
	return color.RGBA{of(0), of(1), of(2), 0xff}
}
