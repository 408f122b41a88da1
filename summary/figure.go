package summary

import (
	"bytes"
	"fmt"
	"io"

	"github.com/runhook/runhook/internal/faults"
)

// FigureValue returns what a figure draws of itself, as PNG, JPEG or GIF: gonum's
// plots, by their WriterTo, for example.
func FigureValue(tag string, figure io.WriterTo) (Value, error) {
	if faults.IsNil(figure) {
		return Value{}, fmt.Errorf("summary: figure %q: it is nil", tag)
	}
	var encoded bytes.Buffer
	if _, err := figure.WriteTo(&encoded); err != nil {
		return Value{}, fmt.Errorf("summary: figure %q: %w", tag, err)
	}
	return EncodedImagesValue(tag, encoded.Bytes())
}

// Figure writes what a figure draws of itself; see [FigureValue].
func (w *Writer) Figure(tag string, figure io.WriterTo, step int64) error {
	v, err := FigureValue(tag, figure)
	return w.add(step, v, err)
}

// Figure returns an op that makes a picture of what a fetched io.WriterTo, by
// [session.Any], draws of itself; see [FigureValue].
func Figure(name, fetch string) Op { return opOfAny("figure", name, fetch, FigureValue) }
