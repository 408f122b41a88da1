package main

import "github.com/runhook/runhook/summary"

func prCurves(w *summary.FileWriter, t *training) error {
	labels := make([]bool, len(t.testSet))
	predictions := make([]float32, len(t.testSet))
	for _, m := range t.some(5) {
		for i, p := range t.testSet {
			labels[i] = p.upper
			predictions[i] = float32(m.net.predict(p.x, p.y))
		}
		if err := w.PRCurve("test", labels, predictions, summary.PRCurveOptions{}, m.step); err != nil {
			return err
		}
		// TensorBoard has one slider for all curves of a run: they need the same steps.
		if err := w.PRCurveRaw("coin", coin(100, 11), m.step); err != nil {
			return err
		}
	}
	return nil
}

// coin is the curve of a coin that says "upper" ever less often: half of what it
// says is right. Both moons have n points.
func coin(n float64, thresholds int) (c summary.PRCurvePoints) {
	for i := range thresholds {
		recall := 1 - float64(i)/float64(thresholds)
		c.TruePositives = append(c.TruePositives, n*recall)
		c.FalsePositives = append(c.FalsePositives, n*recall)
		c.TrueNegatives = append(c.TrueNegatives, n-n*recall)
		c.FalseNegatives = append(c.FalseNegatives, n-n*recall)
		c.Precision = append(c.Precision, 0.5)
		c.Recall = append(c.Recall, recall)
	}
	return c
}
