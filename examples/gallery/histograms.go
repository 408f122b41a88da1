package main

import (
	"fmt"

	"github.com/runhook/runhook/summary"
)

func histograms(w *summary.FileWriter, t *training) error {
	for _, m := range t.moments {
		for i, l := range m.net.layers {
			var weights []float64
			for _, row := range l.weights {
				weights = append(weights, row...)
			}
			if err := w.Histogram(fmt.Sprintf("layer_%d/weights", i+1), weights, m.step); err != nil {
				return err
			}
		}
		// Buckets of one width are easier to read, and coarser: as many as one likes, or as
		// a rule of NumPy's makes of the values.
		losses := m.net.losses(t.testSet)
		if err := w.HistogramBuckets("test/losses", losses, summary.DefaultBuckets, m.step); err != nil {
			return err
		}
		if err := w.HistogramBuckets("test/losses/auto", losses, summary.BucketsAuto, m.step); err != nil {
			return err
		}
		// What no histogram shows is a curve: 0 while the training is sound.
		if err := w.NonFinite("test/losses/non_finite", losses, m.step); err != nil {
			return err
		}
		// What was counted elsewhere comes with its buckets.
		if err := w.HistogramRaw("test/predictions", count(m.net, t.testSet), m.step); err != nil {
			return err
		}
	}
	return nil
}

// count counts predictions in ten buckets from 0 to 1.
func count(n *network, points []point) []summary.Bucket {
	buckets := make([]summary.Bucket, 10)
	for i := range buckets {
		buckets[i] = summary.Bucket{Left: float64(i) / 10, Right: float64(i+1) / 10}
	}
	for _, p := range points {
		buckets[min(int(n.predict(p.x, p.y)*10), 9)].Count++
	}
	return buckets
}
