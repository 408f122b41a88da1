package main

import (
	"math/rand/v2"

	"github.com/runhook/runhook/examples/digits/data"
)

const (
	pixels  = data.Pixels
	classes = data.Classes

	trainSize = 1437 // of 1,797, as in examples/digits
)

// digits are pictures of handwritten digits, with what they show.
type digits struct {
	images []float32 // [n, pixels], 0 to 1
	labels []uint8
}

func (d digits) len() int { return len(d.labels) }

// loadDigits returns the digits of examples/digits, parted at random.
func loadDigits(seed uint64) (train, test digits, err error) {
	images, labels, err := data.Load()
	if err != nil {
		return train, test, err
	}
	for i, from := range rand.New(rand.NewPCG(seed, 1)).Perm(len(labels)) {
		part := &train
		if i >= trainSize {
			part = &test
		}
		part.images = append(part.images, images[from*pixels:(from+1)*pixels]...)
		part.labels = append(part.labels, labels[from])
	}
	return train, test, nil
}

// batch returns copies of some digits, the labels with a 1 in the place of each.
func (d digits) batch(indices []int) (images, labels []float32) {
	images, labels = make([]float32, 0, len(indices)*pixels), make([]float32, len(indices)*classes)
	for i, index := range indices {
		images = append(images, d.images[index*pixels:(index+1)*pixels]...)
		labels[i*classes+int(d.labels[index])] = 1
	}
	return images, labels
}
