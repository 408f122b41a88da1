package pixels_test

import (
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/pixels"
)

// boxGoldens are pictures that tensorboardX 2.6.5 and PyTorch 2.6.0 drew on, and
// the pixels of outlines made by Pillow as these make them.
type boxGoldens struct {
	Drawn map[string]struct {
		Height, Width, Channels int
		Pixels, Drawn           bytes
		Boxes                   [][4]float64
		Labels                  []string
	}
	Outlines []struct {
		Box  [4]float64
		Rows []string
	}
}

func readBoxGoldens(t *testing.T) (goldens boxGoldens) {
	t.Helper()
	file, err := os.Open("testdata/boxes.json.gz")
	require.NoError(t, err)
	defer file.Close()
	text, err := gzip.NewReader(file)
	require.NoError(t, err)
	require.NoError(t, json.NewDecoder(text).Decode(&goldens))
	return goldens
}

func boxAt(corners [4]float64) pixels.Box {
	return pixels.Box{XMin: corners[0], YMin: corners[1], XMax: corners[2], YMax: corners[3]}
}

func TestBoxGoldens(t *testing.T) {
	goldens := readBoxGoldens(t)
	require.Len(t, goldens.Drawn, 3)
	for name, g := range goldens.Drawn {
		t.Run(name, func(t *testing.T) {
			s := pixels.Shape{Height: g.Height, Width: g.Width, Channels: g.Channels}
			var boxes []pixels.Box
			for i, corners := range g.Boxes {
				boxes = append(boxes, boxAt(corners))
				if len(g.Labels) > 0 {
					boxes[i].Label = g.Labels[i]
				}
			}
			got, shape, err := pixels.DrawBoxes(nil, g.Pixels, s, boxes)
			require.NoError(t, err)
			require.Equal(t, s, shape)
			want := slices.Clone([]uint8(g.Drawn))
			if name == "tbx_image_boxes_labels" {
				// What the text covers depends on the font; where its surface begins does
				// not, theirs being as high.
				for y := 11; y <= 20; y++ {
					begin, end := 3*(y*s.Width+4), 3*(y*s.Width+4+19)
					copy(want[begin:end], got[begin:end])
				}
				top := 3 * (10*s.Width + 18)
				copy(want[top:top+3*5], got[top:])
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestOutlinesAreThoseOfPillow(t *testing.T) {
	for _, g := range readBoxGoldens(t).Outlines {
		s := pixels.Shape{Height: len(g.Rows), Width: len(g.Rows[0]), Channels: 1}
		assert.Equal(t, g.Rows, rowsOf(t, s, boxAt(g.Box)), "%v", g.Box)
	}
}

// rowsOf draws boxes on a grey picture: '.' is untouched, '#' outline and
// surface, '@' text.
func rowsOf(t *testing.T, s pixels.Shape, boxes ...pixels.Box) []string {
	t.Helper()
	const grey = 99
	pix := slices.Repeat([]uint8{grey}, s.Height*s.Width)
	got, shape, err := pixels.DrawBoxes(nil, pix, s, boxes)
	require.NoError(t, err)
	require.Equal(t, pixels.Shape{Height: s.Height, Width: s.Width, Channels: 3}, shape)
	var rows []string
	for line := range slices.Chunk(got, 3*s.Width) {
		var row strings.Builder
		for p := range slices.Chunk(line, 3) {
			mark, ok := map[[3]uint8]byte{{grey, grey, grey}: '.', {255, 0, 0}: '#', {0, 0, 0}: '@'}[[3]uint8(p)]
			require.True(t, ok, "a pixel is %v", p)
			row.WriteByte(mark)
		}
		rows = append(rows, row.String())
	}
	return rows
}

func TestLabelStandsAboveTheLowerLeftCorner(t *testing.T) {
	s := pixels.Shape{Height: 15, Width: 24, Channels: 1}
	assert.Equal(t, []string{
		"........................",
		"..###################...",
		"..###################...",
		"..##@@@#########@@@##...",
		"..#@###@#######@###@#...",
		"..#@###@##@@@@#####@#...",
		"..#@@@@@#@###@###@@##...",
		"..#@###@#@###@#####@#...",
		"..#@###@##@@@@#@###@#...",
		"..#@###@#####@##@@@##...",
		"..########@@@########...",
		"..###################...",
		"..###################...",
		"..###################...",
		"........................",
	}, rowsOf(t, s, pixels.Box{XMin: 2, YMin: 2, XMax: 20, YMax: 12, Label: "Ag3"}))
}

func TestWhatIsNotASCIIIsLabelledByAFrame(t *testing.T) {
	s := pixels.Shape{Height: 12, Width: 8, Channels: 1}
	box := func(label string) pixels.Box {
		return pixels.Box{XMin: 0, YMin: 10, XMax: 0, YMax: 10, Label: label}
	}
	want := rowsOf(t, s, box("\x7f"))
	assert.Contains(t, want, "#@@@@@#.")
	for _, label := range []string{"ä", "\x1f", "\n", "\xff", "猫", "\U0010ffff"} {
		assert.Equal(t, want, rowsOf(t, s, box(label)), "%q", label)
	}
	assert.NotEqual(t, want, rowsOf(t, s, box("~")))
}

func TestLabelsAreCutOffAtTheEdges(t *testing.T) {
	s := pixels.Shape{Height: 6, Width: 9, Channels: 1}
	whole := rowsOf(t, pixels.Shape{Height: 30, Width: 40, Channels: 1}, pixels.Box{XMin: 10, YMin: 15, XMax: 20, YMax: 15, Label: "abc"})
	for dx := -25; dx <= 10; dx++ {
		for dy := -18; dy <= 10; dy++ {
			part := rowsOf(t, s, pixels.Box{XMin: float64(10 + dx), YMin: float64(15 + dy), XMax: float64(20 + dx), YMax: float64(15 + dy), Label: "abc"})
			for y, row := range part {
				for x, mark := range row {
					wx, wy := x-dx, y-dy
					if wx >= 0 && wx < 40 && wy >= 0 && wy < 30 {
						require.Equal(t, string(whole[wy][wx]), string(mark), "at %d %d of %d %d", x, y, dx, dy)
					}
				}
			}
		}
	}
}

func TestBoxesKeepTheInputAndItsAlpha(t *testing.T) {
	box := pixels.Box{XMin: 1, YMin: 0, XMax: 1, YMax: 0}
	for _, c := range []struct {
		channels  int
		pix, want []uint8
	}{
		{1, []uint8{5, 6}, []uint8{5, 5, 5, 255, 0, 0}},
		{2, []uint8{5, 7, 6, 8}, []uint8{5, 5, 5, 7, 255, 0, 0, 255}},
		{3, []uint8{1, 2, 3, 4, 5, 6}, []uint8{1, 2, 3, 255, 0, 0}},
		{4, []uint8{1, 2, 3, 4, 5, 6, 7, 8}, []uint8{1, 2, 3, 4, 255, 0, 0, 255}},
	} {
		pix := slices.Clone(c.pix)
		got, s, err := pixels.DrawBoxes([]uint8{9}, pix, pixels.Shape{Height: 1, Width: 2, Channels: c.channels}, []pixels.Box{box})
		require.NoError(t, err)
		assert.Equal(t, append([]uint8{9}, c.want...), got)
		assert.Equal(t, len(c.want)/2, s.Channels)
		assert.Equal(t, c.pix, pix)
	}
}

func TestBoxesBeyondAllPicturesAreFine(t *testing.T) {
	s := pixels.Shape{Height: 3, Width: 4, Channels: 1}
	most, inf := math.MaxFloat64, math.Inf(1)
	for _, b := range []pixels.Box{
		{XMin: -most, YMin: -most, XMax: most, YMax: most, Label: "x"},
		{XMin: -inf, YMin: -inf, XMax: inf, YMax: inf, Label: "x"},
		{XMin: inf, YMin: inf, XMax: inf, YMax: inf, Label: "x"},
	} {
		assert.Equal(t, []string{"....", "....", "...."}, rowsOf(t, s, b))
	}
	assert.Equal(t, []string{"####", "####", "...."}, rowsOf(t, s, pixels.Box{XMin: -most, YMin: 1, XMax: most, YMax: most}))
}

func TestDrawBoxesNamesWhatItRefuses(t *testing.T) {
	dst := []uint8{9}
	got, _, err := pixels.DrawBoxes(dst, []uint8{1, 2}, pixels.Shape{Height: 1, Width: 1, Channels: 1}, nil)
	assert.ErrorContains(t, err, "2 values, want")
	assert.Equal(t, dst, got)
	got, _, err = pixels.DrawBoxes(dst, []uint8{1}, pixels.Shape{Height: 1, Width: 1, Channels: 1}, []pixels.Box{{}, {XMax: math.NaN()}})
	assert.EqualError(t, err, "pixels: box 1 is from (0, 0) to (NaN, 0), want numbers")
	assert.Equal(t, dst, got)
}
