package chart_test

import (
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/cmd/runhook/internal/chart"
)

// What TensorBoard's own test of classicSmoothing expects
// (webapp/widgets/line_chart_v2/data_transformer_test.ts).
func TestSmoothingIsTensorBoards(t *testing.T) {
	for _, test := range []struct {
		weight  float64
		ys, out []float64
	}{
		{0.6, []float64{1, 0.5, 0}, []float64{1, 0.6875, ((0.5*0.4 + 0.4*1*0.6) * 0.6) / (1 - math.Pow(0.6, 3))}},
		{0.6, []float64{0, 0.5, 1}, []float64{0, 0.3125, (1*0.4 + 0.5*0.4*0.6) / (1 - math.Pow(0.6, 3))}},
		{0.6, nil, []float64{}},
		{0, []float64{1, 0.5, 0}, []float64{1, 0.5, 0}},
		{1, []float64{1, 0.5, 0}, []float64{0, 0, 0}},
		{0.6, []float64{0.1, 0.1, 0.1}, []float64{0.1, 0.1, 0.1}},
	} {
		require.InDeltaSlice(t, test.out, chart.Smooth(test.ys, test.weight), 1e-15)
	}
	nan, inf := math.NaN(), math.Inf(1)
	got := chart.Smooth([]float64{1, nan, 0.5, inf, 0}, 0.6)
	require.True(t, math.IsNaN(got[1]))
	require.Equal(t, inf, got[3])
	require.InDeltaSlice(t, chart.Smooth([]float64{1, 0.5, 0}, 0.6), []float64{got[0], got[2], got[4]}, 1e-15, "as if they were not there")
}

func draw(t *testing.T, o chart.Options, lines ...chart.Line) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, chart.Draw(&b, lines, o))
	return b.String()
}

// ramp is a line through the given values at 0, 1, 2 …
func ramp(ys ...float64) chart.Line {
	l := chart.Line{Name: "r", Note: "n", Y: ys}
	for i := range ys {
		l.X = append(l.X, float64(i))
	}
	return l
}

var update = flag.Bool("update", false, "write the golden file")

// TestCharts draws charts into testdata/charts.golden, to be looked at.
func TestCharts(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	behind := ramp(2, 0, 2, 0, 2)
	behind.Y, behind.Behind = []float64{1, 1, 1, 1, 1}, behind.Y
	var wave, noise chart.Line
	for i := range 500 {
		x := float64(i) / 50
		wave.X, noise.X = append(wave.X, x), append(noise.X, x)
		wave.Y, noise.Y = append(wave.Y, math.Sin(x)), append(noise.Y, math.Cos(2*x)*math.Exp(-x/4))
	}
	wave.Name, noise.Name = "wave", "noise\x1b[2J"
	var got strings.Builder
	for _, test := range []struct {
		o     chart.Options
		lines []chart.Line
	}{
		{chart.Options{Title: "one line", XTitle: "step"}, []chart.Line{ramp(0, 1, 2, 1, 0)}},
		{chart.Options{Title: "two, with marks"}, []chart.Line{wave, noise}},
		{chart.Options{Title: "two, in colours", Color: true}, []chart.Line{wave, noise}},
		{chart.Options{Title: "the raw one faint behind, in colours", Color: true}, []chart.Line{behind}},
		{chart.Options{Title: "NaN and infinities break it"}, []chart.Line{ramp(nan, 0, 1, nan, 2, inf, 1, -inf, 0)}},
		{chart.Options{Title: "a single point"}, []chart.Line{ramp(3)}},
		{chart.Options{Title: "constant"}, []chart.Line{ramp(0.1, 0.1, 0.1)}},
		{chart.Options{Title: "always zero"}, []chart.Line{ramp(0, 0)}},
		{chart.Options{Title: "nothing"}, []chart.Line{ramp(nan, inf), ramp()}},
		{chart.Options{Title: "no lines"}, nil},
		{chart.Options{Title: "the greatest numbers"}, []chart.Line{ramp(-math.MaxFloat64, math.MaxFloat64)}},
		{chart.Options{Title: "the smallest numbers"}, []chart.Line{ramp(math.SmallestNonzeroFloat64, 0)}},
		{chart.Options{Title: "close together"}, []chart.Line{ramp(1, math.Nextafter(1, 2))}},
		{chart.Options{Title: "all steps"}, []chart.Line{{Name: "r", X: []float64{math.MinInt64, 0, math.MaxInt64}, Y: []float64{1, 2, 3}}}},
		{chart.Options{Title: "going back"}, []chart.Line{{Name: "r", X: []float64{0, 5, 3, 8}, Y: []float64{0, 5, 2, 3}}}},
		{chart.Options{Title: "logarithmic", Log: true}, []chart.Line{ramp(1e-3, 1, 1e6, 0, 10)}},
		{chart.Options{Title: "logarithmic, less than a decade", Log: true}, []chart.Line{ramp(3, 4, 5, 7)}},
		{chart.Options{Title: "cut to 0.5 to 1.5", Y: [2]float64{0.5, 1.5}}, []chart.Line{ramp(0, 3, -3, 1)}},
		{chart.Options{Title: "tiny", Width: 1, Height: 1}, []chart.Line{ramp(-12345.678, 1e-9)}},
		{chart.Options{Title: "title\x1b]0;x\a\n"}, []chart.Line{ramp(1, 2)}},
	} {
		if test.o.Width == 0 {
			test.o.Width, test.o.Height = 60, 9
		}
		text := draw(t, test.o, test.lines...)
		for line := range strings.Lines(text) {
			require.LessOrEqual(t, lipgloss.Width(line), max(test.o.Width, chart.MinWidth), line)
		}
		got.WriteString(text + "\n")
	}
	const path = "testdata/charts.golden"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got.String()), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

func TestALegendEnds(t *testing.T) {
	lines := make([]chart.Line, 1000)
	for i := range lines {
		lines[i] = ramp(float64(i))
	}
	text := draw(t, chart.Options{Height: 8}, lines...)
	require.Equal(t, 1+8+chart.MaxLegend+1, strings.Count(text, "\n"))
	require.True(t, strings.HasSuffix(text, "\n  … and 980 more\n"))
}

func TestAMillionPointsAreDrawnQuickly(t *testing.T) {
	var l chart.Line
	for i := range 1_000_000 {
		l.X, l.Y = append(l.X, float64(i)), append(l.Y, math.Sin(float64(i)/1e5))
	}
	o := chart.Options{Width: 200, Height: 50}
	require.Less(t, testing.AllocsPerRun(1, func() { draw(t, o, l) }), 200_000.0, "no work for points that fall on one dot")
}
