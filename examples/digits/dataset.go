package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/runhook/runhook/examples/digits/data"
)

const (
	side    = data.Side
	pixels  = data.Pixels
	classes = data.Classes
)

// trainSize is the usual four fifths of the 1,797 images; the other 360 are for
// testing.
const trainSize = 1437

// One seed feeds independent streams, so that a change to one consumer leaves
// the others as they were.
const (
	splitStream uint64 = iota + 1
	weightStream
	batchStream
)

// examples is a list of labelled images. A whole set and a single batch both
// have this form.
type examples struct {
	images []float32 // [n, pixels], row-major, 0 (paper) to 1 (ink)
	labels []uint8   // [n], 0 to 9
}

// loadDigits returns the data set in the order of its file; data/README.md names
// its source.
func loadDigits() (examples, error) {
	images, labels, err := data.Load()
	return examples{images: images, labels: labels}, err
}

// len returns the number of examples.
func (e examples) len() int { return len(e.labels) }

// image returns the pixels of example i; it shares memory with e.
func (e examples) image(i int) []float32 { return e.images[i*pixels : (i+1)*pixels] }

// gather copies the examples that indices names into dst, whose length must be
// theirs.
func (e examples) gather(dst examples, indices []int) {
	for i, from := range indices {
		copy(dst.image(i), e.image(from))
		dst.labels[i] = e.labels[from]
	}
}

func makeExamples(n int) examples {
	return examples{images: make([]float32, n*pixels), labels: make([]uint8, n)}
}

// split shuffles a copy of e and cuts it after n examples. Equal seeds give
// equal splits.
func (e examples) split(n int, seed uint64) (train, test examples, err error) {
	if n < 0 || n > e.len() {
		return examples{}, examples{}, fmt.Errorf("digits: training set of %d from %d examples", n, e.len())
	}
	order := rand.New(rand.NewPCG(seed, splitStream)).Perm(e.len())
	train, test = makeExamples(n), makeExamples(e.len()-n)
	e.gather(train, order[:n])
	e.gather(test, order[n:])
	return train, test, nil
}

// batches cuts a set into batches, in a fresh order each epoch. Which examples
// a step gets depends on the seed and the step alone, so training that resumes
// from a checkpoint sees the batches it would have seen. Not safe for
// concurrent use.
type batches struct {
	from     examples
	seed     uint64
	perEpoch int64
	pcg      *rand.PCG
	rng      *rand.Rand
	epoch    int64 // the epoch that order belongs to
	order    []int
	out      examples
}

// newBatches returns the batches of size examples out of from. An epoch leaves
// out the from.len() % size examples that its order puts last.
func newBatches(from examples, size int, seed uint64) (*batches, error) {
	if size < 1 || size > from.len() {
		return nil, fmt.Errorf("digits: batch size %d, want 1 to %d", size, from.len())
	}
	pcg := rand.NewPCG(seed, batchStream)
	return &batches{
		from:     from,
		seed:     seed,
		perEpoch: int64(from.len() / size),
		pcg:      pcg,
		rng:      rand.New(pcg),
		epoch:    -1,
		order:    make([]int, from.len()),
		out:      makeExamples(size),
	}, nil
}

// at returns the batch of a step, counted from 0. The batch is valid until the
// next call.
func (b *batches) at(step int64) examples {
	if epoch := step / b.perEpoch; epoch != b.epoch {
		b.shuffle(epoch)
	}
	size := b.out.len()
	start := int(step%b.perEpoch) * size
	b.from.gather(b.out, b.order[start:start+size])
	return b.out
}

func (b *batches) shuffle(epoch int64) {
	b.epoch = epoch
	for i := range b.order {
		b.order[i] = i
	}
	// The epoch sits in the upper bits: stream numbers of split and weights stay
	// out of its range.
	b.pcg.Seed(b.seed, batchStream+uint64(epoch)<<8)
	b.rng.Shuffle(len(b.order), func(i, j int) { b.order[i], b.order[j] = b.order[j], b.order[i] })
}
