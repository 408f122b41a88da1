package palette

import (
	"cmp"
	"image"
	"image/color"
	"slices"
)

// dither shows a picture, without its transparency, in a palette, and passes what is
// wrong of a pixel on to those right of it and below (Floyd and Steinberg). That of
// image/draw does the same, but looks at all colours for each pixel.
func dither(picture *image.RGBA, p color.Palette) *image.Paletted {
	dst := image.NewPaletted(picture.Rect, p)
	near := newNearest(p)
	width := picture.Rect.Dx()
	wrong, below := make([][3]int, width+2), make([][3]int, width+2) // sixteenths, by x+1
	for y := range picture.Rect.Dy() {
		for x := range width {
			pix := picture.Pix[y*picture.Stride+4*x:]
			var want [3]int
			for c := range want {
				want[c] = min(max(int(pix[c])+(wrong[x+1][c]+8)>>4, 0), 255)
			}
			index, got := near.find(want)
			dst.Pix[y*dst.Stride+x] = index
			for c := range want {
				e := want[c] - got[c]
				wrong[x+2][c] += 7 * e
				below[x][c] += 3 * e
				below[x+1][c] += 5 * e
				below[x+2][c] += e
			}
		}
		wrong, below = below, wrong
		clear(below)
	}
	return dst
}

// A nearest finds the nearest colour of a palette, by the order of their green.
type nearest struct {
	colours []entry
	start   [256]int // of those with so much green or more
}

type entry struct {
	at    [3]int
	index uint8
}

func newNearest(p color.Palette) *nearest {
	n := new(nearest)
	for i, c := range p {
		c := c.(color.RGBA)
		n.colours = append(n.colours, entry{[3]int{int(c.R), int(c.G), int(c.B)}, uint8(i)})
	}
	slices.SortFunc(n.colours, func(a, b entry) int { return cmp.Compare(a.at[1], b.at[1]) })
	for green := range n.start {
		n.start[green], _ = slices.BinarySearchFunc(n.colours, green, func(e entry, green int) int { return cmp.Compare(e.at[1], green) })
	}
	return n
}

// find looks at colours in the order of how near their green is.
func (n *nearest) find(want [3]int) (index uint8, at [3]int) {
	var best *entry
	least := 1 << 30
	up := n.start[want[1]]
	for down := up - 1; down >= 0 || up < len(n.colours); {
		next := up
		if up == len(n.colours) || down >= 0 && want[1]-n.colours[down].at[1] < n.colours[up].at[1]-want[1] {
			next = down
			down--
		} else {
			up++
		}
		e := &n.colours[next]
		if square(e.at[1]-want[1]) >= least {
			break
		}
		if d := distance(e.at, want); d < least {
			best, least = e, d
		}
	}
	return best.index, best.at
}

func distance(a, b [3]int) int { return square(a[0]-b[0]) + square(a[1]-b[1]) + square(a[2]-b[2]) }

func square(x int) int { return x * x }
