package summary

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// TextValue returns a text in Markdown.
func TextValue(tag, markdown string) (Value, error) {
	return textValue(tag, []string{markdown})
}

// TextTableValue returns a table, each cell a text in Markdown. The rows have one
// length; readers show the first as the head.
func TextTableValue(tag string, rows [][]string) (Value, error) {
	if len(rows) == 0 {
		return Value{}, fmt.Errorf("summary: text %q: the table has no rows", tag)
	}
	var cells []string
	for i, row := range rows {
		if len(row) != len(rows[0]) || len(row) == 0 {
			return Value{}, fmt.Errorf("summary: text %q: row %d has %d cells, want as many as the first (%d), and one at least", tag, i, len(row), len(rows[0]))
		}
		cells = append(cells, row...)
	}
	return textValue(tag, cells, len(rows), len(rows[0]))
}

func textValue(tag string, cells []string, shape ...int) (Value, error) {
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			return Value{}, fmt.Errorf("summary: text %q: string %d is no valid UTF-8: %.40q", tag, i, cell)
		}
	}
	return Value{tag: tag, metadata: textMetadata, body: stringField(cells, shape...)}, nil
}

// Text writes a text in Markdown.
func (w *Writer) Text(tag, markdown string, step int64) error {
	v, err := TextValue(tag, markdown)
	return w.add(step, v, err)
}

// TextTable writes a table; see [TextTableValue].
func (w *Writer) TextTable(tag string, rows [][]string, step int64) error {
	v, err := TextTableValue(tag, rows)
	return w.add(step, v, err)
}

// Text returns an op that makes a text of a fetched string, or a table of a
// fetched tensor of strings of one dimension, a column, or two. Of more, readers
// would show a part. The tag is name as [CleanName] gives it.
func Text(name, fetch string) Op {
	return opOf("text", name, fetch, func(tag string, in input) (Value, error) {
		if s, ok := in.Text(); ok {
			return TextValue(tag, s)
		}
		t, err := in.tensor("strings")
		if err != nil {
			return Value{}, err
		}
		cells, ok := t.Data.([]string)
		if !ok {
			return Value{}, in.want("strings")
		}
		if len(t.Shape) > 2 || slices.Contains(t.Shape, 0) {
			return Value{}, in.want("at most two dimensions, none of them 0")
		}
		return textValue(tag, cells, t.Shape...)
	})
}
