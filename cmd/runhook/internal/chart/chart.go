// Package chart draws curves as text: axes with round numbers, and dots of
// Braille, of which a character has two by four.
package chart

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/NimbleMarkets/ntcharts/canvas"
	"github.com/NimbleMarkets/ntcharts/canvas/graph"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/runhook/runhook/cmd/runhook/internal/safe"
)

// A Line is one curve. Its points are connected in their order; where Y is not
// finite, the line is broken.
type Line struct {
	Name string
	Note string // behind the name
	X, Y []float64
	// Behind is drawn faint below all lines, with the same X: what Y was made
	// smooth from. May be nil.
	Behind []float64
}

// Options say how a chart is drawn.
type Options struct {
	Title         string
	XTitle        string
	XLabel        func(float64) string // default: the number
	Width, Height int                  // in characters, with axes, without title and legend
	Color         bool
	Log           bool       // the Y axis is logarithmic; what is not positive is not drawn
	Y             [2]float64 // lowest and highest Y; equal: those of the lines
}

// The least that a chart can be drawn in.
const (
	MinWidth  = 24
	MinHeight = 5
)

// MaxLegend is how many lines are named below a chart.
const MaxLegend = 20

// colors are of the 256 that terminals have, apart for the colour-blind, too;
// terminals with fewer get the nearest.
var colors = []string{"39", "208", "35", "205", "220", "141", "51", "196", "113", "180"}

// marks take the place of colours.
var marks = []rune("*+ox#@%&=~")

