package palette_test

import (
	"image"
	"image/color"
	stdpalette "image/color/palette"
	"image/draw"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/palette"
)

func picture(width, height int, at func(x, y int) color.RGBA) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetRGBA(x, y, at(x, y))
		}
	}
	return m
}

// gradient has a colour of its own nearly everywhere.
func gradient(width, height int) *image.RGBA {
	return picture(width, height, func(x, y int) color.RGBA {
		return color.RGBA{uint8(255 * x / (width - 1)), uint8(255 * y / (height - 1)), uint8(255 * (width - 1 - x) / (width - 1)), 255}
	})
}

// waves are as a photo out of focus: soft changes of brightness.
func waves(width, height int) *image.RGBA {
	return picture(width, height, func(x, y int) color.RGBA {
		v := 128 + 120*math.Sin(float64(x)/50)*math.Cos(float64(y)/60)
		return color.RGBA{uint8(v), uint8(0.7 * v), uint8(200 - v/2), 255}
	})
}

// noise is nothing but error.
func noise(width, height int) *image.RGBA {
	r := rand.New(rand.NewPCG(1, 2))
	return picture(width, height, func(int, int) color.RGBA {
		return color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255}
	})
}

// of is Of of one picture.
func of(m image.Image) *image.Paletted { return palette.Of([]image.Image{m})[0] }

func TestFewColoursStayAsTheyAre(t *testing.T) {
	for colours := range 257 {
		m := picture(16, 16, func(x, y int) color.RGBA {
			i := (16*y + x) % max(colours, 1)
			return color.RGBA{uint8(i), uint8(7 * i), uint8(255 - i), 255}
		})
		p := of(m)
		require.Equal(t, m.Rect, p.Rect)
		require.Len(t, p.Palette, max(colours, 1))
		for y := range 16 {
			for x := range 16 {
				require.Equal(t, m.At(x, y), p.At(x, y))
			}
		}
	}
}

func TestTransparencyOfFewColoursStays(t *testing.T) {
	m := picture(2, 1, func(x, _ int) color.RGBA { return color.RGBA{A: uint8(255 * x)} })
	p := of(m)
	assert.Equal(t, color.Palette{color.RGBA{}, color.RGBA{A: 255}}, p.Palette)
	assert.Equal(t, []uint8{0, 1}, p.Pix)
}

func TestAPartOfAPictureIsMovedToTheOrigin(t *testing.T) {
	for _, m := range []*image.RGBA{gradient(64, 64), gradient(16, 16)} {
		part := image.Rect(3, 5, 14, 12)
		p := of(m.SubImage(part))
		require.Equal(t, image.Rect(0, 0, 11, 7), p.Rect)
		copied := image.NewRGBA(p.Rect)
		draw.Draw(copied, p.Rect, m, part.Min, draw.Src)
		require.Equal(t, of(copied), p)
	}
}

// squaredError is the mean of a channel.
func squaredError(m *image.RGBA, p *image.Paletted) float64 {
	sum := 0.0
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			want, got := m.RGBAAt(x, y), color.RGBAModel.Convert(p.At(x, y)).(color.RGBA)
			for _, d := range []int{int(want.R) - int(got.R), int(want.G) - int(got.G), int(want.B) - int(got.B)} {
				sum += float64(d * d)
			}
		}
	}
	return sum / float64(3*m.Rect.Dx()*m.Rect.Dy())
}

func TestAnOwnPaletteIsMuchBetterThanAFixedOne(t *testing.T) {
	for name, c := range map[string]struct {
		picture *image.RGBA
		gain    float64 // dB
	}{"gradient": {gradient(160, 120), 11}, "waves": {waves(160, 120), 35}, "noise": {noise(160, 120), 2}} {
		fixed := image.NewPaletted(c.picture.Rect, stdpalette.Plan9)
		draw.FloydSteinberg.Draw(fixed, fixed.Rect, c.picture, image.Point{})
		own := of(c.picture)
		require.Len(t, own.Palette, 256)
		gain := 10 * math.Log10(squaredError(c.picture, fixed)/squaredError(c.picture, own))
		assert.Greater(t, gain, c.gain, name)
		require.Equal(t, own, of(c.picture), "the same again")
	}
}

// A drawing with soft edges has more than 256 colours; its ground has one.
func TestAreasOfOneColourStayAsTheyAre(t *testing.T) {
	ground := color.RGBA{R: 17, G: 99, B: 201, A: 255}
	r := rand.New(rand.NewPCG(1, 2))
	m := picture(100, 100, func(x, y int) color.RGBA {
		if (x-50)*(x-50)+(y-50)*(y-50) > 900 {
			return ground
		}
		return color.RGBA{R: 17 + uint8(r.IntN(80)), G: 99 + uint8(r.IntN(80)), B: 201 - uint8(r.IntN(80)), A: 255}
	})
	p := of(m)
	for y := range 15 { // above what is drawn
		for x := range 100 {
			require.Equal(t, ground, p.At(x, y))
		}
	}
}

// A disc moves over a ground of very many colours.
func TestWhatDoesNotMoveStaysAsItIs(t *testing.T) {
	var frames []image.Image
	for at := range 10 {
		m := gradient(80, 60)
		draw.Draw(m, image.Rect(0, 0, 10, 10).Add(image.Pt(7*at, 40)), image.NewUniform(color.White), image.Point{}, draw.Src)
		frames = append(frames, m)
	}
	few := picture(80, 60, func(x, _ int) color.RGBA { return color.RGBA{B: uint8(x), A: 255} })
	all := palette.Of(append(frames, few))
	for _, p := range all[1:10] {
		require.Equal(t, all[0].Palette, p.Palette)
		require.Equal(t, all[0].Pix[:40*80], p.Pix[:40*80], "above the disc")
	}
	require.Equal(t, of(few), all[10], "exactly")
}

func BenchmarkOf(b *testing.B) {
	for name, m := range map[string]*image.RGBA{"gradient": gradient(320, 240), "waves": waves(320, 240), "noise": noise(320, 240)} {
		perPixel := func(b *testing.B, convert func()) {
			for b.Loop() {
				convert()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/320/240, "ns/pixel")
		}
		b.Run(name, func(b *testing.B) { perPixel(b, func() { of(m) }) })
		b.Run(name+" in a fixed palette", func(b *testing.B) {
			perPixel(b, func() {
				draw.FloydSteinberg.Draw(image.NewPaletted(m.Rect, stdpalette.Plan9), m.Rect, m, image.Point{})
			})
		})
	}
}
