package main

import (
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wrongAt returns n real digits and predictions that are one too high for the
// first wrong of them.
func wrongAt(t *testing.T, n, wrong int) (examples, []uint8) {
	t.Helper()
	all, err := loadDigits()
	require.NoError(t, err)
	set := examples{images: all.images[:n*pixels], labels: all.labels[:n]}
	predictions := slices.Clone(set.labels)
	for i := range wrong {
		predictions[i] = (predictions[i] + 1) % classes
	}
	return set, predictions
}

func countColour(picture *image.RGBA, area image.Rectangle, want color.RGBA) int {
	count := 0
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			if picture.RGBAAt(x, y) == want {
				count++
			}
		}
	}
	return count
}

func TestPictureFillsACellForEachMistake(t *testing.T) {
	const cells = gridColumns * gridRows
	tests := []struct {
		name          string
		wrong, filled int
	}{
		{"none when all is right", 0, 0},
		{"one", 1, 1},
		{"some", 7, 7},
		{"all", cells, cells},
		{"no more than there are", 100, cells},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			picture := drawMisclassified(wrongAt(t, 100, test.wrong))
			require.Equal(t, image.Rect(0, 0, 364, 241), picture.Bounds())
			require.True(t, picture.Opaque())
			filled := 0
			for cell := range cells {
				bounds := cellBounds(cell)
				require.True(t, bounds.In(picture.Bounds()))
				red := countColour(picture, bounds, predictedColour)
				green := countColour(picture, bounds, trueColour)
				if cell < test.filled {
					filled++
					require.NotZero(t, red)
					require.NotZero(t, green)
				} else {
					require.Equal(t, bounds.Dx()*bounds.Dy(), countColour(picture, bounds, emptyColour))
				}
			}
			require.Equal(t, test.filled, filled)
		})
	}
}

func TestCellShowsTheDigitAndBothLabels(t *testing.T) {
	set, predictions := wrongAt(t, 10, 0)
	predictions[4] = 9 // the digit is a 4
	picture := drawMisclassified(set, predictions)
	inner := cellBounds(0).Inset(gap)
	for i, ink := range set.image(4) {
		grey := uint8(ink*255 + 0.5)
		low := inner.Min.Add(image.Pt(i%side, i/side).Mul(pixelScale))
		area := image.Rectangle{Min: low, Max: low.Add(image.Pt(pixelScale, pixelScale))}
		require.Equal(t, pixelScale*pixelScale, countColour(picture, area, color.RGBA{R: grey, G: grey, B: grey, A: 255}))
	}

	// A 9 fills 12 squares of the 3×5 font, a 4 fills 9; red stands on the left,
	// green on the right.
	left, right := inner, inner
	left.Max.X = inner.Min.X + inner.Dx()/2
	right.Min.X = left.Max.X
	require.Equal(t, 12*glyphScale*glyphScale, countColour(picture, left, predictedColour))
	require.Equal(t, 9*glyphScale*glyphScale, countColour(picture, right, trueColour))
	require.Zero(t, countColour(picture, right, predictedColour))
	require.Zero(t, countColour(picture, left, trueColour))

	corner := image.Pt(inner.Min.X, inner.Max.Y-glyphRows*glyphScale)
	require.Equal(t, "###\n#.#\n###\n..#\n###\n", readGlyph(picture, corner, predictedColour))
	corner.X = inner.Max.X - glyphColumns*glyphScale
	require.Equal(t, "#.#\n#.#\n###\n..#\n..#\n", readGlyph(picture, corner, trueColour))
}

// readGlyph returns the glyph whose top left corner is at from, a # for each
// square of colour c.
func readGlyph(picture *image.RGBA, from image.Point, c color.RGBA) string {
	var text strings.Builder
	for y := range glyphRows {
		for x := range glyphColumns {
			if picture.RGBAAt(from.X+x*glyphScale, from.Y+y*glyphScale) == c {
				text.WriteByte('#')
			} else {
				text.WriteByte('.')
			}
		}
		text.WriteByte('\n')
	}
	return text.String()
}

func TestGlyphsDiffer(t *testing.T) {
	for digit, glyph := range glyphs {
		require.Equal(t, digit, slices.Index(glyphs[:], glyph))
	}
}
