package main

import "github.com/runhook/runhook/summary"

func scalars(w *summary.FileWriter, t *training) error {
	for step, loss := range t.batchLoss {
		if err := w.Scalar("batch/loss", loss, int64(step)); err != nil {
			return err
		}
	}
	for _, m := range t.moments {
		rate := summary.ScalarValue("schedule/rate", m.rate).Described("learning rate", "It falls to **0** at the last step.")
		// Many in one event share its step and time.
		if err := w.Add(m.step, rate, summary.ScalarValue("schedule/gradient", m.gradient)); err != nil {
			return err
		}
		// TensorBoard draws float32; this keeps all 64 bits, too.
		if err := w.ExactScalar("test/loss", m.test.loss, m.step); err != nil {
			return err
		}
	}
	return nil
}
