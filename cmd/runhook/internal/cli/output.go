package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"github.com/runhook/runhook/cmd/runhook/internal/safe"
)

// A number is a float64 in JSON, which has no word for NaN and infinities: they
// are the strings "NaN", "Infinity" and "-Infinity".
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	x := float64(n)
	switch {
	case math.IsNaN(x):
		return []byte(`"NaN"`), nil
	case math.IsInf(x, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(x, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(x)
}

func numbers(xs []float64) []number {
	out := make([]number, len(xs))
	for i, x := range xs {
		out[i] = number(x)
	}
	return out
}

// encode returns v in JSON, safe for terminals, with a line end. indent is for a
// document of its own.
func encode(v any, indent bool) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if indent {
		e.SetIndent("", "  ")
	}
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return safe.JSON(b.Bytes()), nil
}

// writeJSON writes v as a document.
func writeJSON(w io.Writer, v any) error {
	b, err := encode(v, true)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// writeLine writes v in one line.
func writeLine(w io.Writer, v any) error {
	b, err := encode(v, false)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// A table is rows of cells in columns. Cells are made safe.
type table struct {
	rows  [][]string
	right []bool // columns with numbers
}

// newTable begins a table with its heads; those that begin with ">" are of
// columns with numbers.
func newTable(heads ...string) *table {
	t := &table{}
	for i, head := range heads {
		text, right := strings.CutPrefix(head, ">")
		t.right = append(t.right, right)
		heads[i] = text
	}
	t.rows = append(t.rows, heads)
	return t
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) error {
	widths := make([]int, len(t.right))
	for _, row := range t.rows {
		for i, cell := range row {
			row[i] = safe.Text(cell)
			widths[i] = max(widths[i], lipgloss.Width(row[i]))
		}
	}
	out := bufio.NewWriter(w)
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-lipgloss.Width(cell))
			if t.right[i] {
				line.WriteString(padding + cell + "  ")
			} else {
				line.WriteString(cell + padding + "  ")
			}
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
	return out.Flush()
}

// figure writes a number for people: six digits, those before the point all.
func figure(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case x == math.Trunc(x) && math.Abs(x) < 1e15:
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}

// count writes a number of things with their name, which gets an s.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(int64(n)) + " " + what
}

// grouped writes an integer with commas.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes a number of bytes.
func size(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n)/1000, 0
	for x >= 999.95 && unit < len(units)-1 {
		x, unit = x/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", x, units[unit])
}

// clock writes a wall time for people.
func clock(seconds float64) string {
	t := timeOf(seconds)
	if t.IsZero() {
		return figure(seconds)
	}
	return t.Format("2006-01-02 15:04:05")
}

// bytesOf is the size of the files together. One that is gone has none.
func bytesOf(files []string) int64 {
	var n int64
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			n += info.Size()
		}
	}
	return n
}
