package palette

import (
	"image/color"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheNearestColourIsFound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func() color.RGBA { return color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255} }
	for _, colours := range []int{1, 2, 17, 256} {
		p := make(color.Palette, colours)
		for i := range p {
			p[i] = random()
		}
		near := newNearest(p)
		for range 2000 {
			want := random()
			at := [3]int{int(want.R), int(want.G), int(want.B)}
			index, got := near.find(at)
			found := p[index].(color.RGBA)
			require.Equal(t, [3]int{int(found.R), int(found.G), int(found.B)}, got)
			least := distance(got, at)
			for _, c := range p {
				c := c.(color.RGBA)
				least = min(least, distance([3]int{int(c.R), int(c.G), int(c.B)}, at))
			}
			require.Equal(t, least, distance(got, at))
		}
	}
}