// Draw writes the chart.
func Draw(w io.Writer, lines []Line, o Options) error {
	if o.XLabel == nil {
		o.XLabel = label
	}
	o.Width, o.Height = max(o.Width, MinWidth), max(o.Height, MinHeight)
	renderer := lipgloss.NewRenderer(io.Discard)
	renderer.SetColorProfile(termenv.Ascii)
	if o.Color {
		renderer.SetColorProfile(termenv.ANSI256)
	}
	d := drawing{Options: o, renderer: renderer}
	d.measure(lines)

	var text strings.Builder
	fmt.Fprintln(&text, renderer.NewStyle().Bold(true).Render(safe.Text(o.Title)))
	if d.empty {
		fmt.Fprintln(&text, "  nothing to draw")
	} else {
		d.draw(lines)
		for row := range strings.Lines(d.canvas.View()) {
			fmt.Fprintln(&text, joined(strings.TrimRight(row, " \n")))
		}
	}
	for i, l := range lines {
		if i == MaxLegend {
			fmt.Fprintf(&text, "  … and %d more\n", len(lines)-i)
			break
		}
		mark := d.style(i).Render(string(d.mark(i, len(lines))))
		legend := fmt.Sprintf("  %s %s  %s", mark, safe.Text(l.Name), safe.Text(l.Note))
		fmt.Fprintln(&text, strings.TrimRight(legend, " "))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// joined returns a row in which every character has a style of its own with each
// style set once for all neighbours that share it, which is a tenth.
func joined(row string) string {
	const begin, reset = "\x1b[", "\x1b[0m"
	var out strings.Builder
	last := ""
	for piece := range strings.SplitSeq(row, reset) {
		before, rest, _ := strings.Cut(piece, begin)
		style, text, _ := strings.Cut(rest, "m")
		if last != "" && (before != "" || style != last) {
			out.WriteString(reset)
			last = ""
		}
		out.WriteString(before)
		if style != last {
			out.WriteString(begin + style + "m")
			last = style
		}
		out.WriteString(text)
	}
	return out.String()
}

// A drawing is a chart being drawn.
type drawing struct {
	Options
	renderer *lipgloss.Renderer
	canvas   canvas.Model

	empty     bool // there is no point
	low, high canvas.Float64Point
	left      int // columns left of the axis
}

func (d *drawing) style(i int) lipgloss.Style {
	return d.renderer.NewStyle().Foreground(lipgloss.Color(colors[i%len(colors)]))
}

// mark is what line i of n is drawn with: dots, where colours tell it from
// others or there are none.
func (d *drawing) mark(i, n int) rune {
	if d.Color || n == 1 {
		return '⣿'
	}
	return marks[i%len(marks)]
}

// y is where a value is on the axis.
func (d *drawing) y(v float64) float64 {
	if d.Log {
		return math.Log10(v)
	}
	return v
}

// at is a point of a curve, if it can be drawn.
func (d *drawing) at(x, y float64) (p canvas.Float64Point, ok bool) {
	p = canvas.Float64Point{X: x, Y: d.y(y)}
	return p, !math.IsNaN(p.Y+p.X) && !math.IsInf(p.Y, 0) && !math.IsInf(p.X, 0)
}

// measure finds the corners.
func (d *drawing) measure(lines []Line) {
	inf := math.Inf(1)
	d.low, d.high = canvas.Float64Point{X: inf, Y: inf}, canvas.Float64Point{X: -inf, Y: -inf}
	for _, l := range lines {
		for _, ys := range [][]float64{l.Y, l.Behind} {
			for i, y := range ys {
				if p, ok := d.at(l.X[i], y); ok {
					d.low.X, d.high.X = min(d.low.X, p.X), max(d.high.X, p.X)
					d.low.Y, d.high.Y = min(d.low.Y, p.Y), max(d.high.Y, p.Y)
				}
			}
		}
	}
	d.empty = d.low.X > d.high.X
	if d.Y[0] < d.Y[1] {
		d.low.Y, d.high.Y = d.y(d.Y[0]), d.y(d.Y[1])
	}
	d.low.X, d.high.X = apart(d.low.X, d.high.X)
	d.low.Y, d.high.Y = apart(d.low.Y, d.high.Y)
}

// apart widens a range that has no width, or too little for numbers to be told
// apart on it.
func apart(low, high float64) (float64, float64) {
	const least = 1e-300 // Of smaller numbers not all can be told apart.
	middle := low/2 + high/2
	if by := max(math.Abs(middle)*1e-9, least); !(high-low > by) {
		by = max(math.Abs(middle)*1e-3, least)
		if math.Abs(middle) < least {
			by = 1
		}
		return middle - by, middle + by
	}
	return low, high
}

// scale is where v is between low and high, from 0 to n. The difference of two
// numbers may be more than the largest one.
func scale(v, low, high float64, n int) float64 {
	return (v/2 - low/2) / (high/2 - low/2) * float64(n)
}

func (d *drawing) draw(lines []Line) {
	rows := d.Height - 2 // the axis and its labels
	yTicks := ticks(d.low.Y, d.high.Y, max(2, rows/3))
	if d.Log {
		yTicks = logTicks(math.Pow(10, d.low.Y), math.Pow(10, d.high.Y), max(2, rows/2))
	}
	for _, t := range yTicks {
		d.left = max(d.left, len(label(t)))
	}
	d.left++
	columns := d.Width - d.left - 1
	d.canvas = canvas.New(d.Width, d.Height)

	faint := d.renderer.NewStyle().Faint(true)
	graph.DrawXYAxis(&d.canvas, canvas.Point{X: d.left, Y: rows}, faint)
	for _, t := range yTicks {
		row := rows - 1 - int(math.Round(scale(d.y(t), d.low.Y, d.high.Y, rows-1)))
		d.canvas.SetRuneWithStyle(canvas.Point{X: d.left, Y: row}, '┤', faint)
		text := label(t)
		d.canvas.SetString(canvas.Point{X: d.left - 1 - len(text), Y: row}, text)
	}
	d.drawX(rows, columns, faint)

	origin := canvas.Point{X: d.left + 1}
	for i, l := range lines {
		if l.Behind != nil && d.Color {
			graph.DrawBraillePatterns(&d.canvas, origin, d.dots(l.X, l.Behind, columns, rows).BraillePatterns(), d.style(i).Faint(true))
		}
	}
	for i, l := range lines {
		if mark := d.mark(i, len(lines)); mark != '⣿' {
			d.drawMarks(l, mark, columns, rows)
			continue
		}
		graph.DrawBraillePatterns(&d.canvas, origin, d.dots(l.X, l.Y, columns, rows).BraillePatterns(), d.style(i))
	}
}

// drawX labels the X axis. Labels that would touch are left out.
func (d *drawing) drawX(rows, columns int, style lipgloss.Style) {
	free := 0
	room := d.Width
	if d.XTitle != "" {
		room -= len(d.XTitle) + 1
		d.canvas.SetStringWithStyle(canvas.Point{X: room + 1, Y: rows + 1}, d.XTitle, style)
	}
	for _, t := range ticks(d.low.X, d.high.X, max(2, columns/12)) {
		text := d.XLabel(t)
		column := d.left + 1 + int(math.Round(scale(t, d.low.X, d.high.X, columns-1)))
		start := max(column-len(text)/2, 0)
		if start < free || start+len(text) > room {
			continue
		}
		d.canvas.SetRuneWithStyle(canvas.Point{X: column, Y: rows}, '┬', style)
		d.canvas.SetString(canvas.Point{X: start, Y: rows + 1}, text)
		free = start + len(text) + 2
	}
}

// walk calls line for every piece of a curve, on a grid of width by height, the
// first row being the upper one. A point alone is a piece with two equal ends.
func (d *drawing) walk(xs, ys []float64, width, height int, line func(from, to canvas.Point)) {
	var last canvas.Point
	drawn := false // last is where the curve is
	for i, y := range ys {
		p, ok := d.at(xs[i], y)
		if !ok {
			drawn = false
			continue
		}
		// Far beyond the edges the line is cut off; its slope hardly changes.
		column := min(max(scale(p.X, d.low.X, d.high.X, width-1), -1), float64(width))
		row := min(max(scale(p.Y, d.low.Y, d.high.Y, height-1), -float64(height)), 2*float64(height))
		to := canvas.Point{X: int(math.Round(column)), Y: height - 1 - int(math.Round(row))}
		if !drawn {
			last = to
		} else if to == last {
			continue
		}
		line(last, to)
		last, drawn = to, true
	}
}

// dots draws a curve in Braille.
func (d *drawing) dots(xs, ys []float64, columns, rows int) *graph.BrailleGrid {
	width, height := 2*columns, 4*rows
	grid := graph.NewBrailleGrid(columns, rows, 0, float64(columns), 0, float64(rows))
	d.walk(xs, ys, width, height, func(from, to canvas.Point) {
		for _, p := range graph.GetLinePoints(from, to) {
			if p.X >= 0 && p.X < width && p.Y >= 0 && p.Y < height {
				grid.Set(p)
			}
		}
	})
	return grid
}

// drawMarks draws a curve with one character.
func (d *drawing) drawMarks(l Line, mark rune, columns, rows int) {
	d.walk(l.X, l.Y, columns, rows, func(from, to canvas.Point) {
		for _, p := range graph.GetLinePoints(from, to) {
			if p.X >= 0 && p.X < columns && p.Y >= 0 && p.Y < rows {
				d.canvas.SetRune(p.Add(canvas.Point{X: d.left + 1}), mark)
			}
		}
	})
}
