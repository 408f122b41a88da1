package main

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
)

const (
	pixels  = 64
	classes = 10

	trainSize = 1437 // of 1,797, as in examples/digits
)

// digits are pictures of handwritten digits, with what they show.
type digits struct {
	images []float32 // [n, pixels], 0 to 1
	labels []int
}

func (d digits) len() int { return len(d.labels) }

// readDigits reads rows of 64 pixels from 0 to 16 and a label, and parts them at
// random.
func readDigits(path string, seed uint64) (train, test digits, err error) {
	f, err := os.Open(path)
	if err != nil {
		return train, test, fmt.Errorf("%w: say with -data where examples/digits has its digits", err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return train, test, fmt.Errorf("%s: %w", path, err)
	}
	rows := csv.NewReader(unzipped)
	rows.FieldsPerRecord = pixels + 1
	all, err := rows.ReadAll()
	if err != nil {
		return train, test, fmt.Errorf("%s: %w", path, err)
	}
	for i, row := range rand.New(rand.NewPCG(seed, 1)).Perm(len(all)) {
		part := &train
		if i >= trainSize {
			part = &test
		}
		if err := part.add(all[row]); err != nil {
			return train, test, fmt.Errorf("%s: line %d: %w", path, row+1, err)
		}
	}
	return train, test, nil
}

func (d *digits) add(row []string) error {
	for i, field := range row {
		n, err := strconv.Atoi(field)
		if err != nil {
			return err
		}
		if i < pixels {
			d.images = append(d.images, float32(n)/16)
		} else {
			d.labels = append(d.labels, n)
		}
	}
	return nil
}

// batch returns copies of some digits, the labels with a 1 in the place of each.
func (d digits) batch(indices []int) (images, labels []float32) {
	images, labels = make([]float32, 0, len(indices)*pixels), make([]float32, len(indices)*classes)
	for i, index := range indices {
		images = append(images, d.images[index*pixels:(index+1)*pixels]...)
		labels[i*classes+d.labels[index]] = 1
	}
	return images, labels
}
