// Package data has the handwritten digits that examples train on; README.md names
// their source.
package data

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	Side    = 8           // width and height of an image
	Pixels  = Side * Side // numbers in an image
	Classes = 10          // digits 0 to 9

	maxPixel = 16 // full ink in the file
)

//go:embed digits.csv.gz
var file []byte

// Load returns the 1,797 digits in the order of the file: images of [n, Pixels],
// row-major, from 0 (paper) to 1 (ink), and what they show, 0 to 9. The slices are
// the caller's.
func Load() (images []float32, labels []uint8, err error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, nil, fmt.Errorf("digits: %w", err)
	}
	return read(unzipped)
}

// read parses rows of 64 pixels from 0 to 16 and a label from 0 to 9.
func read(r io.Reader) (images []float32, labels []uint8, err error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = Pixels + 1
	rows.ReuseRecord = true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return images, labels, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("digits: %w", err)
		}
		for i, field := range row {
			limit := maxPixel
			if i == Pixels {
				limit = Classes - 1
			}
			value, err := strconv.Atoi(field)
			if err != nil || value < 0 || value > limit {
				line, column := rows.FieldPos(i)
				return nil, nil, fmt.Errorf("digits: line %d, column %d: %q, want 0 to %d", line, column, field, limit)
			}
			if i < Pixels {
				images = append(images, float32(value)/maxPixel)
			} else {
				labels = append(labels, uint8(value))
			}
		}
	}
}
