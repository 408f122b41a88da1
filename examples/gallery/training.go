package main

import "math/rand/v2"

// steps is how long a training is.
const steps = 500

// A training is all that this program shows: a network that learns from points to
// tell two moons apart.
type training struct {
	settings
	trainSet, testSet []point
	batchLoss         []float64 // of each step
	moments           []moment  // of every 10th step
}

type settings struct {
	units     int
	rate      float64
	batchSize int
	decay     bool // of the rate, to 0
}

// A moment is what is known of one step.
type moment struct {
	step           int64
	net            *network
	rate, gradient float64
	train, test    score
}

type score struct{ loss, accuracy float64 }

// train learns from the same points each time.
func train(s settings) *training {
	rng := rand.New(rand.NewPCG(1, 2))
	t := &training{settings: s, trainSet: moons(400, rng), testSet: moons(200, rng)}
	net := newNetwork(s.units, rng)
	for step := range steps + 1 {
		rate := s.rate
		if s.decay {
			rate *= 1 - float64(step)/steps
		}
		at := rng.IntN(len(t.trainSet) - s.batchSize + 1)
		batch := t.trainSet[at : at+s.batchSize]
		gradient := net.gradient(batch)
		t.batchLoss = append(t.batchLoss, net.score(batch).loss)
		if step%10 == 0 {
			t.moments = append(t.moments, moment{
				step: int64(step), net: net.clone(), rate: rate, gradient: gradient.norm(),
				train: net.score(t.trainSet), test: net.score(t.testSet),
			})
		}
		net.descend(gradient, rate)
	}
	return t
}

// some returns every nth moment.
func (t *training) some(n int) []moment {
	var some []moment
	for i := 0; i < len(t.moments); i += n {
		some = append(some, t.moments[i])
	}
	return some
}

func (t *training) last() moment { return t.moments[len(t.moments)-1] }
