package main

import (
	"math"

	"github.com/runhook/runhook/summary"
)

func audio(w *summary.FileWriter, t *training) error {
	both := sound(t)
	if err := w.Audio("loss", both, steps); err != nil {
		return err
	}
	// Several clips at a step: each side alone.
	sides := []summary.Clip{{SampleRate: both.SampleRate}, {SampleRate: both.SampleRate}}
	for i, sample := range both.Samples {
		sides[i%2].Samples = append(sides[i%2].Samples, sample)
	}
	return w.Audios("loss/sides", sides, steps)
}

// sound makes the losses audible, that of the training on the left, that of the
// test on the right: a fifth less of it is a semitone less.
func sound(t *training) summary.Clip {
	const rate = 16000
	clip := summary.Clip{SampleRate: rate, Channels: 2}
	var left, right float64 // phases
	for frame := range 3 * rate {
		m := t.moments[frame*len(t.moments)/(3*rate)]
		left += pitch(m.train.loss) / rate
		right += pitch(m.test.loss) / rate
		clip.Samples = append(clip.Samples, tone(left), tone(right))
	}
	return clip
}

// pitch is 880 Hz for a loss of 1.
func pitch(loss float64) float64 {
	return 880 * math.Exp2(math.Log(max(loss, 0.01))/math.Log(1.25)/12)
}

func tone(phase float64) float32 { return float32(0.3 * math.Sin(2*math.Pi*phase)) }
